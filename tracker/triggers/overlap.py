"""A look where two tracks begin to overlap, and another where they part: whose box is whose is at stake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import iou
from detectors.frame import Frame
from tracker.types import Reason, Track, TrackState


@dataclass(frozen=True, slots=True)
class Config:
    """Settings.

    Attributes:
        least: IoU from which two tracks are together...
        parted: ...and below which they are apart again.
        rest_s: shortest time between two looks.
        interval_s: longest time without a look, so that new road users are found.
    """

    least: float = 0.15
    parted: float = 0.05
    rest_s: float = 0.1
    interval_s: float = 1.0

    def __post_init__(self) -> None:
        """Raise ValueError for an overlap outside [0, 1], an end above the beginning, or a time below 0."""
        if not 0 <= self.parted <= self.least <= 1:
            raise ValueError("parted and least must lie in [0, 1], in this order")
        if min(self.rest_s, self.interval_s) < 0:
            raise ValueError("times must be at least 0")


class Overlap:
    """First frame, two tracks that met or parted since the last look, longest interval."""

    def __init__(self, config: Config) -> None:
        """Begin without a look."""
        self._config = config
        self.cause: int | None = None
        self.region: NDArray[np.float32] | None = None
        self._looked_s: float | None = None
        self._together: set[tuple[int, int]] = set()

    def reason(self, frame: Frame, tracks: Sequence[Track]) -> Reason | None:
        """Return FIRST_FRAME, OVERLAP, INTERVAL or None."""
        self.cause = None
        if self._looked_s is None:
            return Reason.FIRST_FRAME
        # half a millisecond of grace: time stamps are rounded
        since_s = frame.time_s - self._looked_s + 5e-4
        if since_s >= self._config.rest_s:
            here = {track.id: track for track in tracks}
            changed = self._pairs(tracks) ^ {pair for pair in self._together if here.keys() >= set(pair)}
            if changed:
                asking = [here[track_id] for pair in changed for track_id in pair]
                self.cause = min(asking, key=lambda track: (track.confidence, track.id)).id
                return Reason.OVERLAP
        return Reason.INTERVAL if since_s >= self._config.interval_s else None

    def looked(
        self, frame: Frame, result: Sequence[Track], looked_at: NDArray[np.float32] | None = None
    ) -> None:
        """Count the time from here, and remember who is together, if that was a look at all of the frame."""
        if looked_at is not None:
            return
        self._looked_s = frame.time_s
        self._together = self._pairs(result)

    def _pairs(self, tracks: Sequence[Track]) -> set[tuple[int, int]]:
        """Return the ids of the tracks that are together, the smaller one first."""
        shown = sorted((t for t in tracks if t.state is TrackState.CONFIRMED), key=lambda track: track.id)
        if len(shown) < 2:
            return set()
        boxes = np.array([track.box for track in shown], np.float32)
        overlaps = np.triu(iou(boxes, boxes), 1)
        found = zip(*(places.tolist() for places in np.nonzero(overlaps >= self._config.parted)), strict=True)
        ids = {(shown[i].id, shown[j].id): float(overlaps[i, j]) for i, j in found}
        return {p for p, o in ids.items() if o >= self._config.least or (p in self._together and o > 0)}


def build(config: Config) -> Overlap:
    """Build the trigger."""
    return Overlap(config)

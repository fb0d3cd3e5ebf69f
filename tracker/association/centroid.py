"""Centroid tracking: detections go to the nearest tracks, by the distance of the centres.

The method of the project's slides, with the greedy choice replaced by an optimal one (Hungarian) and with a
gate that grows with the box, so that a lorry near the camera may move further than a car far away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from detectors.boxes import centres
from detectors.detections import Detections
from detectors.frame import Frame
from tracker.tracks import LifeConfig, LifeCycle, stacked
from tracker.types import Origin, Track, TrackState


@dataclass(frozen=True, slots=True)
class Config(LifeConfig):
    """Settings of the matching, beside those of the tracks' life.

    Attributes:
        gate: largest distance of a match, in units of the track's size sqrt(width * height).
        smoothing_s: time constant of the velocity's moving average.
    """

    gate: float = 1.0
    smoothing_s: float = 0.3

    def __post_init__(self) -> None:
        """Raise ValueError for what no track's life allows, and for a gate or time that is not positive."""
        LifeConfig.__post_init__(self)
        if self.gate <= 0:
            raise ValueError("gate must be above 0")
        if self.smoothing_s <= 0:
            raise ValueError("smoothing_s must be above 0")


class CentroidAssociator:
    """Matches by the distance of centres; a track that is not carried stays where it was."""

    def __init__(self, config: Config) -> None:
        """Begin with no tracks."""
        self._config = config
        self._life = LifeCycle(config)
        self._last: dict[int, tuple[float, NDArray[np.float32]]] = {}

    def update(
        self,
        frame: Frame,
        tracks: Sequence[Track],
        detections: Detections | None,
        looked_at: NDArray[np.float32] | None = None,
    ) -> list[Track]:
        """Return all tracks after this frame; see ``tracker.protocols.Associator``."""
        if self._life.ended_by_cut(frame):
            after = [replace(t, state=TrackState.REMOVED) for t in tracks]
            pairs: dict[int, int] = {}
        else:
            here = [self._placed(t) for t in tracks]
            pairs = {} if detections is None else self._match(here, detections)
            after = self._after(frame, here, detections, pairs, looked_at)
        after += self._born(frame, detections, set(pairs.values()))
        after = [self._with_velocity(frame, t) for t in after]
        for track in after:
            if track.state is TrackState.REMOVED:
                self._last.pop(track.id, None)
        return sorted(after, key=lambda t: t.id)

    def _placed(self, track: Track) -> Track:
        return track if self._life.believed(track) else replace(track, origin=Origin.PREDICTED)

    def _after(
        self,
        frame: Frame,
        tracks: Sequence[Track],
        detections: Detections | None,
        pairs: dict[int, int],
        looked_at: NDArray[np.float32] | None,
    ) -> list[Track]:
        if detections is None:
            return self._life.carried(frame, tracks)
        found = [self._life.found(frame, tracks[i], detections, row) for i, row in pairs.items()]
        left = [t for i, t in enumerate(tracks) if i not in pairs]
        missed = self._life.unmatched(frame, left, looked_at)
        return self._life.without_duplicates(frame, found + missed)

    def _born(self, frame: Frame, detections: Detections | None, taken: set[int]) -> list[Track]:
        if detections is None:
            return []
        least = self._life.config.born_score
        free = [r for r in range(len(detections)) if r not in taken and detections.scores[r] >= least]
        return [self._life.born(frame, detections, r) for r in free]

    def _match(self, tracks: Sequence[Track], detections: Detections) -> dict[int, int]:
        boxes = stacked(tracks)
        apart = np.linalg.norm(centres(boxes)[:, None] - centres(detections.boxes)[None], axis=-1)
        size = np.sqrt(np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0), axis=1))
        cost = np.minimum(apart / size[:, None], 2 * self._config.gate)
        rows, columns = linear_sum_assignment(cost)
        near = cost[rows, columns] <= self._config.gate
        return dict(zip(rows[near].tolist(), columns[near].tolist(), strict=True))

    def _with_velocity(self, frame: Frame, track: Track) -> Track:
        """Average the velocity over the boxes that were seen, not over those that stand still unseen."""
        if track.origin is Origin.PREDICTED:
            return track
        centre = centres(track.box)
        time_s, before = self._last.get(track.id, (frame.time_s, centre))
        self._last[track.id] = (frame.time_s, centre)
        step_s = frame.time_s - time_s
        if step_s <= 0:
            return track
        weight = 1.0 if not track.velocity.any() else 1 - np.exp(-step_s / self._config.smoothing_s)
        velocity = track.velocity + weight * ((centre - before) / step_s - track.velocity)
        return replace(track, velocity=velocity.astype(np.float32))


def build(config: Config) -> CentroidAssociator:
    """Build the associator."""
    return CentroidAssociator(config)

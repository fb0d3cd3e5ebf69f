"""The CNN only when there is a reason: something new began, or a tracker is unsure on this frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import has_left
from detectors.frame import Frame
from tracker.types import Origin, Reason, Track, TrackState

#: So much room a look at a part of the frame shows around a doubtful box: in units of its sides, and at least
#: in units of the frame's longer side.
ROOM, LEAST_ROOM = 0.5, 0.04


@dataclass(frozen=True, slots=True)
class Config:
    """Settings.

    Attributes:
        threshold: a tracker below this confidence is unsure.
        interval_s: longest time without a look, so that new road users are found.
        rest_s: shortest time between two looks that doubtful tracks ask for.
        retry_s: time after which a track that the last look did not find asks again.
        confirm_s: time after which a track that was seen only once asks to be confirmed, whatever the
            threshold; ``inf`` leaves that to the other reasons.
        part: where all doubtful tracks lie in a part of the frame with this share of its width and height, a
            look sees that part alone; 0 for never.
        whole_s: but where the last look at the whole is as long ago, or longer, it sees the whole: the next
            such look is due soon.
    """

    threshold: float = 0.4
    interval_s: float = 0.3
    rest_s: float = 0.1
    retry_s: float = 0.2
    confirm_s: float = 0.12
    part: float = 0.5
    whole_s: float = 0.2

    def __post_init__(self) -> None:
        """Raise ValueError for a threshold outside [0, 1] or a negative time."""
        if not 0 <= self.threshold <= 1:
            raise ValueError("threshold must lie in [0, 1]")
        if not 0 <= self.part <= 1:
            raise ValueError("part must lie in [0, 1]")
        if min(self.interval_s, self.rest_s, self.retry_s, self.confirm_s, self.whole_s) < 0:
            raise ValueError("times must be at least 0")


class Confidence:
    """First frame, cut, gap, low confidence, track lost, unconfirmed, longest interval: in this order."""

    def __init__(self, config: Config) -> None:
        """Begin without a look."""
        self._config = config
        self.cause: int | None = None
        self.region: NDArray[np.float32] | None = None
        self._looked_s: float | None = None
        self._whole_s: float = 0.0

    def reason(self, frame: Frame, tracks: Sequence[Track]) -> Reason | None:
        """Return why the CNN must look at this frame, or None."""
        self.cause = self.region = None
        if self._looked_s is None:
            return Reason.FIRST_FRAME
        if frame.cut:
            return Reason.CUT
        if frame.gap_s > 0:
            return Reason.GAP
        # half a millisecond of grace: time stamps are rounded
        since_s = frame.time_s - self._looked_s + 5e-4
        whole_s = frame.time_s - self._whole_s + 5e-4
        if since_s >= self._config.rest_s:
            # who has left the picture needs no look
            inside = [t for t in tracks if not has_left(t.box, frame.width, frame.height)]
            doubts = [(self._doubt(track, since_s), track) for track in inside]
            for reason in (Reason.LOW_CONFIDENCE, Reason.TRACK_LOST, Reason.UNCONFIRMED):
                asking = [track for doubt, track in doubts if doubt is reason]
                if asking:
                    self.cause = min(asking, key=lambda track: track.confidence).id
                    if whole_s < self._config.whole_s:
                        self.region = self._region(frame, [track for doubt, track in doubts if doubt])
                    return reason
        return Reason.INTERVAL if whole_s >= self._config.interval_s else None

    def _region(self, frame: Frame, doubtful: Sequence[Track]) -> NDArray[np.float32] | None:
        """Return the part of the frame that shows all these tracks with room around; None if none does."""
        size = np.array([frame.width, frame.height], np.float32)
        boxes = np.array([track.box for track in doubtful], np.float32)
        room = np.maximum(ROOM * (boxes[:, 2:] - boxes[:, :2]), LEAST_ROOM * size.max())
        low = np.maximum(boxes[:, :2] - room, 0).min(0)
        high = np.minimum(boxes[:, 2:] + room, size).max(0)
        side = self._config.part * size
        if (high - low > side).any():
            return None
        corner = np.clip((low + high - side) / 2, 0, size - side)
        return np.concatenate([corner, corner + side])

    def _doubt(self, track: Track, since_s: float) -> Reason | None:
        if track.state is TrackState.COASTING:
            # at the longest interval the look comes anyway, and is then none that the track asked for
            asks = self._config.retry_s <= since_s < self._config.interval_s
            return Reason.TRACK_LOST if asks else None
        if track.origin is Origin.PREDICTED:
            return Reason.TRACK_LOST
        if track.confidence < self._config.threshold:
            return Reason.LOW_CONFIDENCE
        unconfirmed = track.state is TrackState.TENTATIVE and since_s >= self._config.confirm_s
        return Reason.UNCONFIRMED if unconfirmed else None

    def looked(
        self, frame: Frame, result: Sequence[Track], looked_at: NDArray[np.float32] | None = None
    ) -> None:
        """Count the times from here; the interval only from a look at all of the frame."""
        self._looked_s = frame.time_s
        if looked_at is None:
            self._whole_s = frame.time_s


def build(config: Config) -> Confidence:
    """Build the trigger."""
    return Confidence(config)

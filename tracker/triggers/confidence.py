"""The CNN only when there is a reason: something new began, or a tracker is unsure on this frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from detectors.boxes import has_left
from detectors.frame import Frame
from tracker.types import Origin, Reason, Track, TrackState


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
    """

    threshold: float = 0.4
    interval_s: float = 0.3
    rest_s: float = 0.1
    retry_s: float = 0.2
    confirm_s: float = 0.12

    def __post_init__(self) -> None:
        """Raise ValueError for a threshold outside [0, 1] or a negative time."""
        if not 0 <= self.threshold <= 1:
            raise ValueError("threshold must lie in [0, 1]")
        if min(self.interval_s, self.rest_s, self.retry_s, self.confirm_s) < 0:
            raise ValueError("times must be at least 0")


class Confidence:
    """First frame, cut, gap, low confidence, track lost, unconfirmed, longest interval: in this order."""

    def __init__(self, config: Config) -> None:
        """Begin without a look."""
        self._config = config
        self.cause: int | None = None
        self._looked_s: float | None = None

    def reason(self, frame: Frame, tracks: Sequence[Track]) -> Reason | None:
        """Return why the CNN must look at this frame, or None."""
        self.cause = None
        if self._looked_s is None:
            return Reason.FIRST_FRAME
        if frame.cut:
            return Reason.CUT
        if frame.gap_s > 0:
            return Reason.GAP
        # half a millisecond of grace: time stamps are rounded
        since_s = frame.time_s - self._looked_s + 5e-4
        if since_s >= self._config.rest_s:
            # who has left the picture needs no look
            inside = [t for t in tracks if not has_left(t.box, frame.width, frame.height)]
            doubts = [(self._doubt(track, since_s), track) for track in inside]
            for reason in (Reason.LOW_CONFIDENCE, Reason.TRACK_LOST, Reason.UNCONFIRMED):
                asking = [track for doubt, track in doubts if doubt is reason]
                if asking:
                    self.cause = min(asking, key=lambda track: track.confidence).id
                    return reason
        return Reason.INTERVAL if since_s >= self._config.interval_s else None

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

    def looked(self, frame: Frame, result: Sequence[Track]) -> None:
        """Count the times from here."""
        self._looked_s = frame.time_s


def build(config: Config) -> Confidence:
    """Build the trigger."""
    return Confidence(config)

"""A propagator whose confidence is a probability."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from detectors.frame import Frame
from tracker.confidence import Calibration, Evidence
from tracker.protocols import Propagator
from tracker.types import Origin, Track


class Calibrated:
    """Carries boxes as another propagator does, and says how likely each is still right.

    Confidence 0 stays: who has left the picture, or was never started, is not where it is said to be.

    Args:
        propagator: that carries them.
        calibration: fitted to it.
    """

    def __init__(self, propagator: Propagator, calibration: Calibration) -> None:
        """Begin with no tracks."""
        self.propagator, self.calibration = propagator, calibration
        self._evidence = Evidence()

    def start(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Start the propagator."""
        self._evidence.restart(track.id for track in tracks)
        self.propagator.start(frame, tracks)

    def step(self, frame: Frame, tracks: Sequence[Track]) -> list[Track]:
        """Return the tracks where the propagator carried them."""
        carried = self.propagator.step(frame, tracks)
        sure = [t for t in carried if t.origin is Origin.PROPAGATED and t.confidence > 0]
        shares = self.calibration.probability(self._evidence.of(frame, sure)).tolist()
        right = {track.id: share for track, share in zip(sure, shares, strict=True)}
        return [replace(t, confidence=right[t.id]) if t.id in right else t for t in carried]

    def stop(self, ids: Iterable[int]) -> None:
        """Let the propagator forget these tracks."""
        gone = list(ids)
        self._evidence.restart(gone)
        self.propagator.stop(gone)

"""Motion alone: boxes glide on at constant velocity, and no pixel is looked at.

Nearly free, and right for as long as road users go on as they did. Its confidence therefore says nothing
about this frame's picture, only how far the object may have strayed by now: see ``strayed``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame
from tracker.motion import KalmanBank
from tracker.propagation._carried import carried
from tracker.types import Track

#: Looks that must have found a track before it has a velocity.
_SIGHTS = 2


@dataclass(frozen=True, slots=True)
class Config:
    """Settings.

    Attributes:
        half_spread: spread of the centre, in box sizes, at which the confidence is 0.5.
    """

    half_spread: float = 0.4

    def __post_init__(self) -> None:
        """Raise ValueError for a spread that is not positive."""
        if self.half_spread <= 0:
            raise ValueError("half_spread must be above 0")


class KalmanPropagation:
    """A bank of Kalman filters that is corrected by detections only."""

    def __init__(self, config: Config) -> None:
        """Begin with no tracks."""
        self._config = config
        self._bank = KalmanBank()
        self._time_s: float | None = None

    def start(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Correct the filters of known tracks by their boxes, and begin those of new ones."""
        self._advance(frame)
        known = [track for track in tracks if track.id in self._bank]
        self._bank.update([track.id for track in known], _boxes(known))
        self._begin([track for track in tracks if track.id not in self._bank])

    def step(self, frame: Frame, tracks: Sequence[Track]) -> list[Track]:
        """Return the tracks where their motion has taken them."""
        if not tracks:
            self._advance(frame)
            return []
        self._begin([track for track in tracks if track.id not in self._bank])
        self._advance(frame)
        ids = [track.id for track in tracks]
        boxes = self._bank.boxes(ids)
        confidences = strayed(self._bank.spread(ids), self._config.half_spread)
        # who was seen once has no velocity: that it stands still is no more than a guess, and believed it
        # would hold up whoever predicts from it (freeway_us with a budget of 0.2: 4 of 43 counted, not 32;
        # benchmarks/line_counts.py)
        confidences[[track.detections < _SIGHTS for track in tracks]] = 0.0
        return carried(frame, tracks, zip(boxes, confidences.tolist(), strict=True))

    def stop(self, ids: Iterable[int]) -> None:
        """Forget these tracks."""
        self._bank.stop(ids)

    def _advance(self, frame: Frame) -> None:
        if self._time_s is not None:
            self._bank.predict(max(0.0, frame.time_s - self._time_s))
        self._time_s = frame.time_s

    def _begin(self, tracks: Sequence[Track]) -> None:
        velocities = np.array([track.velocity for track in tracks], np.float32).reshape(-1, 2)
        self._bank.start([track.id for track in tracks], _boxes(tracks), velocities)


def strayed(spread: NDArray[np.float32], half_spread: float) -> NDArray[np.float32]:
    """Return confidences (N,) from the spread of the centres (N,) in box sizes.

    1 / (1 + (spread / half_spread)^2). The spread grows with the time since the last detection, and
    faster for a track that has been seen too rarely to have a velocity. With the default, as many boxes
    have an IoU of 0.5 with the truth as the confidence says (benchmarks/propagation.py --calibration).
    """
    return np.asarray(1.0 / (1.0 + (spread / half_spread) ** 2), np.float32)


def _boxes(tracks: Sequence[Track]) -> NDArray[np.float32]:
    return np.array([track.box for track in tracks], np.float32).reshape(-1, 4)


def build(config: Config) -> KalmanPropagation:
    """Build the propagator."""
    return KalmanPropagation(config)

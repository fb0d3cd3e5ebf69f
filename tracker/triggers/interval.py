"""The CNN at fixed intervals, in seconds: what the tutorials do with a number of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame
from tracker.types import Reason, Track


@dataclass(frozen=True, slots=True)
class Config:
    """Settings.

    Attributes:
        interval_s: time between two looks.
    """

    interval_s: float = 0.2

    def __post_init__(self) -> None:
        """Raise ValueError for a negative interval."""
        if self.interval_s < 0:
            raise ValueError("interval_s must be at least 0")


class Interval:
    """Looks at the first frame and again whenever the interval is over."""

    def __init__(self, config: Config) -> None:
        """Begin without a look."""
        self._config = config
        self.cause: int | None = None
        self.region: NDArray[np.float32] | None = None
        self._looked_s: float | None = None

    def reason(self, frame: Frame, tracks: Sequence[Track]) -> Reason | None:
        """Return FIRST_FRAME, INTERVAL or None."""
        if self._looked_s is None:
            return Reason.FIRST_FRAME
        # half a millisecond of grace: time stamps are rounded
        over = frame.time_s - self._looked_s >= self._config.interval_s - 5e-4
        return Reason.INTERVAL if over else None

    def looked(
        self, frame: Frame, result: Sequence[Track], looked_at: NDArray[np.float32] | None = None
    ) -> None:
        """Count the interval from here, if that was a look at all of the frame."""
        if looked_at is None:
            self._looked_s = frame.time_s


def build(config: Config) -> Interval:
    """Build the trigger."""
    return Interval(config)

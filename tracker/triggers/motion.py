"""The CNN where something moves that no track explains: who is new need not wait for the interval.

What moves outside all boxes on two frames asks for a look (``tracker/triggers/_background.py``). Where a look
found nothing, the place is left alone for a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame
from tracker.triggers._background import Background, BackgroundConfig
from tracker.types import Reason, Track


@dataclass(frozen=True, slots=True)
class Config(BackgroundConfig):
    """Settings: see ``BackgroundConfig``."""


class Motion:
    """First frame, unexplained motion, longest interval."""

    def __init__(self, config: Config) -> None:
        """Begin without a background."""
        self._config = config
        self.cause: int | None = None
        self.region: NDArray[np.float32] | None = None
        self._looked_s: float | None = None
        self._background: Background | None = None

    def reason(self, frame: Frame, tracks: Sequence[Track]) -> Reason | None:
        """Return why the CNN must look at this frame, or None."""
        if self._looked_s is None:
            return Reason.FIRST_FRAME
        asks = self._seen(frame).asks(tracks)
        since_s = frame.time_s - self._looked_s + 5e-4  # time stamps are rounded
        if asks and since_s >= self._config.rest_s:
            return Reason.UNEXPLAINED_MOTION
        return Reason.INTERVAL if since_s >= self._config.interval_s else None

    def looked(
        self, frame: Frame, result: Sequence[Track], looked_at: NDArray[np.float32] | None = None
    ) -> None:
        """Learn where the look was in vain, if it was at all of the frame."""
        if looked_at is not None:
            return
        self._looked_s = frame.time_s
        self._seen(frame).settle(result)

    def _seen(self, frame: Frame) -> Background:
        """Return the background after this frame; a new one where nothing can be compared any more."""
        if self._background is None or not self._background.compares(frame):
            self._background = Background(self._config, (frame.height, frame.width))
        self._background.see(frame)
        return self._background


def build(config: Config) -> Motion:
    """Build the trigger."""
    return Motion(config)

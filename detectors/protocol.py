"""What every detector offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from detectors.detections import Detections
from detectors.frame import Frame


@runtime_checkable
class Detector(Protocol):
    """Pixels in, boxes out."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in the order of the labels."""
        ...

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return one ``Detections`` a frame, in the frames' order, scores highest first."""
        ...


@runtime_checkable
class PartDetector(Detector, Protocol):
    """One that can look at a part of a picture for less than at the whole."""

    def detect_within(
        self, frame: Frame, region: NDArray[np.float32]
    ) -> tuple[Detections, NDArray[np.float32] | None]:
        """Return what is in a part of a frame, shown to the network as large as in the whole frame.

        Args:
            frame: to be looked at.
            region: float32 (4,) xyxy in pixels, within the frame; the part has it all, and mostly more.

        Returns:
            Detections in pixels of the whole frame, and the part that was looked at, float32 (4,) xyxy; None
            where that was the whole. What the part's border cuts is reported as it is seen there, cut.
        """
        ...

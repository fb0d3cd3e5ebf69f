"""What every detector offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

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

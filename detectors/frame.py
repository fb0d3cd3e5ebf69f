"""One picture with its moment in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray


# not frozen, though nobody changes one: that would take most of the time that one takes
@dataclass(slots=True, eq=False)
class Frame:
    """A picture and when it was taken; ``Frame(image)`` alone is enough to detect on.

    Attributes:
        image: uint8 (H, W, 3), BGR. Never changed in place.
        index: 0-based position in the source's order; dropped frames are counted too.
        time_s: presentation time in seconds.
        gap_s: unseen time before this frame in seconds; 0 when continuous.
        cut: a new shot begins with this frame.
        wall_time: the moment of capture in UTC, where it is known.
        arrival_s: when it came from a camera, by the monotonic clock; None where it comes from a file.
    """

    image: NDArray[np.uint8]
    index: int = 0
    time_s: float = 0.0
    gap_s: float = 0.0
    cut: bool = False
    wall_time: datetime | None = None
    arrival_s: float | None = None

    def __post_init__(self) -> None:
        """Check the picture once, where it enters.

        Raises:
            ValueError: the image is not uint8 (H, W, 3) with at least one pixel.
        """
        image = self.image
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
            raise ValueError(f"image must be uint8 (H, W, 3), not {image.dtype} {image.shape}")

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.image.shape[0])

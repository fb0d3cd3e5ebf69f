"""How large a network's input is for a source: the same shape, fewer pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame

STRIDE = 32
GREY = 114
#: How much wider than it is a frame may become for ``input_width``. On a third of the val pictures, 512 to
#: 640 pixels wide, AP50 was best at 1; 5 to 7 % lower at 1.5, where the smallest vehicles were found more
#: often; a fifth to a half lower at 2 to 2.5 (benchmarks/small_vehicles.py, with --enlarge).
MAX_ENLARGEMENT = 1.5


def input_size(width: int, height: int, pixels: int) -> tuple[int, int]:
    """Return the network's input (width, height) for a source: its shape, about ``pixels`` in all.

    Both are multiples of 32. A 4:3 picture letterboxed into 16:9 would waste a quarter of the pixels.
    """
    most = max(pixels // STRIDE**2, 1)  # even for a picture that is one line of pixels
    ideal = (pixels * width / height) ** 0.5
    across = min(max(round(ideal / STRIDE), 1), most) * STRIDE
    down = max(round(pixels / across / STRIDE), 1) * STRIDE
    return across, down


def own_shape(frame: Frame, pixels: int, input_width: int | None) -> tuple[int, int]:
    """Return the network's input (width, height) for a frame, in its shape.

    Args:
        frame: to be looked at.
        pixels: of the input that the network was trained or made for.
        input_width: width in pixels that a 16:9 frame is to get, in place of that; no frame is made wider for
            it than ``MAX_ENLARGEMENT`` times its own width.
    """
    if input_width is not None:
        enlarged = round(frame.width * frame.height * MAX_ENLARGEMENT**2)
        pixels = min(input_width * input_width * 9 // 16, max(enlarged, pixels))
    return input_size(frame.width, frame.height, pixels)


def part_of(
    frame: Frame, region: NDArray[np.float32], size: tuple[int, int]
) -> tuple[NDArray[np.intp], tuple[int, int]]:
    """Return the part of a frame around a region, and the network's input (width, height) for it.

    Args:
        frame: the whole.
        region: float32 (4,) xyxy in pixels, within the frame.
        size: width and height of the network's input for the whole frame; in that of the part everything is
            as large as there.

    Returns:
        int (4,) xyxy in pixels, and multiples of 32; the whole frame and ``size`` where less will not do.
    """
    whole = np.array([frame.width, frame.height])
    scale = min(size[0] / frame.width, size[1] / frame.height)
    strides = np.maximum(np.ceil((region[2:] - region[:2]) * scale / STRIDE), 1).astype(int)
    sides = np.minimum(strides * STRIDE, size)
    spans = np.clip(np.round(sides / scale).astype(int), 1, whole)
    if (spans >= whole).all():
        return np.concatenate([np.zeros(2, int), whole]), size
    corner = np.round((region[:2] + region[2:] - spans) / 2).astype(int)
    corner = np.clip(corner, 0, whole - spans)
    return np.concatenate([corner, corner + spans]), (int(sides[0]), int(sides[1]))


def check_input_width(width: int | None) -> None:
    """Raise ValueError for an input that is no picture's."""
    if width is not None and not 128 <= width <= 4096:
        raise ValueError("input_width must lie in 128..4096 pixels")

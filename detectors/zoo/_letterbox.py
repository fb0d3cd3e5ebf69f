"""From a source's pixels to a network's input: the same shape, fewer pixels, grey where nothing is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2

cv2 = load_cv2()

STRIDE = 32
GREY = 114


def input_size(width: int, height: int, pixels: int) -> tuple[int, int]:
    """Return the network's input (width, height) for a source: its shape, about ``pixels`` in all.

    Both are multiples of 32. A 4:3 picture letterboxed into 16:9 would waste a quarter of the pixels.
    """
    most = max(pixels // STRIDE**2, 1)  # even for a picture that is one line of pixels
    ideal = (pixels * width / height) ** 0.5
    across = min(max(round(ideal / STRIDE), 1), most) * STRIDE
    down = max(round(pixels / across / STRIDE), 1) * STRIDE
    return across, down


def letterbox(image: NDArray[np.uint8], size: tuple[int, int]) -> tuple[NDArray[np.uint8], float]:
    """Return the picture (uint8 (H, W, 3)) scaled into the top left of a grey canvas, and the scale."""
    height, width = image.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    inner = [min(max(round(side * scale), 1), room) for side, room in zip((width, height), size, strict=True)]
    canvas = np.full((size[1], size[0], 3), GREY, np.uint8)
    method = cv2.INTER_AREA if scale < 0.7 else cv2.INTER_LINEAR
    cv2.resize(image, inner, dst=canvas[: inner[1], : inner[0]], interpolation=method)
    return canvas, scale

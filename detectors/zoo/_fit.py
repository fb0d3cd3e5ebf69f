"""A picture put into a network's input, and boxes taken back out of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2

cv2 = load_cv2()

Fit = Literal["top_left", "centre", "stretch"]
Resize = Literal["linear", "area"]


class Place(NamedTuple):
    """Where a picture lies in an input.

    Attributes:
        scale: pixels of the input a pixel of the source, across and down.
        offset: left and upper margin in pixels of the input.
    """

    scale: tuple[float, float]
    offset: tuple[int, int]


def fit_into(
    image: NDArray[np.uint8], size: tuple[int, int], fit: Fit, resize: Resize = "linear", pad: int = 114
) -> tuple[NDArray[np.uint8], Place]:
    """Return the picture (uint8 (H, W, 3)) as an input of this width and height, and where it lies in it.

    Args:
        image: the source's pixels.
        size: width and height of the input in pixels.
        fit: "top_left" and "centre" keep the shape and fill the rest, "stretch" fills the input.
        resize: "area" averages where the picture gets smaller than 0.7 times itself.
        pad: grey value of the rest.
    """
    height, width = image.shape[:2]
    inner, offset = size, (0, 0)
    if fit != "stretch":
        scale = min(size[0] / width, size[1] / height)
        inner = (_side(width * scale, size[0]), _side(height * scale, size[1]))
        if fit == "centre":
            offset = ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2)
    place = Place((inner[0] / width, inner[1] / height), offset)
    canvas = np.empty((size[1], size[0], 3), np.uint8) if inner == size else _grey(size, pad)
    room = canvas[offset[1] : offset[1] + inner[1], offset[0] : offset[0] + inner[0]]
    averaged = resize == "area" and min(place.scale) < 0.7
    cv2.resize(image, inner, dst=room, interpolation=cv2.INTER_AREA if averaged else cv2.INTER_LINEAR)
    return canvas, place


def to_source(boxes: NDArray[np.float32], place: Place) -> NDArray[np.float32]:
    """Return xyxy boxes (N, 4) in pixels of the source from those in pixels of the input."""
    offset, scale = np.array(place.offset * 2, np.float32), np.array(place.scale * 2, np.float32)
    return np.asarray((boxes - offset) / scale, np.float32)


def _side(pixels: float, room: int) -> int:
    return min(max(round(pixels), 1), room)


def _grey(size: tuple[int, int], pad: int) -> NDArray[np.uint8]:
    return np.full((size[1], size[0], 3), pad, np.uint8)

"""The pixels around many boxes, each brought to one small grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2

cv2 = load_cv2()

Image = NDArray[np.uint8]
#: Pixels along each side of a patch.
SIDE = 32
_MOST_HALVINGS = 6
#: What is kept of a picture is cut at multiples of this, so that all halves fall on the same pixels.
_BLOCK = 2**_MOST_HALVINGS
#: Sides of what is kept around a region, in its sides: where it ends, pixels are averaged across its border.
_ROOM = 1.2
#: OpenCV takes no picture of 32,768 rows: patches are cut by this many.
_AT_ONCE = 512
_ACROSS = (np.arange(SIDE) + 0.5) / SIDE - 0.5


class Pyramid:
    """A picture and its halves, halved again along each axis by itself; made when they are asked for.

    Bilinear sampling looks at four pixels only: what shrinks by more than a half has to be averaged first,
    and it is cheaper to do that once for all objects than for the surroundings of each. A person is three
    times as high as wide, so its height may have to be halved where its width is not.

    Attributes:
        corner: float64 (2,), the place in the picture of what is kept of it, x and y in pixels.
    """

    def __init__(self, image: Image, regions: NDArray[np.float64]) -> None:
        """Begin with the part of a picture, uint8 (H, W, 3), that holds N regions (N, 4) and some room."""
        reach = regions[:, 2:] * (_ROOM / 2)
        sides = image.shape[1::-1]
        low = (regions[:, :2] - reach).min(0).clip(0, np.subtract(sides, 1)).astype(int) // _BLOCK * _BLOCK
        high = -(-np.ceil((regions[:, :2] + reach).max(0)).clip(1, sides).astype(int) // _BLOCK) * _BLOCK
        high = np.maximum(high, low + 1)
        self.corner = low.astype(np.float64)
        self._levels: dict[tuple[int, int], Image] = {(0, 0): image[low[1] : high[1], low[0] : high[0]]}

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is kept of the picture, in pixels."""
        height, width = self._levels[0, 0].shape[:2]
        return width, height

    def level(self, across: int, down: int) -> Image:
        """Return it with its width and height halved that many times."""
        if (across, down) not in self._levels:
            # halving both axes is by far the cheapest step, so it comes first
            step = int(across >= down), int(down >= across)
            base = self.level(across - step[0], down - step[1])
            height, width = base.shape[:2]
            size = max(width >> step[0], 1), max(height >> step[1], 1)
            half = cv2.resize(base, size, interpolation=cv2.INTER_AREA if all(step) else cv2.INTER_LINEAR)
            self._levels[across, down] = np.asarray(half, np.uint8)
        return self._levels[across, down]


def patches(pyramid: Pyramid, regions: NDArray[np.float64]) -> Image:
    """Return the pixels of every region brought to the grid, uint8 (N, SIDE, SIDE, 3).

    Args:
        pyramid: of the picture, made for these regions.
        regions: float64 (N, 4), centre x, centre y, width, height in pixels. Outside the picture its border
            is repeated.
    """
    out = np.empty((len(regions), SIDE, SIDE, 3), np.uint8)
    inside = regions - [*pyramid.corner, 0, 0]
    halvings = np.log2(np.maximum(regions[:, 2:], SIDE) / SIDE).astype(int).clip(0, _MOST_HALVINGS)
    for across, down in sorted(set(map(tuple, halvings.tolist()))):
        image, rows = pyramid.level(across, down), np.flatnonzero((halvings == (across, down)).all(1))
        scale = np.array([image.shape[1] / pyramid.size[0], image.shape[0] / pyramid.size[1]] * 2)
        for begin in range(0, len(rows), _AT_ONCE):
            some = rows[begin : begin + _AT_ONCE]
            out[some] = _sampled(image, inside[some] * scale)
    return out


def _sampled(image: Image, regions: NDArray[np.float64]) -> Image:
    # OpenCV's coordinates are those of the pixels' centres, half a pixel off the corners that boxes use
    x, y = (regions[:, k : k + 1] + _ACROSS * regions[:, k + 2 : k + 3] - 0.5 for k in range(2))
    shape = len(regions), SIDE, SIDE
    maps = (np.broadcast_to(x[:, None, :], shape), np.broadcast_to(y[:, :, None], shape))
    flat = (places.astype(np.float32).reshape(-1, SIDE) for places in maps)
    seen = cv2.remap(image, *flat, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, np.uint8).reshape(*shape, 3)

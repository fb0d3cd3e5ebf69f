"""What correlation filters see of the pixels around many boxes: one small grid each, all computed at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2

cv2 = load_cv2()

Floats = NDArray[np.float32]
#: Cells along each side of the grid: one pixel of the patch each.
CELLS = 32
ORIENTATIONS = 8
CHANNELS = ORIENTATIONS + 3
#: Weight of light and colour beside the orientations, whose sum a cell is about 1.
_COLOUR = 0.3
#: Spread of light below which a patch counts as flat, in grey levels.
_FLAT = 8.0
_WINDOW = np.outer(np.hanning(CELLS + 2)[1:-1], np.hanning(CELLS + 2)[1:-1]).astype(np.float32)


def patches(image: NDArray[np.uint8], regions: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the pixels of every region brought to the grid, uint8 (N, CELLS, CELLS, 3).

    Args:
        image: uint8 (H, W, 3).
        regions: float64 (N, 4), centre x, centre y, width, height in pixels. Outside the picture its border
            is repeated.
    """
    out = np.empty((len(regions), CELLS, CELLS, 3), np.uint8)
    for patch, (x, y, width, height) in zip(out, regions.tolist(), strict=True):
        left, top = x - width / 2, y - height / 2
        if max(width, height) > 2 * CELLS and _shrunk(image, patch, (left, top, width, height)):
            continue
        _warped(image, patch, (left, top, width, height), (0, 0, 1.0, 1.0))
    return out


Region = tuple[float, float, float, float]


def _shrunk(image: NDArray[np.uint8], patch: NDArray[np.uint8], region: Region) -> bool:
    """Fill the patch from a region much larger than the grid; False where too little of it is in the picture.

    ``warpAffine`` looks at four pixels only: what shrinks has to be averaged first.
    """
    left, top, width, height = region
    x1, y1 = max(int(left), 0), max(int(top), 0)
    x2, y2 = min(int(left + width) + 1, image.shape[1]), min(int(top + height) + 1, image.shape[0])
    if x2 - x1 < 2 or y2 - y1 < 2:
        return False
    size = max(round((x2 - x1) * CELLS / width), 1), max(round((y2 - y1) * CELLS / height), 1)
    small = cv2.resize(image[y1:y2, x1:x2], size, interpolation=cv2.INTER_AREA)
    _warped(small, patch, region, (x1, y1, size[0] / (x2 - x1), size[1] / (y2 - y1)))
    return True


def _warped(image: NDArray[np.uint8], patch: NDArray[np.uint8], region: Region, view: Region) -> None:
    """Fill the patch from ``image``, which shows the picture from (x, y) on, scaled by (sx, sy)."""
    left, top, width, height = region
    x, y, sx, sy = view
    ax, ay = CELLS / width / sx, CELLS / height / sy
    # OpenCV's coordinates are those of the pixels' centres, half a pixel off the corners that boxes use
    bx = (x - left) * CELLS / width + (ax - 1) / 2
    by = (y - top) * CELLS / height + (ay - 1) / 2
    cv2.warpAffine(
        image,
        np.array([[ax, 0, bx], [0, ay, by]]),
        (CELLS, CELLS),
        dst=patch,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def features(pixels: NDArray[np.uint8]) -> Floats:
    """Return orientations of the gradient, light and colour, float32 (N, CHANNELS, CELLS, CELLS).

    The gradient's strength along eight directions, divided by its strength in all (as in HOG: Dalal and
    Triggs, CVPR 2005, but smooth in the direction), so that light and shadow change little; the mean of each
    channel is taken out, and a Hann window fades the border.

    Args:
        pixels: uint8 (N, CELLS, CELLS, 3) BGR.
    """
    blue, green, red = (np.ascontiguousarray(pixels[..., c], np.float32) for c in range(3))
    light = np.asarray((blue + green + red) / 3, np.float32)
    out = np.empty((len(pixels), CHANNELS, CELLS, CELLS), np.float32)
    _orientations(light, out[:, :ORIENTATIONS])
    spread = _COLOUR / (light.std((1, 2), keepdims=True) + _FLAT)
    np.multiply(light, spread, out=out[:, -3])
    np.multiply(red - green, spread, out=out[:, -2])
    np.multiply(blue - light, spread, out=out[:, -1])
    out -= out.mean((2, 3), keepdims=True)
    out *= _WINDOW
    return out


def _orientations(light: Floats, out: Floats) -> None:
    gx, gy = np.zeros_like(light), np.zeros_like(light)
    np.subtract(light[:, :, 2:], light[:, :, :-2], out=gx[:, :, 1:-1])
    np.subtract(light[:, 2:], light[:, :-2], out=gy[:, 1:-1])
    half = ORIENTATIONS // 2
    angles = np.arange(half, dtype=np.float32) * np.float32(np.pi / half)
    for k, angle in enumerate(angles):
        along = np.cos(angle) * gx + np.sin(angle) * gy
        np.maximum(along, 0, out=out[:, k])
        np.maximum(-along, 0, out=out[:, k + half])
    strength = out.sum(1, keepdims=True)
    out /= strength + strength.mean((2, 3), keepdims=True) + np.float32(1e-3)

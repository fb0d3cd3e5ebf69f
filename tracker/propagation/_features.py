"""What correlation filters see of many patches: one small grid each, all computed at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2
from tracker.propagation._patches import SIDE

cv2 = load_cv2()

Floats = NDArray[np.float32]
_POOL = 2
#: Cells along each side of the grid.
CELLS = SIDE // _POOL
ORIENTATIONS = 4
CHANNELS = ORIENTATIONS + 3
#: Weight of light and colour beside the orientations, whose sum a cell is about 1.
_COLOUR = 0.15
#: Spread of light below which a patch counts as flat, in grey levels.
_FLAT = 8.0
_WINDOW = np.outer(np.hanning(CELLS + 2)[1:-1], np.hanning(CELLS + 2)[1:-1]).astype(np.float32)


def features(pixels: NDArray[np.uint8]) -> Floats:
    """Return orientations of the gradient, light and colour, float32 (N, CHANNELS, CELLS, CELLS).

    How much lighter it becomes to the right, left, downwards and upwards, divided by how much it changes in
    all, and the mean of 2x2 pixels of that (as in HOG: Dalal and Triggs, CVPR 2005, with fewer directions and
    without a histogram), so that light and shadow change little; the mean of each channel is taken out, and a
    Hann window fades the border. Eight directions, or all 32x32 cells, follow no better.

    Args:
        pixels: uint8 (N, SIDE, SIDE, 3) BGR.
    """
    number = len(pixels)
    out = np.empty((number, CHANNELS, CELLS, CELLS), np.float32)
    stacked = pixels.reshape(-1, SIDE, 3)  # a column of patches is one picture
    light = np.asarray(cv2.cvtColor(stacked, cv2.COLOR_BGR2GRAY), np.float32).reshape(number, SIDE, SIDE)
    out[:, :ORIENTATIONS] = _pooled(_orientations(light)).reshape(number, ORIENTATIONS, CELLS, CELLS)
    spread = _COLOUR / (light.std((1, 2)) + np.float32(_FLAT))
    coarse = _pooled(stacked).reshape(number, CELLS, CELLS, 3) * spread[:, None, None, None]
    blue, green, red = (coarse[..., k] for k in range(3))
    out[:, -3] = (blue + green + red) / 3
    out[:, -2] = red - green
    out[:, -1] = blue - out[:, -3]
    out -= out.mean((2, 3), keepdims=True)
    out *= _WINDOW
    return out


def _orientations(light: Floats) -> Floats:
    """Return the normalised gradient to each side, float32 (N, ORIENTATIONS, SIDE, SIDE)."""
    out = np.zeros((len(light), ORIENTATIONS, SIDE, SIDE), np.float32)
    right, left, down, up = (out[:, k] for k in range(ORIENTATIONS))
    np.subtract(light[:, :, 2:], light[:, :, :-2], out=right[:, :, 1:-1])
    np.subtract(light[:, 2:], light[:, :-2], out=down[:, 1:-1])
    np.maximum(-right, 0, out=left)
    np.maximum(-down, 0, out=up)
    right += left
    down += up
    strength = right + left + down + up
    strength += strength.mean((1, 2), keepdims=True) + np.float32(1e-3)
    out /= strength[:, None]
    return out


def _pooled(patches: NDArray[np.generic]) -> Floats:
    """Return the means of 2x2 pixels; the patches are a column of pictures, or reshaped to one."""
    column = patches.reshape(-1, *patches.shape[-2:]) if patches.shape[-1] == 3 else patches.reshape(-1, SIDE)
    size = CELLS, len(column) // _POOL
    return np.asarray(cv2.resize(column, size, interpolation=cv2.INTER_AREA), np.float32)

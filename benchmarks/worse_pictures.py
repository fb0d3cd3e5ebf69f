"""Pictures as poor cameras, nights and weather make them, for ``line_counts.py --worse``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2

cv2 = load_cv2()

Picture = NDArray[np.uint8]
#: Light that is left, exponent of the curve, and noise of a sensor, as shares of white.
_LIGHT, _CURVE, _NOISE = 0.12, 1.3, 0.012
_FOG_SEES, _FOG = 0.45, 120
_JPEG_QUALITY = 18
_BLUR_PX, _SHAKE_PX = 1.6, 2.5


def dark(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return it with an eighth of the light, and a sensor's noise."""
    light = _LIGHT * (picture.astype(np.float32) / 255) ** _CURVE
    noisy = light + rng.normal(0, _NOISE, picture.shape)
    return np.asarray(noisy.clip(0, 1) * 255, np.uint8)


def fog(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return it with little contrast."""
    return np.asarray((picture * np.float32(_FOG_SEES) + _FOG).clip(0, 255), np.uint8)


def jpeg(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return what a saving camera sends."""
    _, file = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)


def blur(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return it out of focus."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), _BLUR_PX), np.uint8)


def shake(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return it shifted by some pixels, anew on every frame: a mast in the wind."""
    (dx, dy), (height, width) = rng.normal(0, _SHAKE_PX, 2), picture.shape[:2]
    shift = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return np.asarray(
        cv2.warpAffine(picture, shift, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def small(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return what is left of it at half the width and height."""
    height, width = picture.shape[:2]
    half = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(half, (width, height)), np.uint8)


WORSE: dict[str, Callable[[Picture, np.random.Generator], Picture]] = {
    "dark": dark,
    "fog": fog,
    "jpeg": jpeg,
    "blur": blur,
    "shake": shake,
    "small": small,
}

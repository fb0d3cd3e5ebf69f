"""Training pictures in another light: colours, night, fog, blur, noise, compression.

Every function takes the random generator that it draws from; the same generator gives the same picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2

cv2 = load_cv2()

#: Mean brightness (of 255) below which a picture is dark enough: in more night its objects could not be seen.
DARK = 70.0
#: Least share of an object's own light that fog leaves.
LEAST_SEEN = 0.25

Image = NDArray[np.uint8]


def recolour(image: Image, rng: np.random.Generator) -> Image:
    """Return the picture (uint8 (H, W, 3) BGR) in other colours, sometimes in fog, by night or blurred."""
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    hue, saturation, value = rng.uniform(-8, 8), rng.uniform(0.5, 1.5), rng.uniform(0.6, 1.4)
    gamma = np.exp(rng.uniform(-0.3, 0.3))
    ramp = np.arange(256, dtype=np.float64)
    tables = np.stack(
        [
            (ramp + hue) % 180,
            np.clip(ramp * saturation, 0, 255),
            255 * (np.clip(ramp * value, 0, 255) / 255) ** gamma,
        ],
        axis=-1,
    ).astype(np.uint8)
    out = np.asarray(cv2.cvtColor(cv2.LUT(hsv, tables[None]), cv2.COLOR_HSV2BGR), np.uint8)
    if rng.uniform() < 0.1:
        out = np.asarray(cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)
    weather = rng.uniform()
    if weather < 0.1:
        out = night(out, rng)
    elif weather < 0.18:
        out = fog(out, rng)
    return _camera(out, rng)


def night(image: Image, rng: np.random.Generator) -> Image:
    """Return the picture as if by night: dark, in the colour of the lamps, with glowing lights.

    What is brighter than around it (lamps, signs, plates) keeps its light and spreads it; a sky does not.
    """
    if image.mean() < DARK:
        return image
    brightness = cv2.max(cv2.max(image[..., 0], image[..., 1]), image[..., 2])
    around = cv2.blur(brightness, (31, 31))
    lights = cv2.min(cv2.subtract(brightness, cv2.add(around, 70.0)), 120.0)
    glow = cv2.add(cv2.GaussianBlur(lights, (0, 0), rng.uniform(1.5, 4)), lights)
    colour = np.array([rng.uniform(0.6, 1.1), rng.uniform(0.8, 1.0), rng.uniform(0.8, 1.1)])
    curve = 255 * rng.uniform(0.55, 0.9) * (np.arange(256) / 255) ** rng.uniform(1.5, 2.3)
    tables = np.clip(curve[:, None] * colour, 0, 255).astype(np.uint8)
    dark = cv2.add(cv2.LUT(image, tables[None]), cv2.merge([glow] * 3))
    return _with_noise(np.asarray(dark, np.uint8), rng.uniform(2, 8), rng)


def fog(image: Image, rng: np.random.Generator) -> Image:
    """Return the picture in fog, which is thicker the farther one looks: up to a horizon, at a random height.

    Koschmieder's law (1924), as in Sakaridis et al., "Semantic Foggy Scene Understanding with Synthetic
    Data", IJCV 2018: of an object's light exp(-extinction * distance) is left; a road's distance goes with 1
    over the height below the horizon.
    """
    rows = (np.arange(len(image)) + 0.5) / len(image)
    distance = 0.15 / np.maximum(rows - rng.uniform(-0.1, 0.4), 0.15)
    seen = np.exp(-rng.uniform(0.5, 2.0) * distance)
    seen = np.maximum(seen, LEAST_SEEN).astype(np.float32)[:, None, None]
    light = np.float32(rng.uniform(150, 230))
    return (image * seen + light * (1 - seen)).astype(np.uint8)


def _camera(image: Image, rng: np.random.Generator) -> Image:
    """Return the picture as a poor camera gives it: out of focus, noisy, compressed."""
    out = image
    if rng.uniform() < 0.15:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 1.4)), np.uint8)
    if rng.uniform() < 0.15:
        out = _with_noise(out, rng.uniform(3, 12), rng)
    if rng.uniform() < 0.15:
        quality = int(rng.uniform(25, 70))
        _, code = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])
        out = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return out


def _with_noise(image: Image, deviation: float, rng: np.random.Generator) -> Image:
    noise = rng.standard_normal(image.shape, np.float32) * np.float32(deviation)
    return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)

"""From light to the picture of a traffic camera: haze, glow, lens, tone curve, noise."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from stage import Array, Stage

WHITE_BALANCE = np.array([1.05, 1.0, 0.94], np.float32)
LEVELS = 8192


def _curve(x: Array) -> Array:
    a, b, c, d, e, f = 0.22, 0.3, 0.1, 0.2, 0.01, 0.3
    return (x * (a * x + c * b) + d * e) / (x * (a * x + b) + d * f) - e / f


def _display_values() -> Array:
    """Return display values by light in 1 / LEVELS: a filmic curve (Hable 2010), then gamma 2.2.

    The curve keeps white paint and sky from burning out.
    """
    white = 3.2
    light = np.arange(int(LEVELS * white), dtype=np.float32) / LEVELS
    return (np.clip(_curve(light) / _curve(white), 0, 1) ** (1 / 2.2) * 255).astype(np.float32)


SHOWN = _display_values()


class Sensor:
    """Turns linear light into 8-bit pictures; noise is drawn from the seed and the frame's number."""

    def __init__(self, stage: Stage, seed: int, noise: float = 1.0) -> None:
        """Prepare haze and vignette, which are the same on every frame."""
        self.light, self.seed, self.noise = stage.light, seed, noise
        h, w = stage.sky_light.shape[:2]
        depth = cv2.resize(stage.depth, (w, h), interpolation=cv2.INTER_AREA)
        haze = 1 - np.exp(-np.clip(depth - 15, 0, 300) / stage.light.haze_m)
        self.haze = haze[..., None].astype(np.float32)
        far = stage.sky_light[:4].reshape(-1, 3).max(axis=0)
        self.haze_colour = np.maximum(far, 0.25 if not stage.light.lamps else 0.12).astype(np.float32) * [
            0.95,
            0.98,
            1.05,
        ]
        ys, xs = np.mgrid[0:h, 0:w]
        radius = np.hypot((xs - w / 2) / w, (ys - h / 2) / w)
        self.vignette = (1 - 0.55 * radius**2)[..., None].astype(np.float32)

    def expose(self, light: Array, frame: int) -> NDArray[np.uint8]:
        """Return BGR uint8 (H, W, 3) of linear RGB light (H, W, 3)."""
        image = light * (1 - self.haze) + self.haze * self.haze_colour
        image = (image * self.vignette * self.light.exposure * WHITE_BALANCE).astype(np.float32)
        bright = cv2.GaussianBlur(np.maximum(image - 0.8, 0), (0, 0), 9 if self.light.lamps else 3)
        image = cv2.GaussianBlur(image, (0, 0), 0.55) + bright * (0.6 if self.light.lamps else 0.25)
        shown = SHOWN[np.clip(image * LEVELS, 0, len(SHOWN) - 1).astype(np.uint16)]
        shown += 0.35 * (shown - cv2.GaussianBlur(shown, (0, 0), 1.2))  # such cameras sharpen
        shown = self._with_noise(shown, frame)
        return np.clip(np.round(shown), 0, 255).astype(np.uint8)[..., ::-1]

    def _with_noise(self, shown: Array, frame: int) -> Array:
        rng = np.random.default_rng((self.seed, frame))
        h, w = shown.shape[:2]
        fine = rng.standard_normal((h, w, 1), np.float32)
        coarse = cv2.resize(
            rng.standard_normal((h // 3, w // 3, 3), np.float32), (w, h), interpolation=cv2.INTER_LINEAR
        )
        strength = self.noise * (2.6 if self.light.lamps else 1.7)
        return shown + strength * (fine + 0.8 * coarse) * (1.15 - 0.5 * shown / 255)

"""What stands still, rendered once: its light from sky and sun, its depth, and where its shadows fall."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pyvista as pv
from ground import HALF_WIDTH_M, draw_ground
from layers import GLOWING, LINEAR, Window, merge
from numpy.typing import NDArray
from optics import SUNS, Camera, Sun
from scenery import build_scenery, sky
from traffic import KERB_M

Array = NDArray[np.float32]
SCALE = 2
"""Samples a pixel and axis."""
PLAN_X, PLAN_Y, PLAN_PX_M = (-13.0, 13.0), (4.0, 140.0), 10.0
"""The strip of road, seen from above, in which soft shadows and pools of light are drawn."""


@dataclass(frozen=True)
class Light:
    """Weather and time of day.

    Attributes:
        sun_colour: linear RGB.
        sun_strength: 0 under clouds.
        exposure: factor before the tone curve.
        lamps: headlamps and street lamps are on.
        haze_m: distance at which haze takes 63 % of the contrast.
    """

    sun_colour: tuple[float, float, float]
    sun_strength: float
    exposure: float
    lamps: bool
    haze_m: float


LIGHTS = {
    "day": Light((1.0, 0.92, 0.8), 5.0, 1.9, False, 900.0),
    "overcast": Light((1.0, 1.0, 1.0), 0.0, 2.2, False, 500.0),
    "dusk": Light((1.0, 0.6, 0.35), 1.0, 2.2, True, 700.0),
}


def shadow(points: Array, depths: Array, sun: Sun, taps: int = 4, bias_m: float = 0.14) -> Array:
    """Return the lit share (...,) of points (..., 3) by looking into the sun's depths."""
    return lit_share(*sun.look_up(points), depths, taps, bias_m)


def lit_share(pixel: Array, depth: Array, depths: Array, taps: int = 4, bias_m: float = 0.14) -> Array:
    """Return the lit share (...,) of places (..., 2) and depths (...,) in the sun's view."""
    shape = depth.shape
    pixel, depth = pixel.reshape(1, -1, 2), depth.reshape(1, -1)
    if pixel.shape[1] > 30000:  # cv2.remap takes at most 32767 columns
        pad = -pixel.shape[1] % 1280
        pixel = np.pad(pixel, ((0, 0), (0, pad), (0, 0))).reshape(-1, 1280, 2)
        depth = np.pad(depth, ((0, 0), (0, pad))).reshape(-1, 1280)
    lit = np.zeros(depth.shape, np.float32)
    spread = (
        (-0.7, -0.3),
        (0.3, -0.7),
        (0.7, 0.3),
        (-0.3, 0.7),
        (0, 0),
        (1.3, 1.1),
        (-1.2, 1.2),
        (1.1, -1.2),
        (-1.1, -1.3),
    )
    for dx, dy in spread[:taps]:
        found = cv2.remap(
            depths, pixel + np.array([dx, dy], np.float32), None, cv2.INTER_NEAREST, borderValue=1e6
        )
        lit += found > depth - bias_m
    return (lit / taps).reshape(-1)[: int(np.prod(shape))].reshape(shape)


def shrink(image: Array) -> Array:
    """Average SCALE x SCALE samples into a pixel."""
    return cv2.resize(image, None, fx=1 / SCALE, fy=1 / SCALE, interpolation=cv2.INTER_AREA)


class Stage:
    """The still part of the scene, ready to be put under what moves.

    Attributes:
        sky_light: linear RGB (H, W, 3) by the sky alone.
        sun_light: linear RGB (H, W, 3) that the sun adds, still shadows included.
        depth: metres along the view at SCALE samples a pixel.
        sun_depth: depths of what stands in the sun's view, for shadows that fall on what moves.
    """

    def __init__(self, camera: Camera, light: str, seed: int) -> None:
        """Render the scene once."""
        self.camera, self.name, self.light = camera, light, LIGHTS[light]
        self.environment = sky(light, seed)
        self.sun = Sun(SUNS[light], size=4096)
        window, from_sun = Window(camera, SCALE), Window(self.sun)
        window.light(self.environment, self.sun, self.light.sun_colour, self.light.sun_strength)
        for name, mesh in merge(build_scenery(seed)).items():
            window.add(mesh, name, glow=self.light.lamps and name in GLOWING)
            from_sun.add_flat(mesh, (255, 255, 255))
        for y, px_m in (((0.0, 65.0), 40.0), ((65.0, 250.0), 14.0)):
            window.add(_plane(y), "wall", draw_ground(y, px_m, seed))
        lit, shade = LINEAR[window.draw(True)], LINEAR[window.draw(False)]
        self.depth = window.depth().copy()
        self.sun_depth = from_sun.depth(render=True).copy()
        window.plot.close()
        from_sun.plot.close()
        points = camera.unproject(self.depth, SCALE)
        share = cv2.GaussianBlur(shadow(points, self.sun_depth, self.sun, taps=9), (0, 0), 0.9)
        self._fill_sky(shade)
        direct = np.maximum(lit - shade, 0) * share[..., None]
        self.sky_light, self.sun_light = shrink(shade * _town_shade(points)[..., None]), shrink(direct)
        self.points = np.ascontiguousarray(points[::SCALE, ::SCALE])
        self._plan_lookup()

    def _fill_sky(self, shade: Array) -> None:
        """Put a bright sky where nothing stands."""
        horizon = LINEAR[self.environment[118:126].mean(axis=(0, 1)).astype(np.uint8)]
        shade[self.depth > 320] = horizon

    def _plan_lookup(self) -> None:
        """Find for every pixel on the ground its place in the plan of the road."""
        x, y, z = (self.points[..., i] for i in range(3))
        place = np.stack([(x - PLAN_X[0]) * PLAN_PX_M, (PLAN_Y[1] - y) * PLAN_PX_M], axis=-1) - 0.5
        place[z > 0.2] = -100
        self.place = place.astype(np.float32)

    def from_plan(self, plan: Array) -> Array:
        """Bring a plan of the road (rows away from the camera upwards) into the picture; 0 outside."""
        return cv2.remap(
            plan, self.place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0
        )


def _plane(y: tuple[float, float]) -> pv.PolyData:
    h = HALF_WIDTH_M
    points = np.array([[-h, y[0], 0], [h, y[0], 0], [h, y[1], 0], [-h, y[1], 0]], np.float32)
    plane = pv.PolyData.from_regular_faces(points, np.array([[0, 1, 2], [0, 2, 3]]))
    plane.active_texture_coordinates = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    return plane


def _town_shade(points: Array) -> Array:
    """Darken what sees little sky: close to the houses and low on their walls."""
    out = np.abs(points[..., 0])
    side = np.clip((out - KERB_M) / 9, 0, 1)
    return (1 - 0.35 * side * np.exp(-np.clip(points[..., 2], 0, 30) / 4)).astype(np.float32)

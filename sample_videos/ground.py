"""The ground as a picture in plan: asphalt, lane marks, wear, paving and grass, in sRGB."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from traffic import KERB_M, LANES, STOP_Y, ZEBRA_Y

Picture = NDArray[np.float32]
HALF_WIDTH_M = 24.0
PAVEMENT_M = 12.2
"""Distance of the pavement's outer edge from the road's middle."""


class Plan:
    """A piece of ground seen from above, with one drawing method a thing.

    Args:
        y: near and far end in metres.
        px_per_m: resolution.
        seed: of stains and wear.
    """

    def __init__(self, y: tuple[float, float], px_per_m: float, seed: int) -> None:
        """Start with noise fields that are the same at every resolution."""
        self.y, self.scale = y, px_per_m
        self.size = (round(2 * HALF_WIDTH_M * px_per_m), round((y[1] - y[0]) * px_per_m))
        self.rng = np.random.default_rng(seed)
        self.coarse = self._noise(2.5)
        self.middle = self._noise(0.35)
        self.fine = self.rng.normal(0, 1, (self.size[1], self.size[0])).astype(np.float32)
        xs = (np.arange(self.size[0], dtype=np.float32) + 0.5) / px_per_m - HALF_WIDTH_M
        self.x = np.broadcast_to(xs, (self.size[1], self.size[0]))
        self.image = np.zeros((self.size[1], self.size[0], 3), np.float32)

    def _noise(self, grain_m: float) -> Picture:
        """Return smooth noise of about unit variance with the given grain."""
        shape = (round((self.y[1] - self.y[0]) / grain_m) + 2, round(2 * HALF_WIDTH_M / grain_m) + 2)
        raw = self.rng.normal(0, 1.3, shape).astype(np.float32)
        return cv2.resize(raw, self.size, interpolation=cv2.INTER_CUBIC)

    def pixels(self, points: list[tuple[float, float]]) -> NDArray[np.int32]:
        """Bring metres (x, y) to pixels of the plan, in cv2's 1/16 fixed point."""
        p = np.array(points, np.float64)
        shifted = np.stack([p[:, 0] + HALF_WIDTH_M, self.y[1] - p[:, 1]], axis=1) * self.scale
        return np.round(np.clip(shifted, -2000, 60000) * 16).astype(np.int32)

    def fill(self, where: NDArray[np.bool_], colour: tuple[float, float, float], grain: float) -> None:
        """Cover a region with a colour and its grain."""
        shade = 1 + grain * (0.5 * self.coarse + 0.35 * self.middle + 0.6 * self.fine)
        self.image[where] = (np.array(colour, np.float32) * shade[..., None])[where]

    def mask(self, polygons: list[list[tuple[float, float]]], blur_m: float = 0.0) -> Picture:
        """Return the coverage (H, W) of polygons in metres."""
        cover = np.zeros((self.size[1], self.size[0]), np.uint8)
        for polygon in polygons:
            cv2.fillPoly(cover, [self.pixels(polygon)], 255, cv2.LINE_AA, 4)
        soft = cover.astype(np.float32) / 255
        sigma = blur_m * self.scale
        return cv2.GaussianBlur(soft, (0, 0), sigma) if sigma > 0.3 else soft

    def blend(self, cover: Picture, colour: tuple[float, float, float]) -> None:
        """Lay a colour over the picture where ``cover`` (H, W) is above 0."""
        self.image += cover[..., None] * (np.array(colour, np.float32) - self.image)

    def paint(self, polygons: list[list[tuple[float, float]]], wear: float = 0.5) -> None:
        """Draw road marks of white paint, worn by traffic."""
        worn = np.clip(
            1.0 - wear * np.clip(0.5 * self.coarse + 0.5 * self.middle + 0.5 * self.fine - 0.1, 0, 2), 0.15, 1
        )
        self.blend(self.mask(polygons) * worn * 0.92, (0.8, 0.8, 0.77))


def rectangle(x: float, y: float, width: float, length: float) -> list[tuple[float, float]]:
    """Return an axis-parallel rectangle around a middle point, in metres."""
    dx, dy = width / 2, length / 2
    return [(x - dx, y - dy), (x + dx, y - dy), (x + dx, y + dy), (x - dx, y + dy)]


def _wear(plan: Plan, rng: np.random.Generator) -> None:
    """Draw tyre tracks, oil, patches, cracks and manholes."""
    for lane, _ in LANES:
        tracks = [rectangle(lane + side, 80, 0.5, 400) for side in (-0.8, 0.8)]
        plan.blend(plan.mask(tracks, 0.22) * 0.22 * np.clip(1 + 0.4 * plan.coarse, 0, 2), (0.2, 0.2, 0.205))
        plan.blend(plan.mask([rectangle(lane, 80, 0.35, 400)], 0.2) * 0.12, (0.13, 0.13, 0.13))
    patches, cracks, manholes = [], [], []
    for _ in range(26):
        x, y = float(rng.uniform(-7.5, 7.5)), float(rng.uniform(0, 200))
        patches.append(rectangle(x, y, float(rng.uniform(0.6, 1.8)), float(rng.uniform(1, 7))))
        x, y = float(rng.uniform(-8, 8)), float(rng.uniform(0, 160))
        line = [(x, y)]
        for _ in range(14):
            line.append(
                (line[-1][0] + float(rng.normal(0, 0.16)), line[-1][1] + float(rng.uniform(0.1, 0.5)))
            )
        cracks.append(line + [(px + 0.025, py) for px, py in line[::-1]])
        manholes.append((float(rng.choice([-6.8, -3.4, 0.9, 3.4, 6.9])), float(rng.uniform(5, 180))))
    plan.blend(plan.mask(patches[::2]) * 0.5, (0.19, 0.19, 0.195))
    plan.blend(plan.mask(patches[1::2]) * 0.4, (0.36, 0.355, 0.35))
    plan.blend(plan.mask(cracks[::1], 0.01) * 0.6, (0.1, 0.1, 0.1))
    turn = np.linspace(0, 2 * np.pi, 20)
    lids = [[(x + 0.33 * np.cos(a), y + 0.33 * np.sin(a)) for a in turn] for x, y in manholes[:14]]
    plan.blend(plan.mask(lids) * 0.7, (0.15, 0.145, 0.14))


def _arrow(x: float, y: float, way: int) -> list[list[tuple[float, float]]]:
    shaft = [
        (x - 0.08, y - way * 1.6),
        (x + 0.08, y - way * 1.6),
        (x + 0.08, y + way * 0.6),
        (x - 0.08, y + way * 0.6),
    ]
    return [shaft, [(x - 0.32, y + way * 0.5), (x + 0.32, y + way * 0.5), (x, y + way * 1.8)]]


def _marks(plan: Plan) -> None:
    """Draw lane lines, stop lines, the zebra and arrows."""
    marks = [rectangle(x, 80, 0.12, 500) for x in (-0.16, 0.16)]
    clear = (ZEBRA_Y[0] - 4, ZEBRA_Y[1] + 4)
    for y in np.arange(-20, 240, 6.0):
        if not clear[0] < y < clear[1]:
            marks += [rectangle(x, float(y), 0.13, 3.0) for x in (-3.5, 3.5)]
    marks += [rectangle(x, 80, 0.2, 500) for x in (-6.95, 6.95)]
    for way, y in STOP_Y.items():
        marks.append(rectangle(way * 3.5, y + way * 0.35, 6.6, 0.45))
        marks.append(rectangle(way * 7.7, y + way * 0.35, 1.2, 0.4))
        for base in (y - way * 9, y - way * 38):
            marks += [p for x in (1.8, 5.15) for p in _arrow(way * x, base, way)]
    plan.paint(marks)
    middle = sum(ZEBRA_Y) / 2
    plan.blend(plan.mask([rectangle(0, middle, 16, 5.6)]), (0.255, 0.255, 0.258))
    stripes = [rectangle(float(x), middle, 0.5, ZEBRA_Y[1] - ZEBRA_Y[0]) for x in np.arange(-8.0, 8.1, 1.0)]
    plan.paint(stripes, wear=0.6)


def _sides(plan: Plan) -> None:
    """Draw paving stones with their joints, and the grass behind them."""
    out = np.abs(plan.x)
    plan.fill(out > PAVEMENT_M, (0.24, 0.3, 0.13), 0.3)
    plan.fill((out > KERB_M) & (out <= PAVEMENT_M), (0.52, 0.5, 0.47), 0.07)
    joints = [
        rectangle(float(s * x), 80, 0.02, 500)
        for s in (-1, 1)
        for x in np.arange(KERB_M + 0.3, PAVEMENT_M, 0.6)
    ]
    for y in np.arange(plan.y[0], plan.y[1], 0.6):
        joints += [
            rectangle(s * (KERB_M + PAVEMENT_M) / 2, float(y), PAVEMENT_M - KERB_M, 0.02) for s in (-1, 1)
        ]
    plan.blend(plan.mask(joints) * 0.45, (0.33, 0.32, 0.3))
    tactile = [rectangle(s * (KERB_M + 0.7), sum(ZEBRA_Y) / 2, 1.0, ZEBRA_Y[1] - ZEBRA_Y[0]) for s in (-1, 1)]
    plan.blend(plan.mask(tactile) * 0.7, (0.72, 0.6, 0.35))
    gutter = [rectangle(s * (KERB_M - 0.2), 80, 0.4, 500) for s in (-1, 1)]
    plan.blend(plan.mask(gutter, 0.08) * 0.45, (0.22, 0.21, 0.19))


def draw_ground(y: tuple[float, float], px_per_m: float, seed: int) -> NDArray[np.uint8]:
    """Return the ground between two distances as sRGB uint8 (H, W, 3); the top row is the far end."""
    plan = Plan(y, px_per_m, seed)
    plan.fill(np.abs(plan.x) <= KERB_M, (0.3, 0.3, 0.305), 0.09)
    lanes = [rectangle(s * 7.72, 80, 1.45, 500) for s in (-1, 1)]
    plan.blend(plan.mask(lanes) * 0.55, (0.36, 0.22, 0.19))
    _sides(plan)
    _wear(plan, np.random.default_rng(seed + 1))
    _marks(plan)
    return (np.clip(plan.image, 0, 1) * 255).astype(np.uint8)

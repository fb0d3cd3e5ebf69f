"""What stands still beside the road: kerbs, buildings, trees, lamps, signals and the sky."""

from __future__ import annotations

import cv2
import numpy as np
from ground import PAVEMENT_M
from numpy.typing import NDArray
from solids import Mesh, Part, box, ellipsoid, join, tube
from traffic import KERB_M, STOP_Y

Colour = tuple[float, float, float]
WALLS: tuple[Colour, ...] = (
    (0.72, 0.66, 0.56),
    (0.6, 0.36, 0.28),
    (0.78, 0.75, 0.7),
    (0.55, 0.52, 0.5),
    (0.8, 0.72, 0.55),
    (0.5, 0.42, 0.36),
)


def _windows(
    side: int, face: float, y: tuple[float, float], x: tuple[float, float], floors: int
) -> list[list[Mesh]]:
    """Return panes, frames and sills of a house whose wall towards the road is at x = ``face``."""
    panes, frames, sills = [], [], []
    front = face - side * 0.03
    for floor in range(floors):
        z = 4.4 + 3.1 * floor
        for at in np.arange(y[0] + 1.8, y[1] - 1.2, 2.6):
            panes.append(box((front - 0.02, front + 0.02), (at - 0.6, at + 0.6), (z, z + 1.65)))
            frames.append(box((face - 0.03, face + 0.03), (at - 0.72, at + 0.72), (z - 0.1, z + 1.77)))
            sills.append(box((face - 0.18, face + 0.18), (at - 0.8, at + 0.8), (z - 0.2, z - 0.08)))
        for end in y:  # the gables that look along the road
            for at in np.arange(x[0] + 2, x[1] - 1, 3.4):
                panes.append(box((at - 0.55, at + 0.55), (end - 0.05, end + 0.05), (z, z + 1.5)))
    for at in np.arange(y[0] + 2.4, y[1] - 1.8, 4.0):
        panes.append(box((face - 0.05, face + 0.05), (at - 1.5, at + 1.5), (0.5, 2.7)))
        frames.append(box((face - 0.03, face + 0.03), (at - 1.65, at + 1.65), (0.3, 2.85)))
    return [panes, frames, sills]


def _building(
    side: int, y: tuple[float, float], floors: int, setback: float, rng: np.random.Generator
) -> list[Part]:
    """Return a house with windows, sills, a shop floor and a roof, facing the road."""
    wall = WALLS[rng.integers(len(WALLS))]
    height, face, depth = 3.6 + 3.1 * floors, side * setback, side * (setback + 13)
    x = (min(face, depth), max(face, depth))
    panes, frames, sills = _windows(side, face, y, x, floors)
    trim = tuple(0.75 * c for c in wall)
    cornice = [
        box((face - 0.35, face + 0.35), y, (height - 0.35, height + 0.25)),
        box((face - 0.2, face + 0.2), y, (3.2, 3.55)),
    ]
    roof = box((x[0] + 1, x[1] - 1), (y[0] + 0.5, y[1] - 0.5), (height, height + 1.2))
    parts = [
        Part(box(x, y, (0, height)), wall, "wall"),
        Part(join(panes[::2]), (0.2, 0.23, 0.25), "glass"),
        Part(join(panes[1::2]), (0.3, 0.31, 0.3), "glass"),
        Part(join(frames), (0.8, 0.79, 0.76), "wall"),
        Part(join(sills + cornice), trim, "wall"),
        Part(roof, (0.3, 0.2, 0.17), "wall"),
    ]
    cloth = tuple(float(c) for c in rng.uniform(0.1, 0.65, 3))
    if rng.random() < 0.6:
        out = face - side * 1.2
        parts.append(Part(box((out - 0.6, out + 0.6), (y[0] + 1, y[1] - 1), (2.75, 2.85)), cloth, "wall"))
    return parts


def _tree(x: float, y: float, height: float, rng: np.random.Generator) -> list[Part]:
    """Return a trunk with branches and a crown of thousands of single leaves in three greens."""
    crown = np.array([x, y, height * 0.68])
    wood = [tube((x, y, 0), (x + 0.1, y, height * 0.5), 0.16, 0.1)]
    spread, lumps = height * 0.27, []
    for _ in range(9):
        lump = crown + rng.normal(0, 1, 3) * [spread * 0.55, spread * 0.55, height * 0.12]
        wood.append(tube((x + 0.1, y, height * 0.42), lump, 0.07, 0.03, fine=5))
        lumps.append(lump)
    parts = [Part(join(wood), (0.2, 0.16, 0.12), "wall")]
    for green in ((0.16, 0.26, 0.07), (0.22, 0.34, 0.09), (0.28, 0.4, 0.13)):
        count = 1500
        way = rng.normal(0, 1, (count, 3))
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        middles = np.array(lumps)[rng.integers(len(lumps), size=count)]
        leaf = middles + way * spread * 0.62 * rng.uniform(0.35, 1, (count, 1)) ** 0.5
        corners = leaf[:, None] + rng.normal(0, 0.11, (count, 3, 3))
        points = corners.reshape(-1, 3)
        parts.append(Part((points, np.arange(len(points)).reshape(-1, 3)), green, "leaf"))
    return parts


def _lamp(side: int, y: float) -> list[Part]:
    x, reach = side * (KERB_M + 0.7), side * (KERB_M - 1.4)
    pole = [tube((x, y, 0), (x, y, 8.2), 0.09, 0.06), tube((x, y, 8.2), (reach, y, 8.6), 0.05)]
    head = ellipsoid((reach, y, 8.55), (0.4, 0.16, 0.09), 7)
    return [Part(join(pole), (0.36, 0.38, 0.38), "panel"), Part(head, (0.85, 0.84, 0.78), "streetlamp")]


def signal_heads() -> dict[str, list[tuple[float, float, float]]]:
    """Return where the red, amber and green lamps hang, in metres, by colour."""
    places = [(way * (KERB_M + 0.5), y + way * 0.6, way) for way, y in STOP_Y.items()]
    places += [(way * 3.4, y + way * 0.6, way) for way, y in STOP_Y.items()]
    heads: dict[str, list[tuple[float, float, float]]] = {"red": [], "amber": [], "green": []}
    for (x, y, way), z in zip(places, (3.1, 3.1, 5.6, 5.6), strict=True):
        for name, dz in (("red", 0.32), ("amber", 0.0), ("green", -0.32)):
            heads[name].append((x, y - way * 0.16, z + dz))
    return heads


def _signals() -> list[Part]:
    poles, cases = [], []
    for way, y in STOP_Y.items():
        x, y_pole = way * (KERB_M + 0.5), y + way * 0.6
        poles += [
            tube((x, y_pole, 0), (x, y_pole, 6.0), 0.08),
            tube((x, y_pole, 5.9), (way * 3.2, y_pole, 6.15), 0.05),
        ]
        cases += [box((x - 0.17, x + 0.17), (y_pole - 0.13, y_pole + 0.13), (2.6, 3.62))]
        cases += [box((way * 3.4 - 0.17, way * 3.4 + 0.17), (y_pole - 0.13, y_pole + 0.13), (5.1, 6.12))]
    return [Part(join(poles), (0.4, 0.41, 0.4), "panel"), Part(join(cases), (0.04, 0.045, 0.04), "panel")]


def _street_furniture(rng: np.random.Generator) -> list[Part]:
    kerbs = [
        box(
            (min(s * KERB_M, s * (KERB_M + 0.2)), max(s * KERB_M, s * (KERB_M + 0.2))),
            (-10, 240),
            (-0.1, 0.12),
        )
        for s in (-1, 1)
    ]
    bins = [
        tube((s * (KERB_M + 1.1), y, 0), (s * (KERB_M + 1.1), y, 0.9), 0.22)
        for s, y in ((1, 24), (-1, 40), (-1, 22))
    ]
    posts = [
        tube((s * (KERB_M + 0.45), y, 0), (s * (KERB_M + 0.45), y, 2.5), 0.035, fine=6)
        for s in (-1, 1)
        for y in (45, 78)
    ]
    discs = [
        ellipsoid((s * (KERB_M + 0.45), y, 2.5), (0.32, 0.03, 0.32), 9) for s in (-1, 1) for y in (45, 78)
    ]
    hedge = []
    for side in (-1, 1):
        hedge += [
            ellipsoid(
                (side * (PAVEMENT_M + 0.7 + rng.normal(0, 0.08)), y, 0.4),
                (0.55, 0.7, rng.uniform(0.5, 0.7)),
                6,
            )
            for y in np.arange(12.0, 120, 0.9)
            if (y // 16) % 2 == 0
        ]
    return [
        Part(join(kerbs), (0.58, 0.57, 0.55), "wall"),
        Part(join(bins), (0.12, 0.2, 0.14), "panel"),
        Part(join(posts), (0.5, 0.5, 0.5), "panel"),
        Part(join(discs), (0.1, 0.2, 0.55), "panel"),
        Part(join(hedge), (0.15, 0.24, 0.08), "leaf"),
    ]


def build_scenery(seed: int) -> list[Part]:
    """Return everything that stands still, but for the ground."""
    rng = np.random.default_rng(seed)
    parts = _street_furniture(rng) + _signals()
    for side in (-1, 1):
        y = -25.0
        while y < 215:
            width = float(rng.uniform(13, 24))
            setback = PAVEMENT_M + float(rng.uniform(2.0, 4.5))
            parts += _building(side, (y, y + width), int(rng.integers(2, 5)), setback, rng)
            y += width + float(rng.choice([0.0, 0.4, 5.0]))
        for y in np.arange(46.0 if side > 0 else 24.0, 190, 13.0):
            if abs(y - 32) > 5:
                parts += _tree(
                    side * (PAVEMENT_M - 0.9),
                    float(y + rng.uniform(-2, 2)),
                    float(rng.uniform(6.0, 8.5)),
                    rng,
                )
        for y in np.arange(48.0 if side > 0 else 34.0, 200, 28.0):
            parts += _lamp(side, float(y))
    for x in np.arange(-30, 31, 7.0):  # a park closes the view
        parts += _tree(float(x), 236 + float(rng.uniform(0, 8)), float(rng.uniform(12, 17)), rng)
    return parts


def sky(light: str, seed: int) -> NDArray[np.uint8]:
    """Return the sky and what is under the horizon as an equirectangular sRGB picture (256, 512, 3)."""
    rng = np.random.default_rng(seed)
    up = np.sin(np.linspace(np.pi / 2, -np.pi / 2, 256))[:, None, None]
    zenith, horizon, below = {
        "day": ((0.5, 0.62, 0.8), (0.88, 0.91, 0.94), (0.34, 0.33, 0.31)),
        "overcast": ((0.72, 0.74, 0.77), (0.84, 0.85, 0.86), (0.28, 0.28, 0.28)),
        "dusk": ((0.2, 0.25, 0.42), (0.75, 0.52, 0.42), (0.12, 0.12, 0.13)),
    }[light]
    t = np.clip(up, 0, 1) ** 0.5
    image = np.where(up > 0, np.array(horizon) * (1 - t) + np.array(zenith) * t, np.array(below)) * np.ones(
        (1, 512, 1)
    )
    cloud = sum(
        cv2.resize(rng.normal(0, 1, (n, 2 * n)), (512, 256), interpolation=cv2.INTER_CUBIC) / w
        for n, w in ((6, 1.2), (14, 2), (40, 4))
    )
    cover = np.clip(cloud - 0.1, 0, 1)[..., None] * (up > 0.02) * 0.6
    image = image * (1 - cover) + cover * (np.array(horizon) * 0.5 + 0.48)
    town = (np.abs(up) < 0.16) * (
        cv2.resize(rng.random((1, 60)), (512, 1), interpolation=cv2.INTER_NEAREST)[..., None] > 0.25
    )
    image = image * (1 - 0.6 * town) + 0.6 * town * np.array([0.3, 0.28, 0.25])
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)

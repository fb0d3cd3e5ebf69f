"""Cars: a body lofted along its length, a cabin stacked upwards, and what is fixed to them.

x forward, y left, z up; metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from colours import BLACK, DARK, GLASS, PLATE, RED_LAMP, WHITE_LAMP, Colour
from solids import Mesh, Part, box, ellipsoid, loft, rounded_ring, select, split, wheel


@dataclass(frozen=True)
class CarShape:
    """Measures of a car in metres; x positions as shares of the length, 0 in the middle, front positive.

    Attributes:
        length: over all.
        width: without mirrors.
        height: of the roof.
        belt: height of the lower edge of the windows.
        nose: height of the bonnet's front edge.
        base: rear and front end of the cabin at the belt.
        roof: rear and front end of the roof.
        tail: height of the rear deck's edge.
    """

    length: float
    width: float
    height: float
    belt: float
    nose: float
    base: tuple[float, float]
    roof: tuple[float, float]
    tail: float


CARS = {
    "sedan": CarShape(4.65, 1.83, 1.45, 0.93, 0.72, (-0.40, 0.245), (-0.235, 0.05), 0.96),
    "hatch": CarShape(4.15, 1.78, 1.49, 0.94, 0.74, (-0.488, 0.26), (-0.40, 0.07), 0.93),
    "estate": CarShape(4.7, 1.83, 1.48, 0.94, 0.72, (-0.488, 0.24), (-0.425, 0.055), 0.94),
    "suv": CarShape(4.55, 1.88, 1.68, 1.05, 0.9, (-0.485, 0.25), (-0.425, 0.09), 1.04),
    "mini": CarShape(3.65, 1.66, 1.5, 0.95, 0.76, (-0.485, 0.29), (-0.42, 0.1), 0.94),
}


def _section(x: float, top: float, half: float, bottom: float, crown: float) -> np.ndarray:
    """Return one cross-section (18, 3) of a body, from the keel over the left side and back."""
    mid = bottom + 0.5 * (top - bottom)
    side = [
        (0.0, bottom),
        (0.82, bottom),
        (0.95, bottom + 0.05),
        (0.985, bottom + 0.14),
        (1.0, mid),
        (0.985, top - 0.16),
        (0.955, top - 0.06),
        (0.88, top - 0.012),
        (0.6, top + crown * 0.6),
    ]
    left = [(x, share * half, z) for share, z in side]
    right = [(x, -y, z) for _, y, z in left[:0:-1]]
    return np.array([*left, (x, 0.0, top + crown), *right])


def body(stations: list[tuple[float, float, float, float]], crown: float = 0.02, step: float = 0.12) -> Mesh:
    """Loft a body through stations of (x, top, half width, bottom), smoothed along its length."""
    table = np.array(stations)
    xs = np.unique(
        np.concatenate([np.arange(table[0, 0], table[-1, 0], step), table[[0, -1], 0], table[:, 0]])
    )
    values = [np.interp(xs, table[:, 0], table[:, c]) for c in (1, 2, 3)]
    return loft(
        np.stack([_section(x, t, h, b, crown) for x, t, h, b in zip(xs, *values, strict=True)])[:, ::-1]
    )


def _car_stations(s: CarShape) -> list[tuple[float, float, float, float]]:
    half = s.width / 2
    low = 0.2 + 0.06 * (s.height > 1.6)
    shares = [
        (-0.5, s.tail - 0.3, 0.8, low + 0.2),
        (-0.494, s.tail - 0.1, 0.87, low + 0.12),
        (-0.475, s.tail - 0.02, 0.93, low + 0.06),
        (-0.43, s.tail, 0.97, low + 0.02),
        (-0.3, s.belt + 0.02, 1.0, low),
        (0.0, s.belt, 1.0, low),
        (s.base[1], s.belt, 1.0, low),
        (0.36, s.belt * 0.45 + s.nose * 0.55, 0.985, low),
        (0.44, s.nose + 0.02, 0.95, low + 0.02),
        (0.478, s.nose - 0.06, 0.88, low + 0.04),
        (0.494, s.nose - 0.15, 0.8, low + 0.1),
        (0.5, s.nose - 0.25, 0.7, low + 0.16),
    ]
    return [(x * s.length, top, w * half, bottom) for x, top, w, bottom in shares]


def _cabin(s: CarShape, paint: Colour) -> list[Part]:
    """Return glass, pillars and roof as one stack of rings narrowing upwards."""
    half, rings = s.width / 2, []
    z0, z1 = s.belt - 0.03, s.height
    for t, shrink in ((0, 0), (0.45, -0.012), (0.84, 0), (0.93, 0.01), (0.985, 0.05), (1.0, 0.2)):
        k = min(t / 0.93, 1.0)
        ends = [(1 - k) * s.base[i] + k * s.roof[i] for i in (0, 1)]
        rear, front = ends[0] * s.length + shrink, ends[1] * s.length - shrink
        width = half * ((1 - k) * 0.93 + k * 0.72) - shrink
        rings.append(rounded_ring((rear, front), width, z0 + t * (z1 - z0), 0.16, bow=0.08))
    mesh = loft(np.stack(rings))
    faces = mesh[1]
    ring_size = len(rings[0])
    # Which band of rings and which place on the ring a face belongs to tells glass from pillar.
    level, place = np.divmod(faces.min(axis=1), ring_size)
    corner = (place % 16) < 4
    b_pillar = np.isin(place, (4 + 16 + 5, 4 + 48 + 6))
    glass = (level < 2) & ~corner & ~b_pillar & (faces.max(axis=1) < ring_size * len(rings))
    return [Part(select(mesh, glass), GLASS, "glass"), Part(select(mesh, ~glass), paint, "paint")]


def _lamps(s: CarShape, front: bool) -> list[Part]:
    end, half = (1 if front else -1) * s.length / 2, s.width / 2
    z = (s.nose - 0.1) if front else (s.tail - 0.17)
    inset, colour, material = (0.17, WHITE_LAMP, "headlamp") if front else (0.05, RED_LAMP, "taillamp")
    radii = (0.2, 0.2, 0.075) if front else (0.1, 0.15, 0.1)
    return [
        Part(ellipsoid((end - np.sign(end) * inset, y * half * 0.74, z), radii, 7), colour, material)
        for y in (-1, 1)
    ]


def car(style: str, paint: Colour) -> list[Part]:
    """Return a car of one of the ``CARS`` styles."""
    s = CARS[style]
    half, end = s.width / 2, s.length / 2
    shell = body(_car_stations(s))
    trim, painted = split(shell, lambda m: m[:, 2] < 0.3)
    parts = [Part(trim, DARK, "rubber"), Part(painted, paint, "paint"), *_cabin(s, paint)]
    for front in (True, False):
        parts += _lamps(s, front)
    low = s.nose - 0.28
    parts.append(Part(box((end - 0.12, end - 0.015), (-0.42, 0.42), (low - 0.1, low + 0.1)), BLACK, "rubber"))
    parts.append(Part(box((end - 0.1, end + 0.012), (-0.24, 0.24), (low - 0.17, low - 0.07)), PLATE))
    deck = s.tail - 0.42
    parts.append(Part(box((-end - 0.012, 0.1 - end), (-0.24, 0.24), (deck, deck + 0.11)), PLATE))
    parts.append(Part(box((-end + 0.02, 0.2 - end), (-0.7, 0.7), (0.27, 0.4)), DARK, "rubber"))
    for side in (-1, 1):
        mirror = (s.base[1] * s.length - 0.28, side * (half + 0.08), s.belt + 0.06)
        parts.append(Part(ellipsoid(mirror, (0.07, 0.11, 0.08), 6), paint, "paint"))
        for x in (-0.01, 0.2):
            seam = box(
                (x * s.length, x * s.length + 0.015), (side * half * 0.97, side * half * 1.002), (0.3, 0.85)
            )
            parts.append(Part(seam, BLACK, "rubber"))
        for x in (-0.292, 0.305):
            parts += wheel(x * s.length, side * (half + 0.012), 0.31 + 0.05 * (s.height > 1.6), 0.2)
    return parts

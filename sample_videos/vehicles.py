"""Vans, trucks and buses: lofted bodies with glass, wheels and lights. x forward, y left, z up; metres."""

from __future__ import annotations

import numpy as np
from cars import body
from colours import BLACK, DARK, GLASS, RED_LAMP, WHITE_LAMP, Colour
from solids import Part, box, ellipsoid, loft, rounded_ring, split, wheel


def _lamp_pair(end: float, half: float, z: float, front: bool, size: tuple[float, float]) -> list[Part]:
    """Return a pair of upright lamps at one end of a tall vehicle."""
    colour, material = (WHITE_LAMP, "headlamp") if front else (RED_LAMP, "taillamp")
    return [
        Part(ellipsoid((end, y * half, z), (0.06, size[0], size[1]), 7), colour, material) for y in (-1, 1)
    ]


def van(paint: Colour) -> list[Part]:
    """Return a delivery van, 5.6 m long; the data sets of this project call it a truck."""
    stations = [
        (-2.8, 2.3, 0.9, 0.45),
        (-2.76, 2.42, 0.97, 0.36),
        (-2.6, 2.46, 1.0, 0.3),
        (0.9, 2.44, 1.0, 0.3),
        (1.15, 2.36, 0.99, 0.3),
        (1.95, 1.35, 0.98, 0.3),
        (2.5, 1.1, 0.95, 0.32),
        (2.7, 0.95, 0.88, 0.36),
        (2.8, 0.7, 0.76, 0.42),
    ]

    def glazed(m: np.ndarray) -> np.ndarray:
        slope = 2.36 - (m[:, 0] - 1.15) * 1.26
        screen = (m[:, 0] > 1.2) & (m[:, 0] < 1.92) & (m[:, 2] > slope - 0.05) & (np.abs(m[:, 1]) < 0.9)
        side = (m[:, 0] > 0.45) & (m[:, 0] < 1.7) & (m[:, 2] > 1.32) & (m[:, 2] < slope - 0.16)
        return screen | (side & (m[:, 2] < 2.1))

    glass, shell = split(body(stations, step=0.08), glazed)
    parts = [Part(glass, GLASS, "glass"), Part(shell, paint, "paint")]
    parts += _lamp_pair(2.6, 0.72, 0.85, True, (0.16, 0.12)) + _lamp_pair(
        -2.77, 0.88, 1.0, False, (0.07, 0.3)
    )
    parts.append(Part(box((2.6, 2.78), (-0.5, 0.5), (0.5, 0.72)), BLACK, "rubber"))
    parts.append(Part(box((-2.83, -2.7), (-0.85, 0.85), (0.3, 0.5)), DARK, "rubber"))
    parts.append(Part(box((-2.82, -2.7), (-0.01, 0.01), (0.5, 2.3)), BLACK, "rubber"))
    parts += [
        Part(box((-2.83, -2.7), (y - 0.33, y + 0.33), (1.5, 2.05)), GLASS, "glass") for y in (-0.42, 0.42)
    ]
    for side in (-1, 1):
        parts.append(Part(ellipsoid((1.75, side * 1.12, 1.4), (0.06, 0.1, 0.18), 6), DARK))
        parts.append(Part(box((-2.6, 2.2), (side * 0.99, side * 1.01), (0.62, 0.74)), DARK, "rubber"))
        for x in (-1.75, 1.75):
            parts += wheel(x, side * 1.015, 0.34, 0.22)
    return parts


def _cab(front: float, width: float, height: float, paint: Colour) -> list[Part]:
    """Return a truck's cab over the engine, its flat front at ``front``."""
    half, rings = width / 2, []
    for z, back, lean in (
        (0.45, 1.75, 0.06),
        (0.6, 1.8, 0.0),
        (1.0, 1.8, 0.0),
        (1.4, 1.8, 0.03),
        (2.2, 1.8, 0.16),
        (2.35, 1.8, 0.2),
    ):
        rings.append(rounded_ring((front - back, front - lean), half - lean * 0.2, z, 0.16, bow=0.05))
    for z, lean in ((height - 0.12, 0.4), (height, 0.62)):
        rings.append(rounded_ring((front - 1.78, front - lean), half - lean * 0.25, z, 0.2, bow=0.04))

    def glazed(m: np.ndarray) -> np.ndarray:
        high = (m[:, 2] > 1.4) & (m[:, 2] < 2.21)
        screen = (m[:, 0] > front - 0.22) & (np.abs(m[:, 1]) < half * 0.93)
        side = (np.abs(m[:, 1]) > half * 0.9) & (m[:, 0] > front - 1.2) & (m[:, 0] < front - 0.3)
        return high & (screen | side)

    glass, shell = split(loft(np.stack(rings)), glazed)
    parts = [Part(glass, GLASS, "glass"), Part(shell, paint, "paint")]
    parts.append(Part(box((front - 0.1, front + 0.045), (-half * 0.7, half * 0.7), (0.85, 1.25)), BLACK))
    parts.append(Part(box((front - 0.2, front + 0.06), (-half * 0.97, half * 0.97), (0.4, 0.62)), DARK))
    parts += _lamp_pair(front + 0.01, half * 0.8, 0.74, True, (0.17, 0.1))
    for side in (-1, 1):
        parts.append(
            Part(box((front - 0.2, front - 0.1), (side * half, side * (half + 0.24)), (1.55, 2.1)), BLACK)
        )
    return parts


def truck(paint: Colour, load: Colour, length: float = 8.2) -> list[Part]:
    """Return a box truck with a cab over the engine, two or three axles by its length."""
    end, half = length / 2, 1.22
    parts = _cab(end, 2.36, 2.85, paint)
    levels = ((1.05, 0.0), (1.1, 0.0), (3.35, 0.0), (3.42, 0.04))
    rings = [rounded_ring((-end, end - 2.0), half - s, z, 0.06 + s) for z, s in levels]
    parts.append(Part(loft(np.stack(rings)), load, "panel"))
    parts.append(Part(box((-end + 0.1, end - 0.6), (-0.5, 0.5), (0.55, 1.05)), BLACK, "rubber"))
    parts.append(Part(box((-end + 0.02, -end + 0.15), (-1.15, 1.15), (0.45, 0.62)), DARK, "rubber"))
    parts.append(Part(box((-end - 0.012, -end + 0.1), (-0.012, 0.012), (1.15, 3.3)), DARK, "rubber"))
    parts += [
        Part(box((-end - 0.014, -end + 0.1), (-1.2, 1.2), (z, z + 0.06)), DARK, "rubber") for z in (1.1, 3.28)
    ]
    parts += _lamp_pair(-end + 0.02, 1.0, 0.75, False, (0.16, 0.07))
    stripe = tuple(0.6 * c for c in paint)
    axles = [end - 1.1, -end + 1.6] + ([-end + 2.75] if length > 8.5 else [])
    for side in (-1, 1):
        parts.append(
            Part(box((-end + 0.2, end - 2.2), (side * 1.2, side * 1.228), (1.6, 2.1)), stripe, "panel")
        )
        parts.append(
            Part(box((-end + 2.3, end - 2.1), (side * 0.9, side * 1.1), (0.45, 0.95)), DARK, "rubber")
        )
        for x in axles:
            parts += wheel(x, side * 1.2, 0.48, 0.3)
    return parts


BUS_LEVELS = (
    *((0.34, 0.05), (0.42, 0.0), (0.5, 0.0), (0.85, 0.0), (1.15, 0.01), (1.17, 0.01), (1.7, 0.03)),
    *((2.28, 0.05), (2.3, 0.05), (2.5, 0.06), (2.52, 0.06), (2.85, 0.08), (3.0, 0.2)),
)
"""Heights of the rings of a bus and how far each is drawn in, in metres."""


def bus(paint: Colour, length: float = 11.6) -> list[Part]:
    """Return a city bus with a band of windows, doors on the right and a unit on the roof."""
    end, half = length / 2, 1.27
    rings = [rounded_ring((-end + s, end - s), half - s * 0.6, z, 0.25, 0.08, fine=36) for z, s in BUS_LEVELS]

    def glazed(m: np.ndarray) -> np.ndarray:
        x, y, z = m.T
        post = np.abs((x + 0.2) % 1.45 - 0.72) < 0.64
        side = (np.abs(y) > half * 0.9) & (z > 1.15) & (z < 2.3) & post & (np.abs(x) < end - 0.35)
        screen = (x > end - 0.22) & (z > 0.85) & (z < 2.5) & (np.abs(y) < half * 0.95)
        door = (
            (y < -half * 0.9)
            & (z > 0.5)
            & (z < 2.3)
            & ((np.abs(x - end + 1.1) < 0.6) | (np.abs(x + 0.6) < 0.6))
        )
        return side | screen | door | ((x < -end + 0.22) & (z > 1.6) & (z < 2.3) & (np.abs(y) < half * 0.8))

    glass, shell = split(loft(np.stack(rings)), glazed)
    roof, lower = split(shell, lambda m: m[:, 2] > 2.3)
    light = tuple(0.35 * c + 0.58 for c in paint)
    parts = [Part(glass, GLASS, "glass"), Part(lower, paint, "paint"), Part(roof, light, "paint")]
    unit = [rounded_ring((-3.4, -0.4), 0.75 - s, z, 0.2 + s) for z, s in ((2.95, 0), (3.15, 0), (3.2, 0.06))]
    parts.append(Part(loft(np.stack(unit)), (0.75, 0.76, 0.77), "panel"))
    parts.append(Part(box((end - 0.2, end + 0.01), (-0.9, 0.9), (2.52, 2.8)), (0.03, 0.03, 0.03), "rubber"))
    parts.append(Part(box((end - 0.2, end + 0.014), (-0.6, 0.5), (2.58, 2.74)), (0.95, 0.6, 0.1), "sign"))
    parts.append(Part(box((-end - 0.01, -end + 0.1), (-0.8, 0.8), (0.75, 1.3)), DARK, "rubber"))
    parts += _lamp_pair(end + 0.01, 0.95, 0.7, True, (0.17, 0.1)) + _lamp_pair(
        -end - 0.01, 1.08, 1.1, False, (0.08, 0.22)
    )
    for side in (-1, 1):
        parts.append(Part(box((end - 0.05, end + 0.12), (side * 1.2, side * 1.45), (1.9, 2.35)), BLACK))
        for x in (end - 2.6, -end + 3.3):
            parts += wheel(x, side * 1.275, 0.48, 0.3)
    return parts

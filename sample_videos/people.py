"""People on foot, on bicycles and on motorbikes, with the phases of their step. x forward, y left, z up."""

from __future__ import annotations

import numpy as np
from solids import Mesh, Part, box, ellipsoid, join, loft, rounded_ring, spun, tube

Colour = tuple[float, float, float]
SKINS: tuple[Colour, ...] = ((0.85, 0.65, 0.53), (0.72, 0.52, 0.4), (0.45, 0.3, 0.22), (0.9, 0.72, 0.62))
CLOTHES: tuple[Colour, ...] = (
    (0.7, 0.1, 0.1),
    (0.12, 0.15, 0.25),
    (0.1, 0.1, 0.11),
    (0.8, 0.78, 0.72),
    (0.2, 0.35, 0.55),
    (0.35, 0.4, 0.25),
    (0.85, 0.6, 0.15),
    (0.45, 0.45, 0.48),
    (0.55, 0.25, 0.45),
)
TROUSERS: tuple[Colour, ...] = ((0.1, 0.12, 0.2), (0.12, 0.12, 0.13), (0.3, 0.27, 0.22), (0.25, 0.32, 0.45))
HAIR: tuple[Colour, ...] = ((0.06, 0.04, 0.03), (0.2, 0.12, 0.06), (0.5, 0.38, 0.2), (0.45, 0.44, 0.43))
PHASES = 12
STRIDE_M = 1.45
"""Metres walked in one cycle of two steps."""


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return colours[rng.integers(len(colours))]


def dress(rng: np.random.Generator) -> dict[str, Colour]:
    """Draw the colours of a person: skin, coat, trousers, hair."""
    drawn = {"skin": SKINS, "coat": CLOTHES, "trousers": TROUSERS, "hair": HAIR}
    return {name: _pick(rng, colours) for name, colours in drawn.items()}


def _torso(hip: np.ndarray, neck: np.ndarray, shoulder: float) -> Mesh:
    """Return a torso from the hip to the neck, oval in section and wider at the shoulders."""
    rings = []
    for t, wide, deep in (
        (-0.12, 0.72, 0.9),
        (0, 0.8, 1),
        (0.3, 0.74, 0.95),
        (0.7, 1, 1.1),
        (0.9, 0.95, 0.9),
        (1, 0.4, 0.5),
    ):
        middle = hip + t * (neck - hip)
        ring = rounded_ring((-0.13 * deep, 0.13 * deep), shoulder * wide, 0, 0.12, fine=2)
        rings.append(ring + middle)
    return loft(np.stack(rings))


def _head(neck: np.ndarray, colours: dict[str, Colour], helmet: Colour | None = None) -> list[Part]:
    top = neck + np.array([0.03, 0, 0.17])
    parts = [
        Part(
            join([ellipsoid(top, (0.1, 0.08, 0.125), 8), tube(neck - [0, 0, 0.05], top, 0.055)]),
            colours["skin"],
        )
    ]
    if helmet is None:
        hair = ellipsoid(top + np.array([-0.03, 0, 0.04]), (0.1, 0.092, 0.11), 8)
        return [*parts, Part(hair, colours["hair"])]
    shell = ellipsoid(top + np.array([-0.01, 0, 0.035]), (0.145, 0.125, 0.14), 9)
    visor = ellipsoid(top + np.array([0.07, 0, 0.02]), (0.08, 0.1, 0.06), 7)
    return [*parts, Part(shell, helmet, "panel"), Part(visor, (0.03, 0.03, 0.04), "glass")]


def walker(colours: dict[str, Colour], height: float, phase: float, swing: float = 1.0) -> list[Part]:
    """Return a person 1.75 m tall scaled to ``height``, at ``phase`` in [0, 1) of the step.

    Args:
        colours: as ``dress`` draws them.
        height: in metres.
        phase: 0 is the left foot's reach.
        swing: 1 walking, 0 standing.
    """
    hip, neck, shoulder = np.array([0, 0, 0.92]), np.array([0.04 * swing, 0, 1.45]), 0.215
    parts, legs, arms, hands, shoes = [], [], [], [], []
    for side, shift in ((1, 0.0), (-1, 0.5)):
        turn = 2 * np.pi * (phase + shift)
        thigh, knee = 0.5 * swing * np.cos(turn), 0.75 * swing * max(0.0, -np.sin(turn)) + 0.05
        start = hip + np.array([0, side * 0.09, 0])
        mid = start + 0.43 * np.array([np.sin(thigh), 0, -np.cos(thigh)])
        foot = mid + 0.43 * np.array([np.sin(thigh - knee), 0, -np.cos(thigh - knee)])
        legs += [tube(start, mid, 0.085, 0.062), tube(mid, foot, 0.06, 0.045)]
        shoes.append(ellipsoid(foot + np.array([0.05, 0, -0.03]), (0.13, 0.05, 0.045), 6))
        reach = -0.45 * swing * np.cos(turn)
        arm = neck + np.array([0, side * (shoulder + 0.02), -0.08])
        elbow = arm + 0.28 * np.array([np.sin(reach), side * 0.12, -np.cos(reach)])
        hand = elbow + 0.25 * np.array([np.sin(reach + 0.35), 0, -np.cos(reach + 0.35)])
        arms += [tube(arm, elbow, 0.055, 0.045), tube(elbow, hand, 0.043, 0.035)]
        hands.append(ellipsoid(hand, (0.045, 0.03, 0.055), 5))
    parts.append(Part(join([_torso(hip, neck, shoulder), *arms]), colours["coat"]))
    parts.append(Part(join(legs), colours["trousers"]))
    parts += [Part(join(shoes), (0.05, 0.05, 0.05)), Part(join(hands), colours["skin"])]
    parts += _head(neck, colours)
    low = min(part.mesh[0][:, 2].min() for part in parts)
    scale = height / 1.75
    return [Part(((p.mesh[0] - [0, 0, low]) * scale, p.mesh[1]), p.colour, p.material) for p in parts]


def _rider(
    colours: dict[str, Colour],
    hip: tuple[float, float],
    grip: tuple[float, float],
    feet: list[tuple[float, float]],
    lean: float,
    helmet: Colour | None,
) -> list[Part]:
    """Return a seated person; points are (x, z) in metres, ``lean`` is the neck's lead over the hip."""
    seat, neck = np.array([hip[0], 0, hip[1]]), np.array([hip[0] + lean, 0, hip[1] + 0.52])
    legs, arms, shoes = [], [], []
    for side, (fx, fz) in zip((1, -1), feet, strict=True):
        start, foot = seat + np.array([0, side * 0.09, 0]), np.array([fx, side * 0.14, fz])
        gap = foot - start
        bend = np.sqrt(max(0.0, 0.45**2 - (np.linalg.norm(gap) / 2) ** 2))
        ahead = np.array([-gap[2], 0, gap[0]]) / (np.hypot(gap[0], gap[2]) + 1e-9)
        knee = (start + foot) / 2 + ahead * bend
        legs += [tube(start, knee, 0.09, 0.07), tube(knee, foot, 0.065, 0.05)]
        shoes.append(ellipsoid(foot + np.array([0.05, 0, -0.02]), (0.13, 0.05, 0.05), 6))
        arm, hand = neck + np.array([0, side * 0.21, -0.06]), np.array([grip[0], side * 0.28, grip[1]])
        elbow = (arm + hand) / 2 + [0, side * 0.08, -0.08]
        arms += [tube(arm, elbow, 0.06, 0.05), tube(elbow, hand, 0.048, 0.04)]
    parts = [Part(join([_torso(seat, neck, 0.21), *arms]), colours["coat"])]
    parts += [Part(join(legs), colours["trousers"]), Part(join(shoes), (0.05, 0.05, 0.05))]
    return parts + _head(neck, colours, helmet)


def _tyre(x: float, radius: float, thick: float) -> Mesh:
    rim = radius - thick
    profile = [
        (rim, 0.0),
        (rim + 0.3 * thick, thick * 0.55),
        (radius, 0.0),
        (rim + 0.3 * thick, -thick * 0.55),
    ]
    ring = [np.array([r, y]) for r, y in [*profile, profile[0]]]
    turn = np.linspace(0, 2 * np.pi, 25)
    rings = [np.array([[x + r * np.cos(a), y, radius + r * np.sin(a)] for r, y in ring]) for a in turn]
    return loft(np.stack(rings), caps=False)


def bicycle(colours: dict[str, Colour], paint: Colour, phase: float) -> list[Part]:
    """Return a bicycle with its rider at ``phase`` in [0, 1) of a turn of the pedals."""
    crank, seat, head, grip = (-0.05, 0.28), (-0.22, 0.92), (0.38, 0.86), (0.4, 1.02)
    rear, front = (-0.52, 0.34), (0.54, 0.34)

    def bar(a: tuple[float, float], b: tuple[float, float], r: float = 0.018) -> Mesh:
        return tube((a[0], 0, a[1]), (b[0], 0, b[1]), r, fine=6)

    tubes = [
        bar(crank, seat),
        bar(crank, head, 0.022),
        bar((-0.2, 0.82), head),
        bar(crank, rear),
        bar(rear, (-0.2, 0.8)),
    ]
    tubes += [bar(head, front), bar(head, grip), tube((0.4, -0.28, 1.02), (0.4, 0.28, 1.02), 0.016, fine=6)]
    parts = [
        Part(join(tubes), paint, "paint"),
        Part(ellipsoid((-0.24, 0, 0.96), (0.14, 0.07, 0.035), 6), (0.04, 0.04, 0.04)),
    ]
    parts.append(
        Part(join([_tyre(rear[0], 0.34, 0.045), _tyre(front[0], 0.34, 0.045)]), (0.05, 0.05, 0.05), "rubber")
    )
    spokes = []
    for middle in (rear, front):
        for k in range(5):
            a = np.pi * k / 5 + np.pi * phase
            reach = np.array([np.cos(a), np.sin(a)]) * 0.31
            spokes.append(bar(tuple(np.array(middle) - reach), tuple(np.array(middle) + reach), 0.004))
    parts.append(Part(join(spokes), (0.6, 0.6, 0.6), "chrome"))
    turn = -2 * np.pi * phase
    feet = [(crank[0] + s * 0.17 * np.cos(turn), crank[1] + 0.03 + s * 0.17 * np.sin(turn)) for s in (1, -1)]
    return parts + _rider(colours, (-0.22, 0.98), (0.4, 1.04), feet, 0.28, colours.get("helmet"))


def motorbike(colours: dict[str, Colour], paint: Colour) -> list[Part]:
    """Return a motorbike with its rider, 2.1 m long."""
    helmet = tuple(0.3 + 0.6 * c for c in paint)
    parts = [Part(join([_tyre(-0.68, 0.31, 0.13), _tyre(0.7, 0.31, 0.11)]), (0.05, 0.05, 0.05), "rubber")]
    discs = [spun([(0.17, -0.05), (0.17, 0.05)], (x, 0, 0.31)) for x in (-0.68, 0.7)]
    parts.append(Part(join(discs), (0.4, 0.4, 0.42), "chrome"))
    engine = [ellipsoid((0.02, 0, 0.42), (0.3, 0.17, 0.2), 8), box((-0.65, 0.2), (-0.2, -0.11), (0.28, 0.4))]
    parts.append(Part(join(engine), (0.22, 0.22, 0.23), "chrome"))
    tank = [
        ellipsoid((0.2, 0, 0.82), (0.3, 0.16, 0.14), 9),
        ellipsoid((-0.72, 0, 0.82), (0.28, 0.11, 0.09), 8),
    ]
    tank += [
        ellipsoid((0.52, 0, 0.85), (0.2, 0.19, 0.2), 9),
        ellipsoid((0.72, 0, 0.6), (0.24, 0.07, 0.06), 6),
    ]
    parts.append(Part(join(tank), paint, "paint"))
    parts.append(Part(ellipsoid((-0.3, 0, 0.8), (0.42, 0.14, 0.07), 8), (0.03, 0.03, 0.03), "rubber"))
    forks = [tube((0.48, y, 0.9), (0.7, y, 0.31), 0.03, fine=6) for y in (-0.1, 0.1)]
    forks += [tube((0.4, -0.33, 1.02), (0.4, 0.33, 1.02), 0.018, fine=6)]
    forks += [tube((-0.1, y, 0.4), (-0.68, y, 0.31), 0.03, fine=6) for y in (-0.1, 0.1)]
    parts.append(Part(join(forks), (0.15, 0.15, 0.15), "chrome"))
    parts.append(Part(ellipsoid((0.69, 0, 0.87), (0.06, 0.1, 0.09), 7), (0.95, 0.95, 0.9), "headlamp"))
    parts.append(Part(ellipsoid((-0.98, 0, 0.83), (0.04, 0.09, 0.05), 6), (0.55, 0.02, 0.02), "taillamp"))
    parts.append(Part(ellipsoid((0.55, 0, 1.08), (0.05, 0.16, 0.13), 7), (0.03, 0.04, 0.05), "glass"))
    return parts + _rider(colours, (-0.28, 0.9), (0.38, 1.04), [(-0.08, 0.36)] * 2, 0.3, helmet)

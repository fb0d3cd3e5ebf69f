"""Draw a road user of a kind: its mesh, or its meshes where it moves its legs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from cars import CARS, car
from colours import PAINT_SHARES, PAINTS
from people import PHASES, STRIDE_M, bicycle, dress, motorbike, walker
from solids import Part
from vehicles import bus, truck, van

CLASSES = ("car", "bus", "truck", "motorbike", "bicycle", "person")
"""In the order of the class numbers 1 to 6 of the project's labelled sets."""
BUS_PAINTS = ((0.72, 0.1, 0.08), (0.85, 0.62, 0.05), (0.1, 0.32, 0.6), (0.82, 0.82, 0.8), (0.1, 0.45, 0.3))
LOADS = ((0.86, 0.86, 0.85), (0.8, 0.8, 0.78), (0.2, 0.35, 0.6), (0.75, 0.65, 0.2), (0.6, 0.62, 0.63))
PEDAL_M = 5.2
"""Metres ridden in one turn of the pedals."""


@dataclass(frozen=True)
class Model:
    """What a road user looks like.

    Attributes:
        label: one of ``CLASSES``.
        phases: meshes by phase of the step; a single one for what does not move its legs.
        cycle_m: metres travelled in one cycle of the phases.
        length: metres from end to end.
    """

    label: str
    phases: tuple[list[Part], ...]
    cycle_m: float
    length: float


def draw(kind: str, rng: np.random.Generator) -> Model:
    """Draw one road user: ``kind`` is one of ``CLASSES`` or ``van`` (labelled truck)."""
    paint = PAINTS[rng.choice(len(PAINTS), p=np.array(PAINT_SHARES) / sum(PAINT_SHARES))]
    if kind in ("bicycle", "person"):
        return _legged(kind, paint, rng)
    if kind == "car":
        styles = rng.choice(list(CARS), p=(0.24, 0.26, 0.18, 0.22, 0.1))
        parts = car(str(styles), paint)
    elif kind == "van":
        parts = van(PAINTS[rng.choice([0, 0, 1, 3, 5])])
    elif kind == "truck":
        load = LOADS[rng.integers(len(LOADS))]
        parts = truck(PAINTS[rng.choice([0, 5, 6, 9, 7])], load, float(rng.choice([7.4, 8.2, 9.4])))
    elif kind == "bus":
        parts = bus(BUS_PAINTS[rng.integers(len(BUS_PAINTS))])
    else:
        parts = motorbike(dress(rng), paint)
    label = "truck" if kind == "van" else kind
    return Model(label, (parts,), 1.0, _length(parts))


def _legged(kind: str, paint: tuple[float, float, float], rng: np.random.Generator) -> Model:
    colours, steps = dress(rng), np.arange(PHASES) / PHASES
    if kind == "bicycle":
        if rng.random() < 0.5:
            colours["helmet"] = (0.9, 0.9, 0.92)
        phases = tuple(bicycle(colours, paint, float(t)) for t in steps)
        return Model(kind, phases, PEDAL_M, _length(phases[0]))
    height = float(np.clip(rng.normal(1.72, 0.08), 1.5, 1.9))
    phases = tuple(walker(colours, height, float(t)) for t in steps)
    still = walker(colours, height, 0.25, swing=0.0)
    return Model(kind, (*phases, still), STRIDE_M * height / 1.75, _length(phases[0]))


def _length(parts: list[Part]) -> float:
    xs = np.concatenate([part.mesh[0][:, 0] for part in parts])
    return float(xs.max() - xs.min())

"""Turning movements: from which gate of a junction to which other one a journey went."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.analytics._journey import Journey, Step, event_of
from tracker.analytics._passages import (
    Boxes,
    Crossing,
    LineWatch,
    crossings,
    entered,
    has_travelled,
    passed,
    touched_by,
)
from tracker.scene.geometry import segments
from tracker.scene.model import Scene
from tracker.types import Event


class TurnCounter:
    """Tells a journey's first and last gate when it ends: until then another gate may come.

    Args:
        scene: in pixels of the frames.
    """

    def __init__(self, scene: Scene) -> None:
        """Begin with nobody on the way."""
        self._gates = scene.gates
        self._watches = [LineWatch(f"gate {gate.name}", segments(gate.points)) for gate in scene.gates]

    def stirred_by(self, before: Boxes, after: Boxes) -> NDArray[np.bool_]:
        """Return bool (N,), which of the steps between boxes (N, 4) may mean something here."""
        return touched_by(self._watches, before, after)

    def update(self, steps: Sequence[Step], entries: Sequence[Step], ended: Sequence[Journey]) -> list[Event]:
        """Take a frame's steps and the journeys that ended; return the turns that are complete."""
        for journey, place, crossing in entered(self._watches, entries) + crossings(self._watches, steps):
            self._keep(journey, place, crossing)
        found = [self._turn(journey) for journey in ended]
        return [event for event in found if event is not None]

    @staticmethod
    def _keep(journey: Journey, gate: int, crossing: Crossing) -> None:
        journey.gates.append((gate, crossing))

    def _turn(self, journey: Journey) -> Event | None:
        for place, crossing in passed(self._watches, journey):
            self._keep(journey, place, crossing)
        gates: list[tuple[int, Crossing]] = sorted(journey.gates, key=lambda gate: gate[1].time_s)
        if len(gates) < 2 or not has_travelled(journey):
            return None
        (first, came), (last, left) = gates[0], gates[-1]
        what = ("turn", self._gates[first].name, self._gates[last].name)
        return event_of(journey, what, left.seen, left.time_s, left.origin, dwell_s=left.time_s - came.time_s)

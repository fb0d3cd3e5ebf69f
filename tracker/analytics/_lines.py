"""Counting lines: who passed which line, which way, when and how fast."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame
from tracker.analytics._headways import Headways, Passing
from tracker.analytics._journey import Journey, Step, event_of
from tracker.analytics._journeys import EARLY_S
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
from tracker.analytics._seen import Moment, Seen
from tracker.analytics._speed import speed_at
from tracker.scene.geometry import segments
from tracker.scene.model import Scene
from tracker.types import Event

if TYPE_CHECKING:
    from tracker.scene.plane import RoadPlane

#: A crossing is told this long after it happened: votes on its class come in, and with a calibration the way
#: behind the line is needed for the speed at the line.
SETTLE_S, SETTLE_WITH_SPEED_S = 0.25, 1.5
#: A person of whom this share lies on the box of one of these is its rider, and counts with it.
RIDER = 0.5
RIDDEN = ("motorbike", "bicycle")
#: Tells where cycles and motorbikes are on a frame, by the numbers of their tracks.
Ridden = Callable[[], Sequence[tuple[int, Seen]]]


@dataclass(slots=True, eq=False)
class _Waiting:
    journey: Journey
    line: int
    crossing: Crossing
    rides: bool


class LineCounter:
    """Counts a journey once a line and direction.

    Args:
        scene: in pixels of the frames.
        class_names: in the order of the labels.
        plane: for speeds, or None.

    Attributes:
        due_s: when the first crossing that is not told yet may be told; infinite without one.
    """

    def __init__(self, scene: Scene, class_names: Sequence[str], plane: RoadPlane | None = None) -> None:
        """Begin with nothing counted."""
        self._lines, self._names, self._plane = scene.lines, class_names, plane
        self._size = scene.size or (1, 1)
        self._watches = [
            LineWatch(f"line {line.name}", segments(line.points), line.anchor) for line in scene.lines
        ]
        self._settle_s = SETTLE_S if plane is None else SETTLE_WITH_SPEED_S
        self._waiting: list[_Waiting] = []
        self.due_s = math.inf
        self._headways = Headways()

    def stirred_by(self, before: Boxes, after: Boxes) -> NDArray[np.bool_]:
        """Return bool (N,), which of the steps between boxes (N, 4) may mean something here."""
        return touched_by(self._watches, before, after)

    def update(
        self,
        frame: Frame | Moment,
        steps: Sequence[Step],
        entries: Sequence[Step],
        ended: Sequence[Journey],
        ridden: Ridden,
    ) -> list[Event]:
        """Take a frame's steps, the journeys that ended and where cycles are; return what is sure now."""
        self._headways.look(frame.time_s, frame.gap_s, frame.cut)
        passages = entered(self._watches, entries) + crossings(self._watches, steps)
        for journey, place, crossing in passages:
            self._keep(journey, place, crossing, ridden)
        if not ended and frame.time_s < self.due_s:
            return []
        return self._tell(frame.time_s, ended)

    def finish(self, ended: Sequence[Journey]) -> list[Event]:
        """Return what is left at the end of a run."""
        return self._tell(float("inf"), ended)

    def _keep(self, journey: Journey, line: int, crossing: Crossing, ridden: Ridden) -> None:
        if (line, crossing.forward) in journey.counted:
            return
        journey.counted.add((line, crossing.forward))
        due_s = journey.later[line, crossing.forward] = crossing.time_s + self._settle_s
        self.due_s = min(self.due_s, due_s - EARLY_S)
        rides = _rides(journey, crossing.seen, ridden())
        self._waiting.append(_Waiting(journey, line, crossing, rides))

    def _tell(self, now_s: float, ended: Sequence[Journey]) -> list[Event]:
        for journey in ended:
            for place, crossing in passed(self._watches, journey):
                self._keep(journey, place, crossing, _nobody)
        due = [w for w in self._waiting if w.journey.ended or self._is_due(w, now_s)]
        if not due:
            return []
        self._waiting = [w for w in self._waiting if w not in due]
        first_s = min((w.crossing.time_s for w in self._waiting), default=math.inf)
        self.due_s = first_s + self._settle_s - EARLY_S
        for waiting in due:
            del waiting.journey.later[waiting.line, waiting.crossing.forward]
        due.sort(key=lambda w: (w.crossing.time_s, w.journey.track_id))
        return [self._event(w) for w in due if has_travelled(w.journey) and self._is_wanted(w)]

    def _is_due(self, waiting: _Waiting, now_s: float) -> bool:
        return now_s - waiting.crossing.time_s >= self._settle_s and has_travelled(waiting.journey)

    def _is_wanted(self, waiting: _Waiting) -> bool:
        name, classes = self._names[waiting.journey.label], self._lines[waiting.line].classes
        return (not classes or name in classes) and not (name == "person" and waiting.rides)

    def _event(self, waiting: _Waiting) -> Event:
        journey, crossing, line = waiting.journey, waiting.crossing, self._lines[waiting.line]
        speed = headway_s = None
        if self._names[journey.label] != "person":
            headway_s = self._headways.of(Passing(waiting.line, crossing.forward), crossing.time_s)
        if self._plane is not None:
            speed = speed_at(self._plane, self._size, list(journey.path), crossing.time_s)
        return event_of(
            journey,
            ("crossing", line.name, line.directions[0 if crossing.forward else 1]),
            crossing.seen,
            crossing.time_s,
            crossing.origin,
            speed_kmh=speed.kmh if speed else None,
            speed_error_kmh=speed.error_kmh if speed else None,
            headway_s=headway_s,
        )


def _nobody() -> Sequence[tuple[int, Seen]]:
    return ()


def _rides(journey: Journey, seen: Seen, ridden: Sequence[tuple[int, Seen]]) -> bool:
    """Return whether another track that is a cycle or motorbike lies under this box."""
    if not ridden:
        return False
    area = max((seen.x2 - seen.x1) * (seen.y2 - seen.y1), 1e-6)
    for track_id, cycle in ridden:
        if track_id == journey.track_id:
            continue
        # the box may hold the cycle alone: its rider sits above it
        top = cycle.y1 - (cycle.y2 - cycle.y1) / 2
        width = min(seen.x2, cycle.x2) - max(seen.x1, cycle.x1)
        height = min(seen.y2, cycle.y2) - max(seen.y1, top)
        if width > 0 and height > 0 and width * height >= RIDER * area:
            return True
    return False

"""Turning movements by interval: an origin-destination matrix of a junction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from tracker.scene.model import Scene
from tracker.traffic.buckets import Buckets
from tracker.traffic.clock import Clock
from tracker.types import FrameResult

#: A turn is told when its journey has ended for good, so an interval stays open for it.
_LATEST_S = 60.0


@dataclass(frozen=True, slots=True)
class TurnRow:
    """How many of a class went from one gate to another within one interval.

    Attributes:
        start_s: beginning of the interval, in seconds of the video.
        end_s: its end.
        start: its beginning on the clock, or None.
        end: its end on the clock, or None.
        origin: name of the first gate.
        destination: name of the last gate; the same one for a U-turn.
        class_name: of the road users.
        count: how many; movements that nobody made have no row.
    """

    start_s: float
    end_s: float
    start: datetime | None
    end: datetime | None
    origin: str
    destination: str
    class_name: str
    count: int


class TurnCounts:
    """Adds the turns of a run up, by the moment at which they left the junction.

    Args:
        scene: with the length of the intervals.
        class_names: in the order of the labels.
    """

    def __init__(self, scene: Scene, class_names: tuple[str, ...]) -> None:
        """Begin with nothing counted."""
        self._scene, self._names = scene, class_names
        self._now_s = 0.0
        self._buckets: Buckets[Counter[tuple[str, str, int]]] | None = None

    def add(self, result: FrameResult) -> None:
        """Take one frame's result."""
        self._now_s = result.frame.time_s
        if self._buckets is None:
            self._buckets = Buckets(Clock.of(self._scene, result.frame), self._scene.interval_s, Counter)
        for event in result.events:
            if event.kind == "turn":
                self._buckets.at(event.time_s).content[event.name, event.direction, event.label] += 1

    def finished(self) -> list[TurnRow]:
        """Take out the rows of the intervals that are over."""
        return self._taken(self._now_s - _LATEST_S)

    def finish(self) -> list[TurnRow]:
        """Take out all rows that are left, at the end of the run."""
        return self._taken(float("inf"))

    def _taken(self, before_s: float) -> list[TurnRow]:
        if self._buckets is None or not self._buckets.over(before_s):
            return []
        return [
            TurnRow(
                bucket.start_s,
                bucket.end_s,
                *self._buckets.times(bucket),
                origin,
                destination,
                self._names[label],
                n,
            )
            for bucket in self._buckets.pop(before_s)
            for (origin, destination, label), n in sorted(bucket.content.items())
        ]

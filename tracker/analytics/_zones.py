"""Zones: who is in them, since when, and who stands there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.analytics._journeys import Journey, Step, event_of, has_stopped
from tracker.analytics._seen import Seen
from tracker.scene.geometry import contains, contains_each
from tracker.scene.model import Points, Scene
from tracker.types import Event

#: Inside or outside is who has been so for this long (seconds): a box trembles at the border.
STEADY_S = 0.4


@dataclass(slots=True)
class _Stay:
    """What a journey does in one zone.

    Attributes:
        inside: it was told to be inside.
        since_s: since when, for the dwell time.
        change: first frame on which it was on the other side, or None.
        stopped_s: since when it stands, or None.
    """

    inside: bool = False
    since_s: float = 0.0
    change: Seen | None = None
    stopped_s: float | None = None


class ZoneWatch:
    """Tells who enters and leaves zones, and who stops and goes on in them.

    A road user is where its wheels or feet are: the middle of the lower side of its box.

    Args:
        scene: in pixels of the frames.
        class_names: in the order of the labels.
    """

    def __init__(self, scene: Scene, class_names: Sequence[str]) -> None:
        """Begin with empty zones."""
        self._zones, self._names = scene.zones, class_names
        self._keys = [f"zone {zone.name}" for zone in scene.zones]
        self._frames = [_frame(zone.points) for zone in scene.zones]

    def stirred_by(self, after: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return bool (N,), which of the steps that end with boxes (N, 4) may mean something here."""
        feet = np.stack([(after[:, 0] + after[:, 2]) / 2, after[:, 3]], axis=1)
        stirred = np.zeros(len(after), np.bool_)
        for zone in self._zones:
            stirred |= contains_each(zone.points, feet)
        return stirred

    def update(self, steps: Sequence[Step], ended: Sequence[Journey]) -> list[Event]:
        """Take a frame's steps and the journeys that ended; return what happened, by time."""
        events: list[Event] = []
        for journey, before, after in steps:
            _, _, x1, _, x2, y, _ = after
            x = (x1 + x2) / 2
            for place, (left, top, right, bottom) in enumerate(self._frames):
                # most are far away: one look at the rectangle around the zone, before all else
                if (left <= x <= right and top <= y <= bottom) or self._keys[place] in journey.begun:
                    self._step(journey, place, before, after, events)
        for journey in ended:
            for place in range(len(self._zones)):
                self._end(journey, place, events)
        if len(events) > 1:
            events.sort(key=lambda event: (event.time_s, event.track_id))
        return events

    def _step(self, journey: Journey, place: int, before: Seen, after: Seen, events: list[Event]) -> None:
        zone = self._zones[place]
        stay: _Stay | None = journey.begun.get(self._keys[place])
        here = contains(zone.points, (after.x1 + after.x2) / 2, after.y2)
        if stay is None:
            if not here:
                return
            stay = journey.begun[self._keys[place]] = _Stay()
            if contains(zone.points, (before.x1 + before.x2) / 2, before.y2):
                stay.change = before  # it was there from its first moment on
        if here == stay.inside:
            stay.change = None
        else:
            stay.change = stay.change or after
            if after.time_s - stay.change.time_s >= STEADY_S:
                self._move(journey, place, stay, here, events)
        if stay.inside:
            self._stand(journey, place, stay, after, events)
        elif stay.change is None:
            del journey.begun[self._keys[place]]

    def _move(self, journey: Journey, place: int, stay: _Stay, here: bool, events: list[Event]) -> None:
        """Let a journey enter or leave: at the moment at which it was first seen on that side."""
        assert stay.change is not None
        if here:
            stay.inside, stay.since_s = True, stay.change.time_s
            self._tell(journey, place, "enter", stay.change, None, events)
        else:
            self._leave(journey, place, stay, stay.change, events)
        stay.change = None

    def _stand(self, journey: Journey, place: int, stay: _Stay, seen: Seen, events: list[Event]) -> None:
        stopped = has_stopped(journey, already=stay.stopped_s is not None)
        if stopped and stay.stopped_s is None:
            stay.stopped_s = seen.time_s
            self._tell(journey, place, "stop", seen, None, events)
        elif not stopped and stay.stopped_s is not None:
            self._go(journey, place, stay, seen, events)

    def _go(self, journey: Journey, place: int, stay: _Stay, seen: Seen, events: list[Event]) -> None:
        if stay.stopped_s is not None:
            self._tell(journey, place, "go", seen, seen.time_s - stay.stopped_s, events)
            stay.stopped_s = None

    def _leave(self, journey: Journey, place: int, stay: _Stay, seen: Seen, events: list[Event]) -> None:
        self._go(journey, place, stay, seen, events)
        stay.inside = False
        self._tell(journey, place, "leave", seen, seen.time_s - stay.since_s, events)

    def _end(self, journey: Journey, place: int, events: list[Event]) -> None:
        stay: _Stay | None = journey.begun.pop(self._keys[place], None)
        if stay is not None and stay.inside:
            self._leave(journey, place, stay, stay.change or journey.last_seen(), events)

    def _tell(
        self,
        journey: Journey,
        place: int,
        what: str,
        seen: Seen,
        dwell_s: float | None,
        events: list[Event],
    ) -> None:
        zone = self._zones[place]
        if zone.classes and self._names[journey.label] not in zone.classes:
            return
        what_there = ("zone", zone.name, what)
        events.append(event_of(journey, what_there, seen, seen.time_s, seen.origin, dwell_s=dwell_s))


def _frame(points: Points) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of the rectangle around a polygon."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)

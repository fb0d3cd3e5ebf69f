"""Zones: who is in them, since when, and who stands there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.analytics._journey import Journey, Step, event_of
from tracker.analytics._seen import Seen, Trails
from tracker.analytics._standing import has_stopped, pace_changes
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

    def stirred_by(self, trails: Trails) -> NDArray[np.bool_]:
        """Return bool (N,), on which rows a track may enter or leave, stop or go on."""
        boxes, times_s = trails.boxes, trails.times_s
        feet = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)
        within, stirred = np.zeros((2, len(boxes)), np.bool_)
        for zone in self._zones:
            inside = contains_each(zone.points, feet)
            stirred[1:] |= inside[1:] != inside[:-1]
            within |= inside
        # with a row at the time of the one before nobody makes a step: it is looked at behind that
        stirred[2:] |= times_s[1:-1] == times_s[:-2]
        rows = np.flatnonzero(within)
        stirred[rows] |= pace_changes(trails, rows)
        return stirred

    def update(self, steps: Sequence[Step], ended: Sequence[Journey]) -> list[Event]:
        """Take a frame's steps and the journeys that ended; return what happened, by time."""
        events: list[Event] = []
        for journey, before, after in steps:
            _, _, x1, _, x2, y, _ = after
            x, stays = (x1 + x2) / 2, journey.stays
            for place, (left, top, right, bottom) in enumerate(self._frames):
                # most are far away: one look at the rectangle around the zone, before all else
                if (left <= x <= right and top <= y <= bottom) or (stays and self._keys[place] in stays):
                    self._step(journey, place, before, after, events)
        for journey in ended:
            for place in range(len(self._zones) if journey.stays else 0):
                self._end(journey, place, events)
        if len(events) > 1:
            events.sort(key=lambda event: (event.time_s, event.track_id))
        return events

    def _step(self, journey: Journey, place: int, before: Seen, after: Seen, events: list[Event]) -> None:
        zone, key = self._zones[place], self._keys[place]
        stay: _Stay | None = journey.stays.get(key)
        here = contains(zone.points, (after.x1 + after.x2) / 2, after.y2)
        if stay is None:
            if not here:
                return
            stay = journey.stays[key] = _Stay()
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
            del journey.stays[key]
        # who stays inside may drive or stand for long, and nothing is undecided
        if stay.change is None:
            journey.begun.pop(key, None)
            journey.later.pop(key, None)
        elif stay.inside:
            journey.begun[key] = stay  # it may stop before it is out for good
        else:
            journey.later[key] = stay.change.time_s + STEADY_S

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
        journey.begun.pop(self._keys[place], None)
        journey.later.pop(self._keys[place], None)
        stay: _Stay | None = journey.stays.pop(self._keys[place], None)
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

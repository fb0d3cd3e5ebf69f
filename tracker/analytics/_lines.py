"""Counting lines: who passed which line, which way, when and how fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracker.analytics._headways import Headways, Passing
from tracker.analytics._journeys import Journey, Step, event_of
from tracker.analytics._passages import Crossing, LineWatch, crossings, has_travelled, passed
from tracker.analytics._seen import Seen
from tracker.analytics._speed import speed_at
from tracker.scene.geometry import segments
from tracker.scene.model import Scene
from tracker.scene.plane import RoadPlane
from tracker.types import Event, FrameResult, Track

#: A crossing is told this long after it happened: votes on its class come in, and with a calibration the way
#: behind the line is needed for the speed at the line.
SETTLE_S, SETTLE_WITH_SPEED_S = 0.25, 1.5
#: A person of whom this share lies on a cycle's or motorbike's box is its rider, and counts with it.
RIDER = 0.5
_RIDDEN = ("motorbike", "bicycle")


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
        self._headways = Headways()

    def update(self, result: FrameResult, steps: Sequence[Step], ended: Sequence[Journey]) -> list[Event]:
        """Take a frame's steps and the journeys that ended; return what is sure now."""
        self._headways.look(result.frame.time_s, result.frame.gap_s, result.frame.cut)
        for journey, place, crossing in crossings(self._watches, steps):
            self._keep(journey, place, crossing, result.tracks)
        return self._tell(result.frame.time_s, ended)

    def finish(self, ended: Sequence[Journey]) -> list[Event]:
        """Return what is left at the end of a run."""
        return self._tell(float("inf"), ended)

    def _keep(self, journey: Journey, line: int, crossing: Crossing, tracks: Sequence[Track]) -> None:
        counted: set[tuple[int, bool]] = journey.state.setdefault("counted", set())
        if (line, crossing.forward) in counted:
            return
        counted.add((line, crossing.forward))
        rides = self._is_ridden(journey, crossing.seen, tracks)
        self._waiting.append(_Waiting(journey, line, crossing, rides))

    def _is_ridden(self, journey: Journey, seen: Seen, tracks: Sequence[Track]) -> bool:
        """Return whether another track that is a cycle or motorbike lies under this box."""
        area = max((seen.x2 - seen.x1) * (seen.y2 - seen.y1), 1e-6)
        for track in tracks:
            if track.id == journey.track_id or self._names[track.label] not in _RIDDEN or not track.shown:
                continue
            x1, y1, x2, y2 = track.box.tolist()
            y1 -= (y2 - y1) / 2  # the box may hold the cycle alone: its rider sits above it
            width = min(seen.x2, x2) - max(seen.x1, x1)
            height = min(seen.y2, y2) - max(seen.y1, y1)
            if width > 0 and height > 0 and width * height >= RIDER * area:
                return True
        return False

    def _tell(self, now_s: float, ended: Sequence[Journey]) -> list[Event]:
        for journey in ended:
            for place, crossing in passed(self._watches, journey):
                self._keep(journey, place, crossing, ())
        if not self._waiting:
            return []
        due = [w for w in self._waiting if w.journey.ended or self._is_due(w, now_s)]
        self._waiting = [w for w in self._waiting if w not in due]
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

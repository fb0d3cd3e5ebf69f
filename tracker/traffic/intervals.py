"""Counts by line, direction, class and interval, with the share of the interval that was seen."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from tracker.scene.model import Scene
from tracker.traffic.buckets import Bucket, Buckets
from tracker.traffic.clock import Clock
from tracker.traffic.coverage import Coverage
from tracker.traffic.statistics import mean_speed, percentile_speed
from tracker.types import Event, FrameResult

#: An event is reported up to this long after it happened, so an interval stays open for it.
LATEST_S = 5.0

Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class CountRow:
    """How many of a class crossed a line in one direction within one interval.

    Attributes:
        start_s: beginning of the interval, in seconds of the video.
        end_s: its end.
        start: its beginning on the clock, or None.
        end: its end on the clock, or None.
        line: name of the line.
        direction: as the line names it.
        class_name: of the road users.
        count: how many.
        pcu: the same in passenger car units, in which people are none and a vehicle without a factor is a
            car; None without factors.
        coverage: share of the interval that was seen, in [0, 1].
        speed_mean_kmh: mean of their speeds; None where none was measured.
        speed_median_kmh: their median.
        speed_v85_kmh: the speed that 85 % of them do not exceed.
    """

    start_s: float
    end_s: float
    start: datetime | None
    end: datetime | None
    line: str
    direction: str
    class_name: str
    count: int
    pcu: float | None
    coverage: float
    speed_mean_kmh: float | None
    speed_median_kmh: float | None
    speed_v85_kmh: float | None


@dataclass(slots=True)
class _Content:
    counts: dict[Key, int] = field(default_factory=lambda: defaultdict(int))
    speeds: dict[Key, list[float]] = field(default_factory=lambda: defaultdict(list))


class IntervalCounts:
    """Adds the crossings of a run up.

    Args:
        scene: with the lines, and the length of the intervals.
        class_names: in the order of the labels.
    """

    def __init__(self, scene: Scene, class_names: tuple[str, ...]) -> None:
        """Begin with nothing counted."""
        self._scene, self._names = scene, class_names
        self._coverage = Coverage()
        self._buckets: Buckets[_Content] | None = None
        self._now_s = 0.0

    def add(self, result: FrameResult) -> None:
        """Take one frame's result."""
        if self._buckets is None:
            clock = Clock.of(self._scene, result.frame)
            self._buckets = Buckets(clock, self._scene.interval_s, _Content)
        self._now_s = result.frame.time_s
        self._buckets.at(self._now_s)
        self._buckets.see(self._coverage.add(result))
        for event in result.events:
            if event.kind == "crossing":
                self._count(self._buckets, event)

    @staticmethod
    def _count(buckets: Buckets[_Content], event: Event) -> None:
        content, key = buckets.at(event.time_s).content, (event.name, event.direction, event.label)
        content.counts[key] += 1
        if event.speed_kmh is not None:
            content.speeds[key].append(event.speed_kmh)

    def finished(self) -> list[CountRow]:
        """Take out the rows of the intervals that are over; each row is given once."""
        return self._taken(self._now_s - LATEST_S)

    def finish(self) -> list[CountRow]:
        """Take out all rows that are left, at the end of the run."""
        if self._buckets is not None:
            self._buckets.see(self._coverage.finish())
        return self._taken(float("inf"))

    def rows(self) -> list[CountRow]:
        """Return the rows of the intervals that are not over, as they stand; they may be asked for again."""
        return [row for bucket in self._buckets or () for row in self._of(bucket)]

    def _taken(self, before_s: float) -> list[CountRow]:
        if self._buckets is None or not self._buckets.over(before_s):
            return []
        return [row for bucket in self._buckets.pop(before_s) for row in self._of(bucket)]

    def _of(self, bucket: Bucket[_Content]) -> list[CountRow]:
        """Return a row for every line, direction and class: a zero that was seen is a figure too."""
        return [
            self._row(bucket, line.name, direction, label)
            for line in self._scene.lines
            for direction in line.directions
            for label, name in enumerate(self._names)
            if not line.classes or name in line.classes
        ]

    def _row(self, bucket: Bucket[_Content], line: str, direction: str, label: int) -> CountRow:
        assert self._buckets is not None
        key, name = (line, direction, label), self._names[label]
        count, speeds = bucket.content.counts.get(key, 0), bucket.content.speeds.get(key, [])
        units = self._scene.pcu
        return CountRow(
            bucket.start_s,
            bucket.end_s,
            *self._buckets.times(bucket),
            line=line,
            direction=direction,
            class_name=name,
            count=count,
            pcu=count * units.get(name, 0.0 if name == "person" else 1.0) if units else None,
            coverage=bucket.coverage,
            speed_mean_kmh=mean_speed(speeds),
            speed_median_kmh=percentile_speed(speeds, 0.5),
            speed_v85_kmh=percentile_speed(speeds),
        )

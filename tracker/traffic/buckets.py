"""Intervals of a run, each with what was counted in it and how much of it was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from tracker.traffic.clock import Clock

T = TypeVar("T")
#: No more empty intervals than this are made for a gap: a clock that jumped by years is no traffic.
_MOST_EMPTY = 10_000


@dataclass(slots=True)
class Bucket(Generic[T]):
    """One interval.

    Attributes:
        start_s: its beginning in seconds of the video.
        end_s: its end.
        content: what was counted.
        seen_s: seconds of it that were seen.
    """

    start_s: float
    end_s: float
    content: T
    seen_s: float = 0.0

    @property
    def coverage(self) -> float:
        """Share of the interval that was seen, in [0, 1]."""
        return min(self.seen_s / (self.end_s - self.start_s), 1.0)


class Buckets(Generic[T]):
    """The intervals that are not finished, in order and without holes.

    Args:
        clock: of the run.
        length_s: of the intervals.
        make: makes an empty content.
    """

    def __init__(self, clock: Clock, length_s: float, make: Callable[[], T]) -> None:
        """Begin with no interval."""
        self.clock = clock
        self._length_s, self._make = length_s, make
        self._open: list[Bucket[T]] = []
        self._popped_s = float("-inf")

    def __iter__(self) -> Iterator[Bucket[T]]:
        """Yield the unfinished intervals."""
        return iter(self._open)

    def at(self, time_s: float) -> Bucket[T]:
        """Return the interval that holds a moment; what comes too late goes into the first that is left."""
        if self._open and self._open[-1].start_s <= time_s < self._open[-1].end_s:
            return self._open[-1]
        time_s = max(time_s, self._popped_s)
        if not self._open:
            self._open.append(self._new(time_s))
        while time_s >= self._open[-1].end_s:
            last_s = self._open[-1].end_s
            far = time_s - last_s > _MOST_EMPTY * self._length_s
            self._open.append(self._new(time_s if far else last_s))
        while time_s < self._open[0].start_s:
            self._open.insert(0, self._new(self._open[0].start_s - self._length_s / 2))
        return next(bucket for bucket in reversed(self._open) if bucket.start_s <= time_s)

    def see(self, spans: Iterable[tuple[float, float]]) -> None:
        """Add seen time, from and to in seconds of the video, to the intervals that it lies in."""
        for span in spans:
            from_s, to_s = max(span[0], self._popped_s), span[1]
            while from_s < to_s:
                bucket = self.at(from_s)
                until_s = min(to_s, bucket.end_s)
                bucket.seen_s += until_s - from_s
                from_s = until_s

    def over(self, before_s: float) -> bool:
        """Return whether an interval ends at ``before_s`` or earlier."""
        return bool(self._open) and self._open[0].end_s <= before_s

    def pop(self, before_s: float = float("inf")) -> list[Bucket[T]]:
        """Take out the intervals that end at ``before_s`` or earlier."""
        if not self.over(before_s):
            return []
        done = [bucket for bucket in self._open if bucket.end_s <= before_s]
        self._open = self._open[len(done) :]
        if done:
            self._popped_s = done[-1].end_s
        return done

    def _new(self, time_s: float) -> Bucket[T]:
        start_s, end_s = self.clock.interval(time_s, self._length_s)
        return Bucket(start_s, end_s, self._make())

    def times(self, bucket: Bucket[T]) -> tuple[datetime | None, datetime | None]:
        """Return when the interval begins and ends on the clock."""
        return self.clock.at(bucket.start_s), self.clock.at(bucket.end_s)

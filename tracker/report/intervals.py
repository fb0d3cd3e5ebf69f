"""Intervals of the count: so few of them that they can be told apart, and the busiest hour."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tracker.report.results import is_vehicle
from tracker.report.tables import Interval, Way

#: An interval of which less was seen is marked; its count is too low.
LOW_COVERAGE = 0.95
_MOST_INTERVALS = 120
#: What neighbours are put together to, in seconds.
_LENGTHS_S = (60, 300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 604800)


def joined(intervals: Sequence[Interval]) -> list[Interval]:
    """Return so few intervals that they can be told apart: neighbours are put together evenly."""
    if len(intervals) <= _MOST_INTERVALS:
        return list(intervals)
    own_s = intervals[0].end_s - intervals[0].start_s
    even = (length for length in _LENGTHS_S if length % own_s == 0)
    most = len(intervals) * own_s / _MOST_INTERVALS
    length_s = next((length for length in even if length >= most), own_s * math.ceil(most / own_s))
    groups: dict[float, list[Interval]] = defaultdict(list)
    for interval in intervals:
        groups[_seconds_of_clock(interval) // length_s].append(interval)
    return [_sum(group) for group in groups.values()]


def _seconds_of_clock(interval: Interval) -> float:
    """Return a time that grows with the interval's and is 0 at some midnight, if there is a clock."""
    if interval.start is None:
        return interval.start_s
    local = interval.start.replace(tzinfo=None)
    return (local - local.min).total_seconds()


def _sum(group: Sequence[Interval]) -> Interval:
    first, counts, length_s = group[0], Counter[tuple[Way, str]](), 0.0
    for interval in group:
        counts.update(interval.counts)
        length_s += interval.end_s - interval.start_s
    seen_s = sum(interval.coverage * (interval.end_s - interval.start_s) for interval in group)
    return Interval(first.start_s, group[-1].end_s, first.start, seen_s / length_s, counts)


@dataclass(frozen=True, slots=True)
class PeakHour:
    """The hour with the most vehicles over all lines.

    Attributes:
        start_s: its beginning.
        vehicles: in it.
        factor: peak hour factor, its volume over four times its busiest quarter; None without quarters.
    """

    start_s: float
    vehicles: int
    factor: float | None


def peak_hour(intervals: Sequence[Interval]) -> PeakHour | None:
    """Return the busiest full hour of intervals that were all seen; None of less than two hours."""
    if not intervals:
        return None
    length_s = intervals[0].end_s - intervals[0].start_s
    n = round(3600 / length_s)
    if length_s > 3600 or abs(n * length_s - 3600) > 1 or len(intervals) < 2 * n:
        return None
    volumes = [sum(k for (_, name), k in x.counts.items() if is_vehicle(name)) for x in intervals]
    hours = []
    for place in range(len(intervals) - n + 1):
        window = intervals[place : place + n]
        whole = window[-1].end_s - window[0].start_s < 3601
        if whole and all(interval.coverage >= LOW_COVERAGE for interval in window):
            hours.append((sum(volumes[place : place + n]), place))
    if not hours or not max(hours)[0]:
        return None
    vehicles, place = max(hours, key=lambda hour: (hour[0], -hour[1]))
    factor = vehicles / (4 * max(volumes[place : place + 4])) if n == 4 else None
    return PeakHour(intervals[place].start_s, vehicles, factor)

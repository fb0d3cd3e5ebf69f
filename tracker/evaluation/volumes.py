"""Counted against true volumes, by line, direction and interval, and by class."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tracker.evaluation.counts import CountScore
from tracker.traffic.statistics import geh


@dataclass(frozen=True, slots=True)
class Volume:
    """One interval at one line in one direction.

    Attributes:
        line: name of the line.
        direction: "A" or "B".
        start_s: beginning of the interval, in seconds of the clip.
        length_s: its length; the last one ends with the last vehicle's second.
        true: vehicles by eye.
        counted: vehicles that were counted.
    """

    line: str
    direction: str
    start_s: float
    length_s: float
    true: int
    counted: int

    @property
    def geh(self) -> float:
        """GEH statistic of the volumes, both scaled to an hour."""
        return geh(self.counted, self.true, self.length_s)


@dataclass(frozen=True, slots=True)
class ClassVolume:
    """One class.

    Attributes:
        label: name of the class.
        true: vehicles of it by eye.
        counted: vehicles that were counted as of it.
    """

    label: str
    true: int
    counted: int


def volumes(score: CountScore, interval_s: float) -> list[Volume]:
    """Return all intervals in which something crossed or was counted, of the events that are scored.

    Args:
        score: of one clip.
        interval_s: length of the intervals, from the clip's beginning.
    """
    true = [(e.line, e.direction, e.time_s) for e, _ in score.found]
    true += [(e.line, e.direction, e.time_s) for _, e in score.missed]
    # a hit counts in the interval of its event: a tenth of a second at the border is no error
    counted = [(e.line, e.direction, e.time_s) for e, _ in score.found]
    counted += [(c.line, c.direction, c.time_s) for _, c in score.invented]
    end_s = max((time_s for *_, time_s in (*true, *counted)), default=0.0) + 1.0
    by_true = Counter((line, way, time_s // interval_s) for line, way, time_s in true)
    by_count = Counter((line, way, time_s // interval_s) for line, way, time_s in counted)
    return [
        Volume(
            line,
            way,
            number * interval_s,
            min(interval_s, end_s - number * interval_s),
            by_true[line, way, number],
            by_count[line, way, number],
        )
        for line, way, number in sorted(by_true.keys() | by_count.keys())
    ]


def class_volumes(score: CountScore) -> list[ClassVolume]:
    """Return what was there and what was counted by class, most frequent first."""
    true = Counter(e.label for e, _ in score.found) + Counter(e.label for _, e in score.missed)
    counted = Counter(c.label for _, c in score.found) + Counter(c.label for _, c in score.invented)
    names = sorted(true.keys() | counted.keys(), key=lambda name: (-true[name], -counted[name], name))
    return [ClassVolume(name, true[name], counted[name]) for name in names]

"""Compare line crossings with counts made by eye.

Every event of the truth is matched with at most one crossing of the same line and direction within one
second, so that as many as possible are matched, sure ones first, and then as closely in time as possible.
A rider and cycle are one event in the truth and, since persons do not count, one crossing here.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tracker.errors import ResultError
from tracker.evaluation.crossings import CountLine, Crossing, find_crossings
from tracker.evaluation.results import TrackTable, read_text

_WINDOW_S = 1.0
#: Two that pass in the same frame are equally near to both of their crossings: then the class decides, and
#: otherwise never.
_CLASS_S = 1e-6
_DIRECTIONS = ("A", "B")


@dataclass(frozen=True, slots=True)
class CountEvent:
    """One vehicle that crossed a line, read by eye.

    Attributes:
        line: name of the line.
        direction: "A" or "B".
        frame: from 0, good to about two frames.
        time_s: the same in seconds.
        label: class name.
        scored: a miss counts; not so where the reader was unsure or the clip begins or ends there.
        occluded: hidden at the line, seen before and after.
    """

    line: str
    direction: str
    frame: int
    time_s: float
    label: str
    scored: bool = True
    occluded: bool = False


@dataclass(frozen=True, slots=True)
class CountTruth:
    """The lines of a clip and everything that crosses them, in the order of the file."""

    clip: str
    lines: tuple[CountLine, ...]
    events: tuple[CountEvent, ...]


@dataclass(frozen=True, slots=True)
class CountScore:
    """How well crossings agree with the truth; scores of several clips add up with ``+``.

    Attributes:
        hits: scored events that were found.
        misses: scored events that were not.
        false: crossings that belong to no event.
        pardoned: crossings that belong to an event that is not scored: neither hit nor false.
        confusion: number of hits by (class in the truth, class of the track).
        missed: (clip, event) of every miss.
        invented: (clip, crossing) of every false crossing.
        found: (event, crossing) of every hit.
    """

    hits: int = 0
    misses: int = 0
    false: int = 0
    pardoned: int = 0
    confusion: Mapping[tuple[str, str], int] = field(default_factory=dict)
    missed: tuple[tuple[str, CountEvent], ...] = ()
    invented: tuple[tuple[str, Crossing], ...] = ()
    found: tuple[tuple[CountEvent, Crossing], ...] = ()

    @property
    def precision(self) -> float:
        """Share of the crossings that are hits; 1 where there is none."""
        return _share(self.hits, self.hits + self.false)

    @property
    def recall(self) -> float:
        """Share of the events that were found; 1 where there is none."""
        return _share(self.hits, self.hits + self.misses)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there is nothing to find and nothing found."""
        return _share(2 * self.hits, 2 * self.hits + self.misses + self.false)

    def __add__(self, other: CountScore) -> CountScore:
        """Pool two scores by adding up."""
        return CountScore(
            self.hits + other.hits,
            self.misses + other.misses,
            self.false + other.false,
            self.pardoned + other.pardoned,
            dict(Counter(self.confusion) + Counter(other.confusion)),
            self.missed + other.missed,
            self.invented + other.invented,
            self.found + other.found,
        )


def score_counts(truth: CountTruth, tracks: TrackTable) -> CountScore:
    """Score the crossings of ``tracks`` against the truth of the same clip."""
    return score_crossings(truth, find_crossings(truth.lines, tracks))


def score_crossings(truth: CountTruth, crossings: Sequence[Crossing]) -> CountScore:
    """Score crossings, however they were found, against the truth of the same clip."""
    pairs = _match(truth.events, crossings)
    found = [(truth.events[i], crossings[j]) for i, j in pairs]
    hit = [(event, crossing) for event, crossing in found if event.scored]
    got, used = {i for i, _ in pairs}, {j for _, j in pairs}
    missed = [e for i, e in enumerate(truth.events) if e.scored and i not in got]
    invented = [c for j, c in enumerate(crossings) if j not in used]
    return CountScore(
        hits=len(hit),
        misses=len(missed),
        false=len(invented),
        pardoned=len(found) - len(hit),
        confusion=dict(Counter((event.label, crossing.label) for event, crossing in hit)),
        missed=tuple((truth.clip, event) for event in missed),
        invented=tuple((truth.clip, crossing) for crossing in invented),
        found=tuple(hit),
    )


def _match(events: Sequence[CountEvent], crossings: Sequence[Crossing]) -> list[tuple[int, int]]:
    """Return pairs of indices; as many as possible, then sure ones first, then the nearest in time.

    Where that is the same either way, the pairs are of the same class.
    """
    if not events or not crossings:
        return []
    gap = np.abs(np.subtract.outer([e.time_s for e in events], [c.time_s for c in crossings]))
    other = np.not_equal.outer([e.label for e in events], [c.label for c in crossings])
    alike: NDArray[np.bool_] = np.array(
        [[(e.line, e.direction) == (c.line, c.direction) for c in crossings] for e in events]
    )
    allowed = alike & (gap <= _WINDOW_S)
    # Any match outweighs all preferences together, and a sure event all differences in time.
    sure = 2.0 * (_WINDOW_S + _CLASS_S) * len(events)
    a_match = 2.0 * sure * len(events)
    bonus = np.array([a_match + sure * e.scored for e in events])[:, None]
    rows, columns = linear_sum_assignment(np.where(allowed, gap + _CLASS_S * other - bonus, 0.0))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if allowed[i, j]]


def read_truth(path: Path) -> CountTruth:
    """Read counts made by eye: JSON with ``lines`` and ``events``, or CSV with a row an event.

    The CSV has the columns ``line,direction,class,time_s``, with direction A or B, and may have ``frame`` and
    ``sure`` (true or false); it says nothing of where the lines are, and goes with events that name them.

    Raises:
        ResultError: the file cannot be opened, is no JSON or CSV, or a key is missing or wrong.
    """
    if path.suffix.lower() == ".csv":
        return _read_csv(path)
    try:
        content = json.loads(read_text(path, "counts"))
    except json.JSONDecodeError as exc:
        raise ResultError(f"{path} line {exc.lineno}: no JSON: {exc.msg}") from exc
    if not isinstance(content, dict):
        raise ResultError(f"{path}: not an object with lines and events")
    lines = tuple(_line(f"{path}: lines[{i}]", item) for i, item in enumerate(_list(path, content, "lines")))
    names = {line.name for line in lines}
    events = tuple(
        _event(f"{path}: events[{i}]", item, names) for i, item in enumerate(_list(path, content, "events"))
    )
    return CountTruth(str(content.get("video", path.stem)), lines, events)


def _read_csv(path: Path) -> CountTruth:
    rows = csv.DictReader(read_text(path, "counts").splitlines())
    events = []
    for row in rows:
        item = {"frame": -1, **{key: value for key, value in row.items() if value not in (None, "")}}
        item["sure"] = str(item.get("sure", "true")).lower() not in ("false", "no", "0")
        events.append(_event(f"{path} line {rows.line_num}", item, None))
    return CountTruth(path.stem, (), tuple(events))


def _line(where: str, item: Any) -> CountLine:
    try:
        (x1, y1), (x2, y2) = item["p1"], item["p2"]
        line = CountLine(str(item["name"]), (float(x1), float(y1)), (float(x2), float(y2)))
    except KeyError as exc:
        raise ResultError(f"{where}: no key {exc}") from exc
    except (TypeError, ValueError) as exc:
        raise ResultError(f"{where}: p1 and p2 must be two numbers each") from exc
    if line.p1 == line.p2:
        raise ResultError(f"{where}: p1 and p2 are the same point")
    return line


def _event(where: str, item: Any, names: set[str] | None) -> CountEvent:
    try:
        event = CountEvent(
            line=str(item["line"]),
            direction=str(item["direction"]),
            frame=int(item["frame"]),
            time_s=float(item["time_s"]),
            label=str(item["class"]),
            scored=bool(item.get("sure", True)) and not item.get("edge"),
            occluded=bool(item.get("occluded", False)),
        )
    except KeyError as exc:
        raise ResultError(f"{where}: no key {exc}") from exc
    except (AttributeError, TypeError, ValueError) as exc:
        raise ResultError(f"{where}: {exc}") from exc
    if names is not None and event.line not in names:
        raise ResultError(f"{where}: there is no line '{event.line}'")
    if event.direction not in _DIRECTIONS:
        raise ResultError(f"{where}: direction must be A or B, not '{event.direction}'")
    return event


def _list(path: Path, content: dict[str, Any], key: str) -> list[Any]:
    items = content.get(key)
    if not isinstance(items, list):
        raise ResultError(f"{path}: no list '{key}'")
    return items


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0

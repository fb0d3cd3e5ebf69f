"""The tables of a run: counts, crossings, zones and turning movements."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.report.reading import Columns, read_columns, read_rows

#: A line and one of its directions.
Way = tuple[str, str]

_INTERVAL = ("start_s", "end_s", "start", "end")
_COUNTS = (*_INTERVAL, "line", "direction", "class", "count", "pcu", "coverage")
_EVENTS = (
    *("time_s", "clock", "kind", "name", "direction", "track_id", "class"),
    *("speed_kmh", "speed_error_kmh", "origin"),
)
_ZONES = (
    *(*_INTERVAL, "zone", "entered", "left", "mean_present", "most_present"),
    *("occupancy", "most_queued", "mean_dwell_s", "coverage"),
)
_TURNS = ("origin", "destination", "class", "count")


@dataclass(slots=True)
class Interval:
    """What was counted in one interval.

    Attributes:
        start_s: its beginning in seconds of the video.
        end_s: its end.
        start: its beginning on the clock, or None.
        coverage: share of it that was seen.
        counts: by way and class.
        pcu: passenger car units by way and class; empty without factors.
    """

    start_s: float
    end_s: float
    start: datetime | None
    coverage: float
    counts: Counter[tuple[Way, str]] = field(default_factory=Counter)
    pcu: dict[tuple[Way, str], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ZoneRow:
    """One zone in one interval; None where nothing is known."""

    start_s: float
    end_s: float
    start: datetime | None
    zone: str
    entered: float
    left: float
    mean_present: float | None
    most_present: float | None
    occupancy: float | None
    most_queued: float | None
    mean_dwell_s: float | None
    coverage: float


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """The N crossings of ``events.csv``.

    Attributes:
        ways: lines and directions that occur.
        class_names: classes that occur.
        way: (N,) index into ``ways``.
        label: (N,) index into ``class_names``.
        track_id: (N,).
        speed_kmh: (N,), NaN where it was not measured.
        error_kmh: (N,), NaN where it is not known.
        headway_s: (N,), NaN where it is not known.
        predicted: (N,), nobody saw the road user there.
        zero: moment of the video's time 0, as far as the events tell.
    """

    ways: tuple[Way, ...]
    class_names: tuple[str, ...]
    way: NDArray[np.int64]
    label: NDArray[np.int64]
    track_id: NDArray[np.int64]
    speed_kmh: NDArray[np.float64]
    error_kmh: NDArray[np.float64]
    headway_s: NDArray[np.float64]
    predicted: NDArray[np.bool_]
    zero: tuple[datetime, float] | None = None

    def __len__(self) -> int:
        """Return the number of crossings."""
        return len(self.way)


def read_counts(path: Path) -> list[Interval]:
    """Read ``counts.csv``; no intervals where there is no such file.

    Raises:
        ResultError: it is damaged.
    """
    found: dict[float, Interval] = {}
    for row in read_rows(path, _COUNTS):
        start_s = row.number("start_s")
        if start_s not in found:
            moment = row.moment("start")
            found[start_s] = Interval(start_s, row.number("end_s"), moment, row.number("coverage"))
            if found[start_s].end_s <= start_s:
                raise row.wrong("end_s", "is not behind start_s")
        key = (row.text("line"), row.text("direction")), row.text("class")
        interval, units = found[start_s], row.optional("pcu")
        interval.counts[key] += int(row.number("count"))
        if units is not None:
            interval.pcu[key] = interval.pcu.get(key, 0.0) + units
    return [found[start_s] for start_s in sorted(found)]


def read_crossings(path: Path) -> Crossings:
    """Read the crossings of ``events.csv`` in little memory; none where there is no such file.

    Raises:
        ResultError: it is damaged.
    """
    ways: dict[Way, int] = {}
    classes: dict[str, int] = {}
    parts, zero = [_NO_CROSSINGS], None
    for block in read_columns(path, _EVENTS, newer=("headway_s",)):
        times_s = block.numbers("time_s", needed=True)
        if zero is None:
            moments = zip((row.moment("clock") for row in block.rows), times_s.tolist(), strict=True)
            zero = next(((moment, time_s) for moment, time_s in moments if moment is not None), None)
        rows = [row for row in block.rows if row.text("kind") == "crossing"]
        if rows:
            parts.append(_crossings_of(Columns(rows), ways, classes))
    way, label, ids, speed, error, headway, predicted = map(np.concatenate, zip(*parts, strict=True))
    columns = (way, label, ids, speed, error, headway, predicted)
    return Crossings(tuple(ways), tuple(classes), *columns, zero=zero)


#: The arrays of ``Crossings``, in the order of its fields.
_NO_CROSSINGS: tuple[NDArray[Any], ...] = (
    *[np.zeros(0, np.int64)] * 3,
    *[np.zeros(0)] * 3,
    np.zeros(0, np.bool_),
)


def _crossings_of(rows: Columns, ways: dict[Way, int], classes: dict[str, int]) -> tuple[NDArray[Any], ...]:
    """Return the arrays of some crossings; new ways and classes get the next numbers."""
    way = [
        ways.setdefault(way, len(ways))
        for way in zip(rows.texts("name"), rows.texts("direction"), strict=True)
    ]
    label = [classes.setdefault(name, len(classes)) for name in rows.texts("class")]
    return (
        np.array(way, np.int64),
        np.array(label, np.int64),
        rows.numbers("track_id", needed=True).astype(np.int64),
        *(rows.numbers(name) for name in ("speed_kmh", "speed_error_kmh", "headway_s")),
        np.array([origin == "predicted" for origin in rows.texts("origin")]),
    )


def read_zones(path: Path) -> list[ZoneRow]:
    """Read ``zones.csv``; no rows where there is no such file.

    Raises:
        ResultError: it is damaged.
    """
    return [
        ZoneRow(
            row.number("start_s"),
            row.number("end_s"),
            row.moment("start"),
            row.text("zone"),
            row.number("entered"),
            row.number("left"),
            row.optional("mean_present"),
            row.optional("most_present"),
            row.optional("occupancy"),
            row.optional("most_queued"),
            row.optional("mean_dwell_s"),
            row.number("coverage"),
        )
        for row in read_rows(path, _ZONES)
    ]


def read_turns(path: Path) -> Counter[tuple[str, str, str]]:
    """Read ``turns.csv`` and return how many went from gate to gate, by class; all intervals together.

    Raises:
        ResultError: it is damaged.
    """
    total: Counter[tuple[str, str, str]] = Counter()
    for row in read_rows(path, _TURNS):
        total[row.text("origin"), row.text("destination"), row.text("class")] += int(row.number("count"))
    return total

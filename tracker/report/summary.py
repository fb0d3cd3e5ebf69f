"""The figures of the page: what was counted, how fast it was, and what the zones held."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracker.report.results import Results, is_vehicle
from tracker.report.tables import Way, ZoneRow
from tracker.traffic.statistics import mean_speed, percentile_speed

#: A V85 of fewer speeds than this says nothing.
FEWEST_SPEEDS = 10
_SHORTEST_FLOW_S = 900.0


@dataclass(frozen=True, slots=True)
class WayTotal:
    """What crossed a line in one direction.

    Attributes:
        way: line and direction.
        counts: by class.
        pcu: passenger car units of the vehicles, or None.
        flow: vehicles an hour of seen time; None of a run too short for it.
    """

    way: Way
    counts: Counter[str]
    pcu: float | None
    flow: float | None

    @property
    def vehicles(self) -> int:
        """Return the number without persons."""
        return sum(number for name, number in self.counts.items() if is_vehicle(name))


def total_ways(results: Results) -> list[WayTotal]:
    """Return what was counted by line and direction: of the counts, or of the events where there are none."""
    counts: dict[Way, Counter[str]] = defaultdict(Counter)
    units: dict[Way, float] = defaultdict(float)
    for interval in results.intervals:
        for (way, name), number in interval.counts.items():
            counts[way][name] += number
        for (way, name), pcu in interval.pcu.items():
            units[way] += pcu if is_vehicle(name) else 0.0
    crossings = results.crossings
    if not results.intervals:
        for way, label in zip(crossings.way.tolist(), crossings.label.tolist(), strict=True):
            counts[crossings.ways[way]][crossings.class_names[label]] += 1
    seen_s = results.seen_s or 0.0
    totals = []
    for way in results.ways if counts else ():
        total = WayTotal(way, counts[way], units.get(way), None)
        flow = total.vehicles / seen_s * 3600 if seen_s >= _SHORTEST_FLOW_S else None
        totals.append(replace(total, flow=flow))
    return totals


def classes_of(counts: Iterable[Counter[str]], order: Sequence[str]) -> list[str]:
    """Return the classes that occur, vehicles first, in the order of the detector's classes."""
    known = {name: place for place, name in enumerate(order)}
    names = {name for counter in counts for name, number in counter.items() if number}
    return sorted(names, key=lambda name: (not is_vehicle(name), known.get(name, len(known)), name))


@dataclass(frozen=True, slots=True, eq=False)
class SpeedFigures:
    """The speeds of the vehicles that crossed a line in one direction.

    Attributes:
        way: line and direction.
        speeds_kmh: all of them.
        mean_kmh: their mean.
        median_kmh: their median.
        v85_kmh: what 85 % do not exceed; None of too few.
        error_kmh: the middle of their errors; None where there are none.
    """

    way: Way
    speeds_kmh: NDArray[np.float64]
    mean_kmh: float
    median_kmh: float
    v85_kmh: float | None
    error_kmh: float | None


def speed_figures(results: Results) -> list[SpeedFigures]:
    """Return the speeds by line and direction, where any were measured."""
    crossings, found = results.crossings, []
    is_driven = np.array([is_vehicle(name) for name in crossings.class_names], bool)
    for way in results.ways:
        if way not in crossings.ways:
            continue
        here = (crossings.way == crossings.ways.index(way)) & is_driven[crossings.label]
        here &= np.isfinite(crossings.speed_kmh)
        if here.any():
            found.append(_speed_figures(way, crossings.speed_kmh[here], crossings.error_kmh[here]))
    return found


def _speed_figures(way: Way, speeds: NDArray[np.float64], errors: NDArray[np.float64]) -> SpeedFigures:
    values, known = speeds.tolist(), errors[np.isfinite(errors)]
    return SpeedFigures(
        way=way,
        speeds_kmh=speeds,
        mean_kmh=mean_speed(values) or 0.0,
        median_kmh=percentile_speed(values, 0.5) or 0.0,
        v85_kmh=percentile_speed(values) if len(values) >= FEWEST_SPEEDS else None,
        error_kmh=float(np.median(known)) if len(known) else None,
    )


@dataclass(frozen=True, slots=True)
class ZoneTotal:
    """One zone over the whole run; None where nothing is known."""

    zone: str
    entered: float
    left: float
    mean_present: float | None
    most_present: float | None
    occupancy: float | None
    most_queued: float | None
    mean_dwell_s: float | None


def total_zones(rows: Sequence[ZoneRow]) -> list[ZoneTotal]:
    """Return the zones' totals: means are weighted by seen time, the stay by who left."""
    groups: dict[str, list[ZoneRow]] = defaultdict(list)
    for row in rows:
        groups[row.zone].append(row)
    return [_total_zone(zone, group) for zone, group in groups.items()]


def _total_zone(zone: str, rows: Sequence[ZoneRow]) -> ZoneTotal:
    seen_s = [row.coverage * (row.end_s - row.start_s) for row in rows]
    return ZoneTotal(
        zone=zone,
        entered=sum(row.entered for row in rows),
        left=sum(row.left for row in rows),
        mean_present=_mean([row.mean_present for row in rows], seen_s),
        most_present=max((row.most_present for row in rows if row.most_present is not None), default=None),
        occupancy=_mean([row.occupancy for row in rows], seen_s),
        most_queued=max((row.most_queued for row in rows if row.most_queued is not None), default=None),
        mean_dwell_s=_mean([row.mean_dwell_s for row in rows], [row.left for row in rows]),
    )


def _mean(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    known = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    weight = sum(part for _, part in known)
    return sum(value * part for value, part in known) / weight if weight else None

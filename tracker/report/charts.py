"""Charts of numbers: counts over time, speeds, zones, coverage, and why the CNN ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracker.report.drawing import (
    ACCENT,
    GROUND,
    INK,
    MUTED,
    RULE,
    WAY_COLOURS,
    Pen,
    TimeAxis,
    class_colour,
    legend_columns,
)
from tracker.report.intervals import LOW_COVERAGE
from tracker.report.reading import Span
from tracker.report.summary import SpeedFigures
from tracker.report.tables import Interval, Way, ZoneRow
from tracker.report.words import Language, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: More lines, ways or zones than this are in the tables alone.
MOST_PANELS = 6
_UNSEEN: dict[str, Any] = {"facecolor": GROUND, "edgecolor": "#aab5bb", "hatch": "////", "linewidth": 0}


def draw_counts(
    pen: Pen,
    lines: Mapping[str, list[str]],
    intervals: Sequence[Interval],
    classes: Sequence[str],
    time: TimeAxis,
) -> None:
    """Draw a panel a line: stacked bars by interval, the first direction upwards, the second downwards."""
    panels = pen.figure.subplots(len(lines), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (line, directions) in zip(panels, lines.items(), strict=True):
        _shade_unseen(axes, intervals)
        most = 1.0
        for direction, sign in zip(directions, (1, -1), strict=False):
            tops = _stack(axes, (line, direction), intervals, classes, sign)
            most = max(most, float(tops.max()))
            name = f"{'▲' if sign > 0 else '▼'} {shortened(direction, 30 if pen.narrow else 48)}"
            _name_panel(axes, name, *((0.985, "top") if sign > 0 else (0.015, "bottom")))
        low = -most * 1.3 if len(directions) > 1 else 0
        axes.set_ylim(low, most * 1.3)
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.spines["bottom"].set_visible(False)
        _count_upwards(axes, pen, 4 if pen.narrow else 6)
        axes.set_title(shortened(line, 40))
    time.draw(panels[-1], (intervals[0].start_s, intervals[-1].end_s), pen)
    handles = _swatches(pen.say, classes, any(interval.coverage < LOW_COVERAGE for interval in intervals))
    labels = [str(handle.get_label()) for handle in handles]
    columns = legend_columns(labels, pen.narrow)
    pen.figure.legend(handles=handles, loc="outside lower left", ncols=columns, handlelength=1.1)


def _whole_ticks(most: int) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=most, integer=True)


def _stack(
    axes: Axes, way: Way, intervals: Sequence[Interval], classes: Sequence[str], sign: int
) -> NDArray[np.float64]:
    from matplotlib.collections import PolyCollection

    edges = np.array([(interval.start_s, interval.end_s) for interval in intervals])
    left, right = edges @ (0.92, 0.08), edges @ (0.08, 0.92)
    tops = np.zeros(len(intervals))
    for name in classes:
        heights = np.array([interval.counts.get((way, name), 0) for interval in intervals])
        low, high = sign * tops, sign * (tops + heights)
        corners = np.stack([left, low, left, high, right, high, right, low], 1).reshape(-1, 4, 2)
        # one collection a class: a patch a bar takes seconds for a day
        axes.add_collection(
            PolyCollection(list(corners[heights > 0]), facecolors=class_colour(name)), autolim=False
        )
        tops += heights
    return tops


def _name_panel(axes: Axes, words: str, height: float, side: str) -> None:
    plate = {"fc": "white", "ec": "none", "pad": 1.5, "alpha": 0.85}
    axes.text(
        *(0.004, height, words), transform=axes.transAxes, va=side, color=MUTED, fontsize=8.5, bbox=plate
    )


def _shade_unseen(axes: Axes, parts: Sequence[Interval] | Sequence[ZoneRow]) -> None:
    unseen = [(part.start_s, part.end_s - part.start_s) for part in parts if part.coverage < LOW_COVERAGE]
    axes.broken_barh(unseen, (0, 1), transform=axes.get_xaxis_transform(), zorder=0, **_UNSEEN)


def _swatches(say: Language, classes: Sequence[str], unseen: bool) -> list[Any]:
    from matplotlib.patches import Patch

    handles = [Patch(color=class_colour(name), label=say.name_class(name)) for name in classes]
    if unseen:
        words = say("chart.low_coverage", share=say.percent(LOW_COVERAGE))
        handles.append(Patch(label=words, **_UNSEEN))
    return handles


def draw_speeds(pen: Pen, figures: Sequence[SpeedFigures], colours: Mapping[Way, str]) -> None:
    """Draw a histogram a line and direction, with its median and its V85."""
    most = max(float(figure.speeds_kmh.max()) for figure in figures)
    step = 5 if most > 40 else 2
    edges = np.arange(0, most + step, step)
    panels = pen.figure.subplots(len(figures), 1, sharex=True, squeeze=False)[:, 0]
    for axes, figure in zip(panels, figures, strict=True):
        heights, *_ = axes.hist(figure.speeds_kmh, edges, color=colours[figure.way], alpha=0.75, rwidth=0.92)
        axes.set_ylim(0, max(float(np.max(heights)), 1.0) * 1.4)
        axes.axvline(figure.median_kmh, color=INK, linewidth=1.3, linestyle="--", ymax=0.82)
        words = f"{pen.say('speed.median')} {pen.say.number(figure.median_kmh)} km/h"
        if figure.v85_kmh is not None:
            axes.axvline(figure.v85_kmh, color=INK, linewidth=1.6, ymax=0.82)
            words += f", V85 {pen.say.number(figure.v85_kmh)} km/h"
        _name_panel(axes, words, 0.985, "top")
        axes.set_title(_way_title(figure.way, pen.narrow))
        _count_upwards(axes, pen, 4)
    panels[-1].set_xlim(0, edges[-1])
    panels[-1].set_xlabel("km/h")


def _count_upwards(axes: Axes, pen: Pen, ticks: int) -> None:
    axes.grid(axis="y")
    axes.spines[["left"]].set_visible(False)
    axes.yaxis.set_major_locator(_whole_ticks(ticks))
    axes.yaxis.set_major_formatter(lambda value, _: pen.say.number(abs(value)))
    axes.tick_params(axis="y", length=0)


def _way_title(way: Way, narrow: bool) -> str:
    most = 17 if narrow else 36
    return f"{shortened(way[0], most)}  ›  {shortened(way[1], most)}"  # noqa: RUF001


def draw_zones(pen: Pen, zones: Mapping[str, list[ZoneRow]], time: TimeAxis) -> None:
    """Draw a panel a zone: how many were there on average, and the longest queue, by interval."""
    panels = pen.figure.subplots(len(zones), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (zone, rows) in zip(panels, zones.items(), strict=True):
        _shade_unseen(axes, rows)
        edges = [row.start_s for row in rows] + [rows[-1].end_s]
        present, queued = (
            [_or_nan(value) for value in column]
            for column in zip(*((row.mean_present, row.most_queued) for row in rows), strict=True)
        )
        axes.stairs(present, edges, fill=True, color=ACCENT, alpha=0.55, label=pen.say("zones.mean_present"))
        axes.stairs(queued, edges, baseline=None, color="#bb5566", lw=1.6, label=pen.say("zones.most_queued"))
        axes.set_ylim(0, max(1.0, np.nanmax([*present, *queued, 0.0])) * 1.15)
        axes.set_title(shortened(zone, 40))
        _count_upwards(axes, pen, 4)
    rows = next(iter(zones.values()))
    time.draw(panels[-1], (rows[0].start_s, rows[-1].end_s), pen)
    handles, labels = panels[0].get_legend_handles_labels()
    columns = legend_columns(labels, pen.narrow)
    pen.figure.legend(handles, labels, loc="outside lower left", ncols=columns, handlelength=1.2)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def draw_coverage(pen: Pen, seen_s: Sequence[Span], span_s: Span, time: TimeAxis) -> None:
    """Draw the run's time as one bar: what was seen is filled, what was not is hatched."""
    axes = pen.figure.subplots()
    width = span_s[1] - span_s[0]
    axes.barh([0], [width], left=span_s[0], height=1, **_UNSEEN)
    axes.broken_barh([(begin, end - begin) for begin, end in seen_s], (-0.5, 1), color=ACCENT, lw=0)
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_ylim(-0.5, 0.5)
    time.draw(axes, span_s, pen)


def draw_reasons(pen: Pen, runs: Mapping[str, int]) -> None:
    """Draw how often the CNN ran for each reason."""
    axes = pen.figure.subplots()
    ordered = sorted(runs.items(), key=lambda item: item[1])
    names = [pen.say.name_reason(reason) for reason, _ in ordered]
    numbers = [number for _, number in ordered]
    axes.barh(names, numbers, color=ACCENT, height=0.62)
    for place, number in enumerate(numbers):
        offset: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points"}
        axes.annotate(pen.say.number(number), (number, place), va="center", fontsize=8.5, **offset)
    axes.set_xlim(0, max(numbers) * 1.16)
    axes.set_xticks([])
    axes.spines[["bottom"]].set_visible(False)
    axes.spines["left"].set_color(RULE)
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9)


def way_colours(ways: Sequence[Way]) -> dict[Way, str]:
    """Return a colour for every line and direction: the same in all figures."""
    return {way: WAY_COLOURS[place % len(WAY_COLOURS)] for place, way in enumerate(ways)}

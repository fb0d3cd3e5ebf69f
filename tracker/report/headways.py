"""The section of headways: how closely vehicles follow one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.report.parts import Draft, Section, Table
from tracker.report.results import Results
from tracker.report.tables import Way
from tracker.report.words import clean

#: Who follows within this time follows closely: the two-second rule.
CLOSE_S = 2.0


@dataclass(frozen=True, slots=True)
class HeadwayFigures:
    """The headways at a line in one direction.

    Attributes:
        way: line and direction.
        number: of them.
        median_s: their median.
        close: share of them that is shorter than ``CLOSE_S``.
    """

    way: Way
    number: int
    median_s: float
    close: float


def headway_figures(results: Results) -> list[HeadwayFigures]:
    """Return the headways by line and direction, where any are known."""
    crossings, found = results.crossings, []
    known = np.isfinite(crossings.headway_s)
    for way in results.ways:
        if way not in crossings.ways:
            continue
        headways_s = crossings.headway_s[known & (crossings.way == crossings.ways.index(way))]
        if len(headways_s):
            close = float(np.mean(headways_s < CLOSE_S))
            found.append(HeadwayFigures(way, len(headways_s), float(np.median(headways_s)), close))
    return found


def headway_section(draft: Draft) -> Section | None:
    """Return the headways; None where none is known."""
    say, figures = draft.say, headway_figures(draft.results)
    if not figures:
        return None
    head = [say("counts.line"), say("counts.direction"), say("headway.n"), say("headway.median")]
    rows = [
        [*map(clean, f.way), say.number(f.number), say.number(f.median_s, 1), say.percent(f.close)]
        for f in figures
    ]
    close = say("headway.close", s=say.number(CLOSE_S))
    table = Table(say("headway.title"), [*head, close], rows, texts=2)
    return Section("headways", say("headway.title"), say("headway.lead"), (), [table], [say("headway.note")])

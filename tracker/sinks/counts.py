"""``counts.csv``: crossings by line, direction, class and interval, with the share of it that was seen.

The columns are the fields of ``tracker.traffic.intervals.CountRow``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tracker.sinks._table import TableSink
from tracker.traffic.intervals import CountRow, IntervalCounts


@dataclass(frozen=True, slots=True)
class Config:
    """Where to write."""

    path: str = "counts.csv"


def build(config: Config) -> TableSink[CountRow]:
    """Build the sink."""
    return TableSink(Path(config.path), CountRow, IntervalCounts, "lines")

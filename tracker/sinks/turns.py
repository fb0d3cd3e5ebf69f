"""``turns.csv``: how many went from which gate to which, by class and interval.

The columns are the fields of ``tracker.traffic.turning.TurnRow``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tracker.sinks._table import TableSink
from tracker.traffic.turning import TurnCounts, TurnRow


@dataclass(frozen=True, slots=True)
class Config:
    """Where to write."""

    path: str = "turns.csv"


def build(config: Config) -> TableSink[TurnRow]:
    """Build the sink."""
    return TableSink(Path(config.path), TurnRow, TurnCounts, "gates")

"""``zones.csv``: who was in each zone, how many stood, and for how long, by interval.

The columns are the fields of ``tracker.traffic.occupancy.ZoneRow``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tracker.scene.model import Scene
from tracker.sinks._table import TableSink
from tracker.traffic.occupancy import ZoneOccupancy, ZoneRow


@dataclass(frozen=True, slots=True)
class Config:
    """Where to write."""

    path: str = "zones.csv"


def build(config: Config) -> TableSink[ZoneRow]:
    """Build the sink."""
    return TableSink(Path(config.path), ZoneRow, _occupancy, "zones")


def _occupancy(scene: Scene, class_names: tuple[str, ...]) -> ZoneOccupancy:
    return ZoneOccupancy(scene)  # of whatever class

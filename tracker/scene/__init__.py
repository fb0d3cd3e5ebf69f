"""What a camera looks at: counting lines, zones, gates, calibration, and when the recording began."""

from __future__ import annotations

from tracker.scene.model import Calibration, Gate, Lane, Line, PlanePoint, Point, Scene, Zone
from tracker.scene.reading import read_scene
from tracker.scene.writing import write_scene

__all__ = [
    "Calibration",
    "Gate",
    "Lane",
    "Line",
    "PlanePoint",
    "Point",
    "Scene",
    "Zone",
    "read_scene",
    "write_scene",
]

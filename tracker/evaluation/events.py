"""Read back the crossings of an ``events.csv``."""

from __future__ import annotations

import csv
from pathlib import Path

from tracker.errors import ResultError
from tracker.evaluation.crossings import NOT_COUNTED, Crossing
from tracker.evaluation.results import read_text
from tracker.scene.reading import read_scene

_COLUMNS = ("kind", "name", "direction", "time_s", "frame", "track_id", "class")


def read_crossings(path: Path, scene: Path | None = None) -> list[Crossing]:
    """Read the crossings of a run, with directions A and B; persons are left out, as in manual counts.

    A line's first direction is A, which goes from the left to the right of who stands at the line's first
    point and looks to the second.

    Args:
        path: an ``events.csv``.
        scene: that names the directions; None for the ``scene.toml`` beside the file, if it is there.

    Raises:
        ResultError: the file cannot be read, or a direction is neither A nor B and no scene explains it.
        SceneError: the scene cannot be read.
    """
    place = scene or path.with_name("scene.toml")
    letters: dict[tuple[str, str], str] = {}
    if scene or place.exists():
        for line in read_scene(place).lines:
            letters |= {(line.name, line.directions[0]): "A", (line.name, line.directions[1]): "B"}
    rows = csv.DictReader(read_text(path, "events").splitlines())
    missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise ResultError(f"{path} line 1: the header has no column {', '.join(missing)}")
    return [
        _crossing(row, f"{path} line {rows.line_num}", letters)
        for row in rows
        if row["kind"] == "crossing" and row["class"] != NOT_COUNTED
    ]


def _crossing(row: dict[str, str], where: str, letters: dict[tuple[str, str], str]) -> Crossing:
    direction = letters.get((row["name"], row["direction"]), row["direction"])
    if direction not in ("A", "B"):
        named = f"direction '{direction}' of line '{row['name']}' is neither A nor B"
        raise ResultError(f"{where}: {named}, and no scene.toml beside the file names it: give --scene")
    try:
        return Crossing(
            row["name"],
            direction,
            float(row["time_s"]),
            int(row["frame"]),
            int(row["track_id"]),
            row["class"],
        )
    except (TypeError, ValueError) as exc:
        raise ResultError(f"{where}: not a row of events: {exc}") from exc

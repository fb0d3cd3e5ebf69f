"""``track detectors``: what there is, with its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from tracker.cli.complain import complain

if TYPE_CHECKING:
    from detectors.catalog import Released


def list_detectors() -> None:
    """List the detectors that come with the program, with their measured figures."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Detectors (figures: weights/manifest.toml says how each was measured)")
    for name in ("name", "network", "classes", "input", "AP50", "ms a frame", "use"):
        # names are there to be typed: never cut
        table.add_column(name, no_wrap=name == "name", overflow="fold")
    entries, wrong = _read_entries()
    for name, entry in entries.items():
        table.add_row(*_cells(name, entry))
    table.add_row(
        "replay:FILE", "boxes from det.txt or tracks.csv", "as in the file", "", "", "", "comparisons"
    )
    table.add_row("FILE.pt", "your own weights", "as in the file", "", "", "", "")
    Console().print(table)
    for message in wrong:
        complain(message)
    if wrong:
        raise typer.Exit(1)


def _read_entries() -> tuple[dict[str, Released], list[str]]:
    """Return what can be used, and what is wrong with the rest: one bad entry does not hide the others."""
    from detectors.catalog import manifest, released
    from detectors.errors import WeightsError

    entries, wrong = {}, []
    for name, entry in manifest().items():
        try:
            entries[name] = released(name, entry)
        except WeightsError as exc:
            wrong.append(str(exc))
    return entries, wrong


def _cells(name: str, entry: Released) -> list[str]:
    from rich.markup import escape

    network = f"{entry.architecture} on {entry.backbone}" if entry.backbone else entry.architecture
    classes, size = ", ".join(entry.classes), "x".join(map(str, entry.input_size))
    figures = [str(entry.measured.get(key, "-")) for key in ("ap50_any_vehicle", "ms")]
    return [escape(cell) for cell in (name, network, classes, size, *figures, entry.use)]

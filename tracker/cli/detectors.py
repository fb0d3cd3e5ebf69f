"""``track detectors``: what there is, with its figures."""

from __future__ import annotations


def list_detectors() -> None:
    """List the detectors that come with the program, with their measured figures."""
    from rich.console import Console
    from rich.table import Table

    from detectors.catalog import manifest

    table = Table(title="Detectors (figures: weights/manifest.toml says how each was measured)")
    for name in ("name", "network", "classes", "input", "AP50", "ms a frame", "use"):
        # names are there to be typed: never cut
        table.add_column(name, no_wrap=name == "name", overflow="fold")
    for name, entry in manifest().items():
        measured = entry.get("measured", {})
        table.add_row(
            name,
            f"{entry['architecture']} on {entry['backbone']}",
            ", ".join(entry["classes"]),
            "x".join(map(str, entry["input_size"])),
            _figure(measured.get("ap50_any_vehicle")),
            _figure(measured.get("ms")),
            entry.get("use", ""),
        )
    table.add_row(
        "replay:FILE", "boxes from det.txt or tracks.csv", "as in the file", "", "", "", "comparisons"
    )
    table.add_row("FILE.pt", "your own weights", "as in the file", "", "", "", "")
    Console().print(table)


def _figure(value: object) -> str:
    return "-" if value is None else f"{value}"

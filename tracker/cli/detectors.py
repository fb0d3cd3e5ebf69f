"""``track detectors``: what there is, with its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from tracker.cli.complain import complain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from detectors.catalog import Released

_COLUMNS = ("name", "network", "classes", "input", "AP50", "ms", "use")
_MEANING = {"AP50": "any vehicle, on the val split", "ms": "a look at a frame of 640x360"}
_OTHERS = (
    "replay:FILE  boxes from det.txt or tracks.csv, for comparisons",
    "FILE.pt      weights of your own",
    "FILE.onnx    any detector; FILE.toml beside it says what goes in and comes out",
    "NETWORK      such as ssdlite320_mobilenet_v3_large: any detector of torchvision",
)


def list_detectors() -> None:
    """List the detectors that come with the program, with their measured figures."""
    from rich.console import Console

    entries, wrong = _read_entries()
    Console().print(_table(entries), *_OTHERS, sep="\n", highlight=False, markup=False)
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


def _table(entries: Mapping[str, Released]) -> Table:
    """Return the table without columns that tell nothing: a narrow window has no room for them."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = [_cells(name, entry) for name, entry in entries.items()]
    same = len(rows) > 1 and len({row["classes"] for row in rows}) == 1
    filled = [column for column in _COLUMNS if any(row[column] for row in rows)]
    filled = [column for column in filled if not (same and column == "classes")]
    notes = [f"{column}: {_MEANING[column]}" for column in filled if column in _MEANING]
    notes += [f"all know {rows[0]['classes']}"] if same else []
    table = Table(
        title="Detectors (figures: weights/manifest.toml says how each was measured)",
        caption=Text("; ".join(notes), "table.caption"),  # a class may have brackets: no markup
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in filled:
        # names are there to be typed: never cut
        table.add_column(column, no_wrap=column not in ("network", "classes", "use"), overflow="fold")
    for row in rows:
        table.add_row(*(row[column] for column in filled))
    return table


def _cells(name: str, entry: Released) -> dict[str, str]:
    network = f"{entry.architecture} on {entry.backbone}" if entry.backbone else entry.architecture
    classes, size = ", ".join(entry.classes), "x".join(map(str, entry.input_size))
    figures = [str(entry.measured.get(key, "")) for key in ("ap50_any_vehicle", "ms")]
    return dict(zip(_COLUMNS, (name, network, classes, size, *figures, entry.use), strict=True))

"""``track data check``: what is wrong with labelled pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from detectors.bank.checking import Report

_EXAMPLES = 3


def check_data(
    sets: Annotated[
        list[Path],
        typer.Argument(metavar="SET...", help="Set, folder of sets, or of class folders."),
    ],
    out: Annotated[Path | None, typer.Option(help="JSON file for all that was found.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier file.")] = False,
) -> None:
    """Say what would spoil a training or its figures: damage, wrong boxes, copies, leaks between the splits.

    Several sets are looked at together. The exit code is 1 if there is an error, and 0 with warnings alone.
    """
    from rich.console import Console

    from detectors.bank.banks import open_banks
    from detectors.bank.checking import check
    from detectors.errors import UsageError

    if out is not None and out.exists() and not overwrite:
        raise UsageError(f"{out} is there already: choose another --out, or give --overwrite")
    with Console(stderr=True).status("reading the pictures"):
        report = check(open_banks(sets))
    _print(report)
    if out is not None:
        _write(report, out)
        typer.echo(str(out))
    if report.errors:
        raise typer.Exit(1)


def _print(report: Report) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    splits = ", ".join(f"{number} {split}" for split, number in report.pictures.items())
    console.print(f"{sum(report.pictures.values())} pictures: {splits}", highlight=False)
    table = Table()
    table.add_column("class", no_wrap=True)
    for split in report.pictures:
        table.add_column(split, justify="right")
    for name, shares in report.classes.items():
        cells = []
        for split in report.pictures:
            share = shares.get(split)
            more = f" ({share.boxes})" if share and share.boxes > share.pictures else ""
            cells.append(f"{share.pictures}{more}" if share else "-")
        table.add_row(escape(name), *cells)
    console.print(table)
    if any(" (" in cell for column in table.columns for cell in map(str, column.cells)):
        console.print("in brackets: boxes", highlight=False)
    for finding in report.findings:
        style = "bold red" if finding.is_error else "yellow"
        word = "error" if finding.is_error else "warning"
        console.print(f"[{style}]{word}[/]: {len(finding.places)} {escape(finding.what)}", highlight=False)
        for place in finding.places[:_EXAMPLES]:
            console.print(f"  {escape(place)}", highlight=False, soft_wrap=True)
        if len(finding.places) > _EXAMPLES:
            console.print(f"  and {len(finding.places) - _EXAMPLES} more", highlight=False)
    warnings = len(report.findings) - report.errors
    console.print(f"errors of {_kinds(report.errors)}, warnings of {_kinds(warnings)}", highlight=False)


def _kinds(number: int) -> str:
    return f"{number or 'no'} kind{'' if number <= 1 else 's'}"


def _content(report: Report) -> dict[str, Any]:
    from dataclasses import asdict

    found: dict[str, list[dict[str, Any]]] = {"errors": [], "warnings": []}
    for finding in report.findings:
        entry = {"kind": finding.kind, "what": finding.what, "count": len(finding.places)}
        found["errors" if finding.is_error else "warnings"].append(entry | {"places": list(finding.places)})
    classes = {
        name: {split: asdict(share) for split, share in shares.items()}
        for name, shares in report.classes.items()
    }
    return {"pictures": dict(report.pictures), "classes": classes, **found}


def _write(report: Report, out: Path) -> None:
    import json

    from tracker.sinks._files import prepare, writing

    prepare(out)
    with writing(out):
        out.write_text(json.dumps(_content(report), indent=1, ensure_ascii=False) + "\n", "utf-8")

"""``track train compare``: trainings side by side."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import typer


def train_compare(
    runs: Annotated[list[Path], typer.Argument(help="Weight files, their .training folders, or folders.")],
    table: Annotated[Path | None, typer.Option("--csv", help="Write the table as CSV, too.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the validation curves: a PNG.")] = None,
) -> None:
    """Print in which options trainings differ, and what each has reached."""
    from rich.console import Console
    from rich.table import Table

    from detectors.training.comparing import find_runs, plot_runs, table_of
    from tracker.sinks._files import writing

    found = find_runs(runs)
    head, rows = table_of(found)
    shown = Table()
    for name in head:
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)
    if table is not None:
        with writing(table), table.open("w", newline="") as stream:
            csv.writer(stream).writerows([head, *rows])
    if plot is not None:
        with writing(plot):
            plot_runs(found, plot)

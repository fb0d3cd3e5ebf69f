"""``track report``: one page of what a run looked like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    run_folder: Annotated[Path, typer.Argument(help="What 'track --video' wrote its results to.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The page (.html); without it report.html in the run folder. Figures go beside it."
        ),
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the page: en or pt-BR.")] = "en",
) -> None:
    """Write what a run looked like as one HTML page: counts, speeds, trajectories, and what was left out.

    The page holds everything and needs no network; its figures are written beside it as PNG files too.
    """
    from tracker.report import write_report

    typer.echo(write_report(run_folder, out, lang))

"""``track evaluate tracking``: HOTA and its kin of runs against ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tracker.evaluation.hota import TrackingScore

_SHARES = ("HOTA", "DetA", "AssA", "IDF1", "MOTA")
_NUMBERS = ("IDSW", "CLR_FP", "CLR_FN")


def evaluate_tracking(
    gt: Annotated[Path, typer.Option(help="A sequence in MOTChallenge's layout, or a folder of several.")],
    result: Annotated[
        Path,
        typer.Option(help="tracks.mot.txt, tracks.csv, a run's folder, or one with NAME.txt of each."),
    ],
    gt_name: Annotated[str, typer.Option(help="The file in the folder gt.")] = "gt.txt",
    classes: Annotated[str, typer.Option(help="Rows of tracks.csv that count, such as car,truck.")] = "",
    leave_out_ignored: Annotated[
        bool,
        typer.Option("--leave-out-ignored", help="Leave out boxes that fit a row of the truth with conf 0."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    plot: Annotated[Path | None, typer.Option(help="PNG of HOTA, DetA and AssA by overlap.")] = None,
) -> None:
    """Score tracks against ground truth with TrackEval: HOTA, DetA, AssA, MOTA, IDF1, switches.

    Of the truth, rows with conf 0 are not to be found. Nothing else is left out beforehand.
    """
    from tracker.evaluation.hota import combine
    from tracker.evaluation.sequences import find_result, find_sequences, score_sequence

    wanted = [name.strip() for name in classes.split(",") if name.strip()]
    sequences = find_sequences(gt, gt_name)
    files = [find_result(result, sequence.name, len(sequences) == 1) for sequence in sequences]
    scores: dict[str, TrackingScore] = {}
    for sequence, file in zip(sequences, files, strict=True):
        scores[sequence.name] = score_sequence(sequence, file, wanted, leave_out_ignored)
    whole = combine(scores)
    settings = _settings(wanted, leave_out_ignored)
    if as_json:
        import json

        figures = {name: score.figures for name, score in scores.items()}
        typer.echo(json.dumps({"sequences": figures, "all": whole.figures, "settings": settings}, indent=1))
    else:
        _print(scores, whole, settings)
    if plot is not None:
        from tracker.evaluation.plots import plot_hota

        plot_hota(whole, plot)


def _settings(classes: list[str], leave_out: bool) -> dict[str, str]:
    return {
        "truth": "rows with conf 0 are not to be found",
        "boxes on them": "left out" if leave_out else "count as false",
        "classes of the result": ", ".join(classes) or "all, as one",
        "overlap": "HOTA, DetA, AssA: mean over IoU 0.05 to 0.95; the others: IoU 0.5",
        "several sequences": "sums over sums",
        "library": "TrackEval",
    }


def _print(scores: dict[str, TrackingScore], whole: TrackingScore, settings: dict[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Tracks against the truth")
    table.add_column("sequence", overflow="fold")
    for name in (*_SHARES, *_NUMBERS):
        table.add_column(name.removeprefix("CLR_"), justify="right")
    for name, score in scores.items():
        table.add_row(name, *_cells(score))
    if len(scores) > 1:
        table.add_section()
        table.add_row("all", *_cells(whole), style="bold")
    console = Console()
    console.print(table)
    for name, value in settings.items():
        console.print(f"{name}: {value}", style="dim", highlight=False)


def _cells(score: TrackingScore) -> list[str]:
    figures = score.figures
    return [f"{100 * figures[name]:.1f}" for name in _SHARES] + [f"{figures[name]:.0f}" for name in _NUMBERS]

"""``track evaluate counts``: line crossings of runs against counts made by eye."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from tracker.evaluation.counts import CountScore


def evaluate_counts(
    truth: Annotated[list[Path], typer.Option(help="Counts made by eye (JSON); once for every clip.")],
    tracks: Annotated[list[Path], typer.Option(help="The tracks.csv of the same clip, in the same order.")],
    details: Annotated[
        bool, typer.Option("--details", help="List what was missed and what was false, and the classes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Count line crossings in tracks and score them against the truth, by clip and over all."""
    from detectors.errors import UsageError

    if len(truth) != len(tracks):
        raise UsageError(
            f"{len(truth)} --truth and {len(tracks)} --tracks: every file of counts needs one file of tracks"
        )
    scores = _score(truth, tracks)
    if as_json:
        import json

        typer.echo(json.dumps(_plain(scores, details), indent=1))
        return
    from rich.console import Console

    console = Console()
    _print_scores(console, scores)
    if details:
        _print_details(console, _pool(scores))


def _score(truth: list[Path], tracks: list[Path]) -> list[tuple[str, CountScore]]:
    from tracker.evaluation.counts import read_truth, score_counts
    from tracker.evaluation.results import read_tracks

    scores = []
    for truth_path, tracks_path in zip(truth, tracks, strict=True):
        counts = read_truth(truth_path)
        scores.append((counts.clip, score_counts(counts, read_tracks(tracks_path))))
    return scores


def _pool(scores: list[tuple[str, CountScore]]) -> CountScore:
    from tracker.evaluation.counts import CountScore

    return sum((score for _, score in scores), start=CountScore())


def _print_scores(console: Console, scores: list[tuple[str, CountScore]]) -> None:
    from rich.table import Table

    table = Table(title="Line crossings", show_footer=False)
    table.add_column("clip", overflow="fold")
    for name in ("hits", "misses", "false", "precision", "recall", "F1"):
        table.add_column(name, justify="right")
    for clip, score in scores:
        table.add_row(clip, *_cells(score))
    if len(scores) > 1:
        table.add_section()
        table.add_row("over all", *_cells(_pool(scores)), style="bold")
    console.print(table)


def _cells(score: CountScore) -> list[str]:
    numbers = [str(score.hits), str(score.misses), str(score.false)]
    return numbers + [f"{share:.3f}" for share in (score.precision, score.recall, score.f1)]


def _print_details(console: Console, pooled: CountScore) -> None:
    from rich.table import Table

    table = Table(title="What was wrong")
    for name in ("", "clip", "line", "direction", "frame", "time", "class", "track"):
        table.add_column(name)
    for clip, event in pooled.missed:
        place = (event.line, event.direction, str(event.frame), f"{event.time_s:.2f} s", event.label)
        table.add_row("missed", clip, *place, "hidden at the line" if event.occluded else "")
    for clip, crossing in pooled.invented:
        where = (crossing.line, crossing.direction, str(crossing.frame), f"{crossing.time_s:.2f} s")
        table.add_row("false", clip, *where, crossing.label, str(crossing.track_id))
    console.print(table)
    classes = Table(title="Classes of the hits")
    for name in ("truth", "track", "hits"):
        classes.add_column(name)
    for (true, found), number in sorted(pooled.confusion.items()):
        classes.add_row(true, found, str(number))
    console.print(classes)


def _plain(scores: list[tuple[str, CountScore]], details: bool) -> dict[str, Any]:
    return {
        "clips": [{"clip": clip, **_numbers(score, details)} for clip, score in scores],
        "pooled": _numbers(_pool(scores), details=False),
    }


def _numbers(score: CountScore, details: bool) -> dict[str, Any]:
    from dataclasses import asdict

    numbers: dict[str, Any] = {
        "hits": score.hits,
        "misses": score.misses,
        "false": score.false,
        "pardoned": score.pardoned,
        "precision": round(score.precision, 4),
        "recall": round(score.recall, 4),
        "f1": round(score.f1, 4),
        "confusion": {f"{true} as {found}": number for (true, found), number in score.confusion.items()},
    }
    if details:
        numbers["missed"] = [asdict(event) for _, event in score.missed]
        numbers["invented"] = [asdict(crossing) for _, crossing in score.invented]
    return numbers

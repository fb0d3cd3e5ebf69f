"""``track evaluate counts``: line crossings of runs against counts made by eye."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from tracker.evaluation.counts import CountScore


def evaluate_counts(
    truth: Annotated[list[Path], typer.Option(help="Counts made by eye (JSON or CSV); once for every clip.")],
    tracks: Annotated[
        list[Path] | None, typer.Option(help="The tracks.csv of the same clip, in the same order.")
    ] = None,
    events: Annotated[
        list[Path] | None, typer.Option(help="Its events.csv instead: as the run itself counted.")
    ] = None,
    details: Annotated[
        bool,
        typer.Option("--details", help="List what was missed and what was false, classes, and volumes."),
    ] = False,
    interval: Annotated[float, typer.Option(help="Seconds of the intervals of the volumes.")] = 900.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Score line crossings against counts made by eye, by clip and over all.

    GEH, traffic engineering's measure of fit, is defined on hourly volumes: both are scaled to an hour.
    """
    from detectors.errors import UsageError

    if not interval > 0:
        raise UsageError(f"--interval must be above 0 seconds, not {interval}")
    scores = _score(truth, *_results(truth, tracks or [], events or []))
    if as_json:
        import json

        typer.echo(json.dumps(_plain(scores, details, interval), indent=1))
        return
    from rich.console import Console

    console = Console()
    _print_scores(console, scores)
    if details:
        _print_details(console, _pool(scores))
        _print_volumes(console, scores, interval)


def _results(truth: list[Path], tracks: list[Path], events: list[Path]) -> tuple[list[Path], bool]:
    """Return the files to score, and whether they are events.

    Raises:
        UsageError: there are both kinds or none, or not one for every file of counts.
    """
    from detectors.errors import UsageError

    if bool(tracks) == bool(events):
        raise UsageError("give either --tracks or --events, one for every --truth")
    files, name = (events, "events") if events else (tracks, "tracks")
    if len(truth) != len(files):
        raise UsageError(
            f"{len(truth)} --truth and {len(files)} --{name}: every file of counts needs one file of {name}"
        )
    return files, bool(events)


def _score(truth: list[Path], files: list[Path], are_events: bool) -> list[tuple[str, CountScore]]:
    from detectors.errors import UsageError
    from tracker.evaluation.counts import read_truth, score_counts, score_crossings
    from tracker.evaluation.events import read_crossings
    from tracker.evaluation.results import read_tracks

    scores = []
    for truth_path, path in zip(truth, files, strict=True):
        counts = read_truth(truth_path)
        if are_events:
            score = score_crossings(counts, read_crossings(path))
        elif counts.lines:
            score = score_counts(counts, read_tracks(path))
        else:
            raise UsageError(f"{truth_path} does not say where its lines are: it goes with --events")
        scores.append((counts.clip, score))
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


def _print_volumes(console: Console, scores: list[tuple[str, CountScore]], interval_s: float) -> None:
    from rich.table import Table

    from tracker.evaluation.volumes import class_volumes, volumes

    table = Table(title=f"Volumes in intervals of {interval_s:g} s; GEH of both scaled to an hour")
    for name in ("clip", "line", "direction", "from", "by eye", "counted", "error", "GEH"):
        table.add_column(name, justify="right" if name in ("by eye", "counted", "error", "GEH") else "left")
    for clip, score in scores:
        for row in volumes(score, interval_s):
            numbers = (str(row.true), str(row.counted), _error(row.true, row.counted), f"{row.geh:.1f}")
            table.add_row(clip, row.line, row.direction, f"{row.start_s:g} s", *numbers)
    console.print(table)
    classes = Table(title="Volumes by class")
    for name in ("class", "by eye", "counted", "error"):
        classes.add_column(name, justify="left" if name == "class" else "right")
    for kind in class_volumes(_pool(scores)):
        classes.add_row(kind.label, str(kind.true), str(kind.counted), _error(kind.true, kind.counted))
    console.print(classes)


def _error(true: int, counted: int) -> str:
    return f"{(counted - true) / true:+.1%}" if true else f"{counted - true:+d}"


def _plain(scores: list[tuple[str, CountScore]], details: bool, interval_s: float) -> dict[str, Any]:
    return {
        "clips": [{"clip": clip, **_numbers(score, details, interval_s)} for clip, score in scores],
        "pooled": _numbers(_pool(scores), details=False, interval_s=interval_s),
    }


def _numbers(score: CountScore, details: bool, interval_s: float) -> dict[str, Any]:
    from dataclasses import asdict

    from tracker.evaluation.volumes import class_volumes, volumes

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
        rows = volumes(score, interval_s)
        numbers["volumes"] = [{**asdict(row), "geh": round(row.geh, 3)} for row in rows]
        numbers["classes"] = [asdict(row) for row in class_volumes(score)]
    return numbers

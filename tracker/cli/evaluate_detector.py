"""``track evaluate detector``: average precision, errors and times on labelled pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detectors import DEFAULT_DETECTOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from rich.table import Table

    from detectors.catalog import Loaded
    from detectors.dataset import Picture
    from detectors.detections import Detections
    from detectors.evaluation import Precision
    from detectors.evaluation.kinds import Error, Kind, Tally
    from detectors.protocol import Detector

LEAST_SCORE = 0.01
NMS_IOU = 0.6  # what average precision is usually given with; tracks are better off with less


def evaluate_detector(
    data: Annotated[
        list[Path], typer.Option(help="Folder of COCO-style sets, or one set; may be given again.")
    ],
    detector: Annotated[
        str, typer.Option(help="Name (see 'track detectors') or weight file.")
    ] = DEFAULT_DETECTOR,
    split: Annotated[str, typer.Option(help="Which pictures: val or train.")] = "val",
    assignments: Annotated[
        list[str] | None, typer.Option("--set", help="An option of the detector, such as input_width=768.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for curves, the worst errors as pictures, all errors as CSV, and the JSON."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Say how many road users a detector finds, how often it is right, what it gets wrong, how long it takes.

    Precision by class, size and set; errors and time are of the detector as it is used, with its own score.
    """
    from detectors.dataset import read_sets
    from detectors.evaluation import SIZES, by_set, evaluate, recall_curves
    from detectors.evaluation.errors import find_errors

    if out is not None:
        from tracker.sinks._files import check_folder

        check_folder(out)
    model, used = _load(detector, assignments or [])
    names = model.class_names
    pictures = read_sets(data, split, names)
    found, answers = (_detect(one, pictures) for one in (model, used.detector))
    whole = evaluate(pictures, found, names)
    sizes = {size: evaluate(pictures, found, names, sides) for size, sides in SIZES.items()}
    sets = by_set(pictures, found, names)
    tallies, errors = find_errors(pictures, answers, found, names)
    score = used.options["score"]
    content = _content(pictures, names, whole, sizes, sets, score, tallies)
    content |= {"ap50_mean_if_mended": _if_mended(pictures, found, names), "time": _time(used, pictures)}
    if out is not None:
        _write(out, content, recall_curves(pictures, found, names), tallies, errors)
    if as_json:
        import json

        typer.echo(json.dumps(content, indent=1))
        return
    _print_classes(f"{detector} on {len(pictures)} pictures of split {split}", whole, sizes, names)
    _print_sets(sets, names)
    _print_errors(tallies, score)
    _print_mended(content["ap50_mean"], content["ap50_mean_if_mended"])
    _print_time(content["time"])
    if out is not None:
        typer.echo(f"report in {out}")


def _load(name: str, assignments: Sequence[str]) -> tuple[Detector, Loaded]:
    """Load the detector so that every answer counts, also a doubtful one; and as it is used."""
    from detectors.catalog import ZOO, build_detector, find_detector
    from detectors.errors import UsageError

    choice = find_detector(name)
    known = ZOO.load(choice.component).Config.__dataclass_fields__
    if "score" not in known:
        raise UsageError(
            f"'{name}' does not look at pictures: give a name of 'track detectors' or a .pt file"
        )
    given: dict[str, object] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set takes option=value, not '{assignment}'")
        given[key.strip()] = value
    every: dict[str, object] = {"score": LEAST_SCORE, "nms_iou": NMS_IOU, "one_class_a_place": False}
    options = {key: value for key, value in every.items() if key in known}
    return build_detector(choice, options | given).detector, build_detector(choice, given)


def _detect(model: Detector, pictures: Sequence[Picture]) -> list[Detections]:
    from rich.console import Console
    from rich.progress import track as shown

    from detectors.dataset import read_picture
    from detectors.evaluation import detect_all

    console = Console(stderr=True)
    return detect_all(model, shown(pictures, "looking", console=console), read_picture)


def _content(
    pictures: Sequence[Picture],
    names: Sequence[str],
    whole: Mapping[str, Precision],
    sizes: Mapping[str, Mapping[str, Precision]],
    sets: Mapping[str, Mapping[str, Precision]],
    score: object,
    tallies: Mapping[str, Tally],
) -> dict[str, Any]:
    """Return everything that was measured, but the times, in plain numbers."""
    from detectors.evaluation import figures
    from detectors.evaluation.kinds import counts

    return {
        "pictures": len(pictures),
        **figures(whole, names),
        "by_size": {size: figures(values, names) for size, values in sizes.items()},
        "by_set": {name: figures(values, names) for name, values in sets.items()},
        "in_use": {"score": score, "by_class": counts(tallies)},
    }


def _if_mended(
    pictures: Sequence[Picture], found: Sequence[Detections], names: Sequence[str]
) -> dict[str, float]:
    """Return the mean AP50 of the classes if all answers were of the right class, or in the right place."""
    from detectors.evaluation import evaluate, mean_ap50
    from detectors.evaluation.mending import with_right_boxes, with_right_classes

    mended = {"class": with_right_classes(pictures, found), "box": with_right_boxes(pictures, found)}
    return {
        kind: round(mean_ap50(evaluate(pictures, answers, names), names), 3)
        for kind, answers in mended.items()
    }


def _time(used: Loaded, pictures: Sequence[Picture]) -> dict[str, Any]:
    """Return the milliseconds a look, and on what they were measured."""
    from detectors.dataset import read_picture
    from detectors.evaluation.timing import time_looks
    from detectors.runtimes import processor

    times = time_looks(used.detector, pictures, read_picture)
    about = {"processor": processor.name()}
    for name in ("runtime", "precision", "processor", "threads"):
        if hasattr(used.detector, name):
            about[name] = getattr(used.detector, name)
    return {"ms": times.total_ms, "ms_by_stage": dict(times.stage_ms), "looks": times.looks, **about}


def _write(
    out: Path,
    content: dict[str, Any],
    curves: Mapping[str, NDArray[np.float64]],
    tallies: Mapping[str, Tally],
    errors: Sequence[Error],
) -> None:
    from detectors.evaluation.report import write_report
    from tracker.sinks._files import writing

    with writing(out):
        write_report(out, content, curves, tallies, errors, content["in_use"]["score"])


def _print_classes(
    title: str,
    whole: Mapping[str, Precision],
    sizes: Mapping[str, Mapping[str, Precision]],
    names: Sequence[str],
) -> None:
    from rich.console import Console
    from rich.table import Table

    from detectors.evaluation import mean_ap50

    table = Table(title=title, caption="in brackets: number of boxes")
    table.add_column("class", no_wrap=True)
    for column in ("boxes", "AP50", "AP50:95", *(f"AP50 {size}" for size in sizes)):
        table.add_column(column, justify="right")
    for name, value in whole.items():
        by_size = (_ap50(values[name]) for values in sizes.values())
        label = name.replace("_", " ")
        table.add_row(label, str(value.boxes), f"{value.ap50:.3f}", f"{value.ap:.3f}", *by_size)
    means = (f"{mean_ap50(dict(values), names):.3f}" for values in sizes.values())
    table.add_row("mean of classes", "", f"{mean_ap50(dict(whole), names):.3f}", "", *means)
    Console().print(table)


def _print_sets(sets: Mapping[str, Mapping[str, Precision]], names: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    if len(sets) == 1:
        return
    columns = [*next(iter(sets.values()))]
    table = Table(title="AP50 by set", caption="in brackets: number of boxes")
    table.add_column("set", no_wrap=True)
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for name, values in sets.items():
        table.add_row(name, *(_ap50(values[column]) for column in columns))
    Console().print(table)


def _ap50(value: Precision) -> str:
    return f"{value.ap50:.3f} ({value.boxes})" if value.boxes else "-"


def _print_errors(tallies: Mapping[str, Tally], score: object) -> None:
    from rich.console import Console

    from detectors.evaluation.kinds import FALSE_ALARMS, MISSES

    seen = {name: tally for name, tally in tallies.items() if tally.boxes or tally.false_alarms}
    console = Console()
    misses = _error_table(f"In use, from score {score} on: misses, by what was seen there", MISSES)
    alarms = _error_table("In use: false alarms, by what is labelled there", FALSE_ALARMS)
    for name, tally in seen.items():
        label = name.replace("_", " ")
        misses.add_row(label, f"{tally.recall:.3f}", *(str(tally.misses[kind]) for kind in MISSES))
        kinds = (str(tally.false_alarms[kind]) for kind in FALSE_ALARMS)
        alarms.add_row(label, f"{tally.precision:.3f}", *kinds)
    console.print(misses)
    console.print(alarms)


def _error_table(title: str, kinds: Sequence[Kind]) -> Table:
    from rich.table import Table

    from detectors.evaluation.kinds import MISSES

    table = Table(title=title)
    table.add_column("class", no_wrap=True)
    for column in ("recall" if kinds == MISSES else "precision", *kinds):
        # in two lines everywhere: else rich breaks too few headings, and cuts the last ones off at 80 columns
        heading = column.replace(" ", "\n")
        table.add_column(heading, justify="right", min_width=max(map(len, column.split())))
    return table


def _print_mended(mean: float, mended: Mapping[str, float]) -> None:
    what = f"{mended['class']:.3f} if all answers had the class of what they lie at"
    typer.echo(f"mean of classes {mean:.3f}: {what}, {mended['box']:.3f} if all boxes near one lay right")


def _print_time(time: Mapping[str, Any]) -> None:
    stages = ", ".join(f"{stage} {ms:.1f}" for stage, ms in time["ms_by_stage"].items())
    look = f"{time['ms']:.1f} ms a look" + (f" ({stages})" if stages else "")
    names = ("runtime", "precision", "processor")
    machine = ", ".join(
        [*(time[name] for name in names if name in time), f"threads: {time.get('threads', '?')}"]
    )
    typer.echo(f"in use: {look}, median of {time['looks']}, reading left out; {machine}")

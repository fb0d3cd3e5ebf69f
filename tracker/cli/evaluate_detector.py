"""``track evaluate detector``: average precision on labelled pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from detectors.dataset import Picture
    from detectors.detections import Detections
    from detectors.evaluation import Precision
    from detectors.protocol import Detector

LEAST_SCORE = 0.01
NMS_IOU = 0.6  # what average precision is usually given with; tracks are better off with less


def evaluate_detector(
    data: Annotated[
        list[Path], typer.Option(help="Folder of COCO-style sets, or one set; may be given again.")
    ],
    detector: Annotated[
        str, typer.Option(help="Name (see 'track detectors') or weight file.")
    ] = "smaller_vgg",
    split: Annotated[str, typer.Option(help="Which pictures: val or train.")] = "val",
    assignments: Annotated[
        list[str] | None, typer.Option("--set", help="An option of the detector, such as input_width=768.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Say how many road users a detector finds, and how often it is right: by class, size and set."""
    from detectors.dataset import read_sets
    from detectors.evaluation import SIZES, by_set, evaluate, figures

    model = _load(detector, assignments or [])
    names = model.class_names
    pictures = read_sets(data, split, names)
    found = _detect(model, pictures)
    whole = evaluate(pictures, found, names)
    sizes = {size: evaluate(pictures, found, names, sides) for size, sides in SIZES.items()}
    sets = by_set(pictures, found, names)
    if as_json:
        import json

        content = {"pictures": len(pictures), **figures(whole, names)}
        content["by_size"] = {size: figures(values, names) for size, values in sizes.items()}
        content["by_set"] = {name: figures(values, names) for name, values in sets.items()}
        typer.echo(json.dumps(content, indent=1))
        return
    _print_classes(f"{detector} on {len(pictures)} pictures of split {split}", whole, sizes, names)
    _print_sets(sets, names)


def _load(name: str, assignments: Sequence[str]) -> Detector:
    """Load the detector without what it does for tracking: every answer counts, also a doubtful one."""
    from detectors.catalog import ZOO, find_detector, load_detector
    from detectors.errors import UsageError

    choice = find_detector(name)
    known = ZOO.load(choice.component).Config.__dataclass_fields__
    if "score" not in known:
        raise UsageError(
            f"'{name}' does not look at pictures: give a name of 'track detectors' or a .pt file"
        )
    every: dict[str, object] = {"score": LEAST_SCORE, "nms_iou": NMS_IOU, "one_class_a_place": False}
    options = {key: value for key, value in every.items() if key in known}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set takes option=value, not '{assignment}'")
        options[key.strip()] = value
    return load_detector(name, **options)


def _detect(model: Detector, pictures: Sequence[Picture]) -> list[Detections]:
    from rich.console import Console
    from rich.progress import track as shown

    from detectors.dataset import read_picture
    from detectors.evaluation import detect_all

    console = Console(stderr=True)
    return detect_all(model, shown(pictures, "looking", console=console), read_picture)


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

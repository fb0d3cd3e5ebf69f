"""Trainings side by side: what they were asked for, what they reached, how they got there."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detectors.errors import DataError, UsageError

#: Of a result, in this order, where it has them.
FIGURES = (
    "model",
    "accuracy",
    "ap50_mean",
    "ap50_any_vehicle",
    "epochs",
    "best_epoch",
    "features_seconds",
    "seconds",
    "parameters",
    "pictures_seen",
)
#: Options that only say where something lies.
_PLACES = ("out", "device", "threads", "workers", "tensorboard", "cache")
#: Curves that can be compared, first those of validation.
CURVES = ("val_accuracy", "val_loss")


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One training that has ended.

    Attributes:
        name: of its weights.
        recipe: its options.
        result: what ``result.json`` says.
        curve: rows of ``curve.csv``; none for a learner on features.
    """

    name: str
    recipe: Mapping[str, Any]
    result: Mapping[str, Any]
    curve: Sequence[Mapping[str, str]]


def find_runs(places: Sequence[Path]) -> list[Run]:
    """Return the trainings of weight files, of their folders (``NAME.training``), or in folders of these.

    Raises:
        UsageError: there are none.
        DataError: what one has left cannot be read.
    """
    folders: list[Path] = []
    for place in places:
        own = place.with_suffix(".training") if place.suffix == ".pt" else place
        inside = sorted(own.glob("*.training")) if own.suffix != ".training" else [own]
        found = [folder for folder in inside if (folder / "result.json").is_file()]
        if not found:
            raise UsageError(f"no training that has ended in {place}: there is no result.json")
        folders += found
    return [_read(folder) for folder in dict.fromkeys(folders)]


def _read(folder: Path) -> Run:
    try:
        recipe, curve = folder / "recipe.toml", folder / "curve.csv"
        with curve.open(newline="") if curve.exists() else (folder / "result.json").open() as stream:
            rows = list(csv.DictReader(stream)) if curve.exists() else []
        return Run(
            folder.stem,
            tomllib.loads(recipe.read_text("utf-8")) if recipe.exists() else {},
            json.loads((folder / "result.json").read_text("utf-8")),
            rows,
        )
    except (OSError, ValueError) as exc:
        raise DataError(f"{folder} cannot be read: {exc}") from exc


def differing(runs: Sequence[Run]) -> list[str]:
    """Return the options in which the trainings differ, beside those that only name places."""
    names = dict.fromkeys(name for run in runs for name in run.recipe if name not in _PLACES)
    return [name for name in names if len({repr(run.recipe.get(name)) for run in runs}) > 1]


def table_of(runs: Sequence[Run]) -> tuple[list[str], list[list[str]]]:
    """Return the head and a row a training: its name, the options that differ, the figures."""
    options = differing(runs)
    figures = [name for name in FIGURES if any(name in run.result for run in runs)]
    prints = {run.result.get("pictures", {}).get("fingerprint") for run in runs}
    more = ["fingerprint"] if len(prints) > 1 else []  # then they were measured on different pictures
    rows = [
        [
            run.name,
            *(_text(run.recipe.get(name)) for name in options),
            *(_text(run.result.get(name)) for name in figures),
            *(_text(run.result.get("pictures", {}).get(name)) for name in more),
        ]
        for run in runs
    ]
    return ["run", *options, *figures, *more], rows


def _text(value: object) -> str:
    if value is None:
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def plot_runs(runs: Sequence[Run], picture: Path) -> None:
    """Draw the validation curves of the trainings over their epochs.

    Raises:
        UsageError: none has such curves.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = [run for run in runs if run.curve and CURVES[0] in run.curve[0]]
    if not drawn:
        raise UsageError("none of these trainings has epochs to draw: leave out --plot")
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, name in zip(figure.subplots(1, 2), CURVES, strict=True):
        for run in drawn:
            values = [float(row[name]) for row in run.curve]
            axes.plot([int(row["epoch"]) for row in run.curve], values, label=run.name)
        axes.set(xlabel="epoch", ylabel=name.replace("val_", "validation "))
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(picture, dpi=120)

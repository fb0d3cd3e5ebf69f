"""What a classifier reaches on the validation pictures, as figures and as pictures."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.training.classifier.epochs import Epoch


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """What is reached on one class.

    Attributes:
        name: of the class.
        pictures: that show it.
        precision: share of those named so that are it; None where none is named so.
        recall: share of those that are it that are named so.
    """

    name: str
    pictures: int
    precision: float | None
    recall: float


def confusion(labels: NDArray[np.int64], named: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Return int64 (classes, classes): how many pictures of the row's class were named the column's."""
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (labels, named), 1)
    return table


def accuracy(table: NDArray[np.int64]) -> float:
    """Return the share of pictures that were named rightly."""
    return float(np.trace(table) / table.sum())


def by_class(table: NDArray[np.int64], class_names: Sequence[str]) -> list[ClassFigures]:
    """Return precision and recall by class."""
    are, named, right = table.sum(1), table.sum(0), np.diag(table)
    return [
        ClassFigures(
            name,
            int(are[row]),
            float(right[row] / named[row]) if named[row] else None,
            float(right[row] / max(are[row], 1)),
        )
        for row, name in enumerate(class_names)
    ]


def write_confusion(table: NDArray[np.int64], class_names: Sequence[str], stem: Path) -> None:
    """Write the confusion matrix as ``.csv`` and as ``.png``."""
    with stem.with_suffix(".csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["is \\ named", *class_names])
        writer.writerows([name, *row] for name, row in zip(class_names, table.tolist(), strict=True))
    figure, axes = _figure((1.6 + 0.7 * len(class_names),) * 2)
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    places = range(len(class_names))
    axes.set(xlabel="named", ylabel="is", xticks=places, yticks=places)
    axes.set_xticklabels(class_names, rotation=45, ha="right")
    axes.set_yticklabels(class_names)
    for (row, column), count in np.ndenumerate(table):
        colour = "white" if share[row, column] > 0.5 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour)
    figure.savefig(stem.with_suffix(".png"), dpi=120)


def plot_epochs(epochs: Sequence[Epoch], picture: Path) -> None:
    """Draw loss and accuracy of training and validation over the epochs."""
    figure, (loss, right) = _figure((9, 4), 2)
    numbers = [epoch.epoch for epoch in epochs]
    for axes, what in ((loss, "loss"), (right, "accuracy")):
        for side, label in (("train", "training, altered"), ("val", "validation")):
            axes.plot(numbers, [getattr(epoch, f"{side}_{what}") for epoch in epochs], label=label)
        axes.set(xlabel="epoch", ylabel=what)
        axes.grid(alpha=0.3)
        axes.legend()
    best = [epoch for epoch in epochs if epoch.best]
    if best:
        loss.axvline(best[-1].epoch, color="grey", linestyle=":")
        right.axvline(best[-1].epoch, color="grey", linestyle=":")
    right.set(ylim=(None, 1))
    figure.savefig(picture, dpi=120)


def _figure(size: tuple[float, float], columns: int = 1) -> Any:
    # the object interface, because pyplot would look for a screen
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, columns)

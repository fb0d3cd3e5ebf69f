"""Learning curves: the table ``curve.csv``, and its picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def append_row(table: Path, row: Mapping[str, object]) -> None:
    """Write a row of column names and values at the end of a table; a new table gets its head."""
    new = not table.exists()
    with table.open("a", newline="") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow(row)
        writer.writerow(row.values())


def cut_rows(table: Path, step: int) -> None:
    """Leave out the rows of steps behind the checkpoint at ``step``: they are done again."""
    if table.exists():
        head, *rows = table.read_text().splitlines(keepends=True) or [""]
        kept = [row for row in rows if int(row.partition(",")[0]) <= step]
        table.write_text("".join([head, *kept])) if kept else table.unlink()


def plot_curves(table: Path, picture: Path, measured: Path | None = None) -> None:
    """Draw the losses over the steps, and beside them what was measured on the val split.

    Args:
        table: ``curve.csv``, columns step, seconds, rate, losses...
        picture: to write.
        measured: table of average precisions, columns step, pictures, ap50...; may be missing.
    """
    # the object interface, because pyplot would look for a screen
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = _rows(table)
    if not rows:
        return
    precisions = _rows(measured) if measured else []
    figure = Figure(figsize=(12 if precisions else 8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2 if precisions else 1, squeeze=False)[0]
    _draw(panels[0], rows, "loss_", [_smooth(values) for values in _columns(rows, 3)])
    panels[0].set(xlabel="step", ylabel="loss, averaged over 1 % of the steps", ylim=(0, None))
    if precisions:
        _draw(panels[1], precisions, "ap50_", _columns(precisions, 2), marker="o")
        panels[1].set(xlabel="step", ylabel="AP50 on the val split", ylim=(0, None), xlim=(0, None))
    figure.savefig(picture, dpi=120)


def _rows(table: Path) -> list[dict[str, str]]:
    if not table.exists():
        return []
    with table.open(newline="") as stream:
        return list(csv.DictReader(stream))


def _columns(rows: list[dict[str, str]], first: int) -> list[NDArray[np.float64]]:
    """Return the values of every column from number ``first`` on."""
    return [np.array([float(row[name]) for row in rows]) for name in list(rows[0])[first:]]


def _draw(
    axes: Axes, rows: list[dict[str, str]], prefix: str, values: list[NDArray[np.float64]], marker: str = ""
) -> None:
    steps = [int(row["step"]) for row in rows]
    names = list(rows[0])[-len(values) :]
    for name, column in zip(names, values, strict=True):
        axes.plot(steps, column, marker=marker, label=name.removeprefix(prefix).replace("_", " "))
    axes.grid(alpha=0.3)
    axes.legend()


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the running mean over 1 % of the values; as many values as before."""
    width = max(len(values) // 100, 1)
    padded = np.pad(values, (width // 2, width - 1 - width // 2), mode="edge")
    return np.convolve(padded, np.ones(width) / width, mode="valid")

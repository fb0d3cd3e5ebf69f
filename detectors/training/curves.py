"""Learning curves: the table ``curve.csv``, and its picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


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


def plot_curves(table: Path, picture: Path) -> None:
    """Draw every loss of ``curve.csv`` (columns step, seconds, rate, losses...) over the steps."""
    # the object interface, because pyplot would look for a screen
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    if not rows:
        return
    steps = np.array([int(row["step"]) for row in rows])
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name in list(rows[0])[3:]:
        values = np.array([float(row[name]) for row in rows])
        axes.plot(steps, _smooth(values), label=name.removeprefix("loss_").replace("_", " "))
    axes.set(xlabel="step", ylabel="loss, averaged over 1 % of the steps", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(picture, dpi=120)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the running mean over 1 % of the values; as many values as before."""
    width = max(len(values) // 100, 1)
    padded = np.pad(values, (width // 2, width - 1 - width // 2), mode="edge")
    return np.convolve(padded, np.ones(width) / width, mode="valid")

"""Stated against observed shares, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.errors import ResultError
from tracker.lab.fitting import quality, reliability

#: Probabilities (N,) and what was right (N,).
Judged = tuple[NDArray[np.float64], NDArray[np.bool_]]


def draw_reliability(judged: Mapping[str, Judged], path: Path) -> None:
    """Write a PNG: for each set of boxes a curve that would lie on the diagonal if all stated shares held.

    Args:
        judged: by what the set is called.
        path: of the picture.

    Raises:
        ResultError: the picture cannot be written.
    """
    # the object interface, because pyplot would look for a screen
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 7), layout="constrained")
    FigureCanvasAgg(figure)
    curves, masses = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    curves.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1, label="as stated")
    for name, (probability, right) in judged.items():
        if not len(right):
            continue
        bins, figures = reliability(probability, right), quality(probability, right)
        label = f"{name}: {figures.boxes} boxes, off by {figures.ece:.3f} on average"
        curves.plot(bins[:, 0], bins[:, 1], marker="o", markersize=4, label=label)
        shares = np.full(len(right), 1 / len(right))
        masses.hist(probability, bins=np.linspace(0, 1, 41).tolist(), weights=shares, histtype="step")
    curves.set(ylabel="share of boxes that were right", xlim=(0, 1), ylim=(0, 1.01))
    curves.grid(alpha=0.3)
    curves.legend(loc="upper left", frameon=False)
    masses.set(xlabel="stated confidence", ylabel="share of boxes")
    try:
        figure.savefig(path, dpi=110, format="png")
    except OSError as exc:
        raise ResultError(f"cannot write the picture {path}: {exc.strerror}") from exc

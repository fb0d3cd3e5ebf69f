"""HOTA and its parts by overlap, as a picture."""

from __future__ import annotations

from pathlib import Path

from tracker.errors import ResultError
from tracker.evaluation.hota import THRESHOLDS, TrackingScore


def plot_hota(score: TrackingScore, path: Path) -> None:
    """Write a PNG with HOTA, DetA and AssA over the least overlap of a match.

    Raises:
        ResultError: the picture cannot be written.
    """
    # the object interface, because pyplot would look for a screen
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, meaning in (("HOTA", ""), ("DetA", ", are they found"), ("AssA", ", do they keep their ids")):
        curve = score.curve(name)
        label = f"{name} {100 * curve.mean():.1f}{meaning}"
        axes.plot(THRESHOLDS, 100 * curve, marker="o", markersize=3, label=label)
    axes.set(xlabel="least IoU of a match", ylabel="%", xlim=(0, 1), ylim=(0, 101))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left", frameon=False)
    try:
        figure.savefig(path, dpi=110, format="png")
    except OSError as exc:
        raise ResultError(f"cannot write the picture {path}: {exc.strerror}") from exc

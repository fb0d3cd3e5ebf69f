"""Precision over recall as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.evaluation.kinds import Tally
from detectors.evaluation.precision import ANY_VEHICLE

#: Why a dot may lie off its curve, for those who look at the picture alone.
WHY_OFF = (
    "A dot may lie off its curve: it is of the detector as it comes (one class a place, NMS 0.5 unless set "
    "otherwise), the curve of all answers"
)


def plot_recall_curves(
    curves: Mapping[str, NDArray[np.float64]], tallies: Mapping[str, Tally], score: float, picture: Path
) -> None:
    """Draw every curve of ``recall_curves``, and a dot where the detector stands as it is used.

    The curve is of all answers, also overlapping ones of several classes; in use there is one a place. So the
    dot may lie off its curve, which a line under the picture says.

    Raises:
        OSError: the picture cannot be written.
    """
    # the object interface, because pyplot would look for a screen
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    recall = np.linspace(0, 1, 101)
    for number, (name, curve) in enumerate(curves.items()):
        tally, reached = tallies[name], int(np.count_nonzero(curve))
        label = f"{name.replace('_', ' ')}: AP50 {curve.mean():.3f}, {tally.boxes} boxes"
        ink = "black" if name == ANY_VEHICLE else f"C{number}"
        axes.plot(recall[:reached], curve[:reached], color=ink, label=label)
        axes.plot(tally.recall, tally.precision, "o", color=ink, clip_on=False)
    axes.plot([], [], "o", color="grey", label=f"as it is used, from score {score:.2f} on")
    axes.set(xlabel="recall", ylabel="precision at IoU 0.5", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    figure.supxlabel(WHY_OFF, fontsize="small", color="grey")
    figure.savefig(picture, dpi=110)

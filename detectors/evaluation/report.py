"""The folder of an evaluation: curves, sheets of the worst errors, and all errors as a table."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.evaluation.curves import plot_recall_curves
from detectors.evaluation.kinds import Error, Tally
from detectors.evaluation.sheets import draw_sheet, largest_misses, sheet_title, surest_false_alarms
from detectors.opencv import load_cv2

cv2 = load_cv2()

COLUMNS = (
    *("what", "set", "file", "x1", "y1", "x2", "y2", "class", "score", "kind"),
    *("other_class", "other_score", "other_iou"),
)


def write_report(
    folder: Path,
    content: Mapping[str, object],
    curves: Mapping[str, NDArray[np.float64]],
    tallies: Mapping[str, Tally],
    errors: Sequence[Error],
    score: float,
) -> None:
    """Write all files of the report; earlier ones of the same names are replaced.

    Args:
        folder: made if need be.
        content: of ``figures.json``.
        curves: by name the precision (101,) at recall 0 to 1.
        tallies: by name, of the detector as it is used.
        errors: all of them.
        score: least score of an answer, as it is used.

    Raises:
        OSError: a file cannot be written.
        DataError: a picture cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_text(json.dumps(content, indent=1) + "\n")
    _write_errors(errors, folder / "errors.csv")
    plot_recall_curves(curves, tallies, score, folder / "precision_recall.png")
    misses = sum(error.missed for error in errors)
    alarms = len(errors) - misses
    sheets = (
        ("misses", largest_misses, f"Largest of {misses} misses", "what was seen there"),
        ("false_alarms", surest_false_alarms, f"Surest of {alarms} false alarms", "the label"),
    )
    for name, chosen, title, other in sheets:
        sheet = draw_sheet(chosen(errors), sheet_title(title, score, other))
        (folder / f"{name}.png").write_bytes(cv2.imencode(".png", sheet)[1].tobytes())


def _write_errors(errors: Sequence[Error], path: Path) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for error in errors:
            writer.writerow(_row(error))


def _row(error: Error) -> list[object]:
    box = [f"{value:.1f}" for value in error.box.tolist()]
    place = [error.picture.set_name, error.picture.path.name, *box]
    row = ["miss" if error.missed else "false alarm", *place, error.name, _rounded(error.score), error.kind]
    other = error.other
    return [*row, *((other.name, _rounded(other.score), _rounded(other.iou)) if other else ("", "", ""))]


def _rounded(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"

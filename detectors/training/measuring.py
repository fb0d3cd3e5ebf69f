"""How precise a detector is on the val split: at the end of its training, and now and then before."""

from __future__ import annotations

import math
import time
from pathlib import Path

from detectors.catalog import load_detector
from detectors.dataset import Picture, read_picture, read_sets
from detectors.errors import EmptySplitError
from detectors.evaluation import ANY_VEHICLE, Precision, detect_all, evaluate, mean_ap50
from detectors.training.curves import append_row, cut_rows
from detectors.training.engine import Report, Training
from detectors.training.request import Request
from detectors.zoo._weights import Description, save_weights

TABLE = "measured.csv"
#: After a measurement it is learnt for at least so many times as long.
LEARNING = 4


def read_validation(request: Request) -> list[Picture]:
    """Return the pictures of the val split; none where there is no such split, or no labels.

    Raises:
        DataError: there is one, and it is damaged.
    """
    if not request.data:
        return []
    try:
        return read_sets(request.data, "val", request.class_names)
    except EmptySplitError:
        return []


def measure(file: Path, device: str, pictures: list[Picture]) -> dict[str, Precision]:
    """Return the precision of weights on these pictures; empty where there are none.

    Args:
        file: of the weights.
        device: "cpu", "cuda" or "auto".
        pictures: labelled with the classes of the weights.
    """
    if not pictures:
        return {}
    options = {"score": 0.01, "nms_iou": 0.6, "one_class_a_place": False, "device": device}
    detector = load_detector(str(file), **options)
    return evaluate(pictures, detect_all(detector, pictures, read_picture), detector.class_names)


class Watch:
    """Reports every step, and every so often measures the averaged weights.

    That does not change what is learnt. Its time counts as time of the training, but is never more than a
    fifth of it. A row a time goes to ``measured.csv`` in the training's folder, before any ``--shift``.

    Args:
        report: told of every step.
        request: says how often, and on what.
        description: of the weights.
        pictures: of the val split.
    """

    def __init__(
        self, report: Report, request: Request, description: Description, pictures: list[Picture]
    ) -> None:
        """Wait for the first step."""
        self.report, self.request, self.description = report, request, description
        self.pictures = pictures
        self.every_s = 60 * request.measure_every if request.measure_every else math.inf
        self._due_s: float | None = None

    def __call__(self, training: Training, losses: dict[str, float]) -> None:
        """Take note of a step; of that of the first process alone."""
        self.report(training, losses)
        if self._due_s is None:
            cut_rows(training.folder / TABLE, training.step - 1)  # what comes behind a checkpoint comes again
            self._due_s = training.seconds + self.every_s
        if training.seconds < self._due_s or training.progress >= 1:  # the end is measured anyhow
            return
        began = time.monotonic()
        self._measure(training)
        took = time.monotonic() - began
        self._due_s = training.seconds + took + max(self.every_s, LEARNING * took)

    def _measure(self, training: Training) -> None:
        training.save()  # a measurement takes a while, and may fail
        file = training.folder / "measured.pt"
        try:
            save_weights(file, training.average.module, self.description)
            note(training, measure(file, self.request.device, self.pictures))
        finally:
            file.unlink(missing_ok=True)


def note(training: Training, precisions: dict[str, Precision]) -> None:
    """Write the row of what was measured at this step of a training."""
    table = training.folder / TABLE
    cut_rows(table, training.step - 1)
    row: dict[str, object] = {"step": training.step, "pictures": training.step * training.schedule.batch}
    row["ap50_mean"] = f"{mean_ap50(precisions, [name for name in precisions if name != ANY_VEHICLE]):.4f}"
    if ANY_VEHICLE in precisions:
        row["ap50_any_vehicle"] = f"{precisions[ANY_VEHICLE].ap50:.4f}"
    append_row(table, row)

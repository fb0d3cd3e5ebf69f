"""Boxes from what ONNX models return, by the kinds that are about; see ``onnx.py``.

Scores are looked through first, and only boxes of what is sure enough are decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import cxcywh_to_xyxy
from detectors.errors import WeightsError

Array = NDArray[Any]
STRIDES = (8, 16, 32)
#: Before NMS. With 1000, YOLOX lost 0.003 of AP50 on crowded streets.
MOST_CANDIDATES = 10_000
#: As the project's own one-stage networks, so that their models say what their weights say.
MOST_OF_CLASSES = 1000


class Seen(NamedTuple):
    """What is on one picture.

    Attributes:
        boxes: float32 (N, 4) xyxy in pixels of the input.
        scores: float32 (N,).
        labels: int64 (N,), places in ``Wanted.classes``.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]


class Wanted(NamedTuple):
    """What is asked of a model.

    Attributes:
        classes: int64 (K,), the model's indices of the classes that are kept.
        score: least score of a detection.
        size: width and height of the input in pixels.
    """

    classes: NDArray[np.int64]
    score: float
    size: tuple[int, int]


class ShapeError(Exception):
    """The outputs are not those of the kind."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to say boxes.

    Attributes:
        outputs: names of the model's outputs, as far as they have usual ones.
        shapes: of these outputs, for messages.
        decode: takes the outputs of one picture.
        nms: "none" where every object is said once; "cells" where a cell means one object, so that boxes of
            different classes are weighed up in one go; "classes" where each class is gone through first, as
            with the project's own networks.
        together: the outputs of several pictures have a first dimension for them.
    """

    outputs: tuple[str, ...]
    shapes: str
    decode: Callable[[Sequence[Array], Wanted], Seen]
    nms: Literal["none", "cells", "classes"]
    together: bool = True


def decode(kind: str, outputs: Sequence[Array], number: int, wanted: Wanted, name: str) -> list[Seen]:
    """Return what is on each picture.

    Args:
        kind: one of ``KINDS``.
        outputs: of the model, in the kind's order.
        number: of pictures.
        wanted: what is asked.
        name: of the model, for messages.

    Raises:
        WeightsError: the outputs have not the shapes of the kind.
    """
    form = KINDS[kind]
    try:
        if not form.together:
            return [form.decode(outputs, wanted)]
        if any(output.ndim == 0 or len(output) != number for output in outputs):
            raise ShapeError
        return [form.decode([output[place] for output in outputs], wanted) for place in range(number)]
    except ShapeError as exc:
        shapes = ", ".join(str(output.shape) for output in outputs)
        why = f" ({exc})" if str(exc) else ""
        raise WeightsError(
            f"{name} returns {shapes} for an input of {wanted.size[0]}x{wanted.size[1]}{why}: "
            f"kind {kind} is {form.shapes}"
        ) from exc


def _yolox(outputs: Sequence[Array], wanted: Wanted) -> Seen:
    (cells,) = outputs
    _expect_table(cells, 5, wanted)
    centres, strides = _grid(wanted.size, len(cells))
    rows, scores, labels = _sure_cells(cells, wanted)
    stride = strides[rows]
    centre = (cells[rows, :2] + centres[rows]) * stride
    # e^20 pixels are more than any picture has, and more would be more than a float holds
    extent = np.exp(np.minimum(cells[rows, 2:4], 20)) * stride
    return Seen(cxcywh_to_xyxy(np.concatenate([centre, extent], 1)), scores, labels)


def _yolov5(outputs: Sequence[Array], wanted: Wanted) -> Seen:
    (cells,) = outputs
    _expect_table(cells, 5, wanted)
    rows, scores, labels = _sure_cells(cells, wanted)
    return Seen(cxcywh_to_xyxy(cells[rows, :4]), scores, labels)


def _yolov8(outputs: Sequence[Array], wanted: Wanted) -> Seen:
    cells = outputs[0].T
    _expect_table(cells, 4, wanted)
    rows, scores, labels = _best(cells[:, 4 + wanted.classes], wanted.score)
    return Seen(cxcywh_to_xyxy(cells[rows, :4]), scores, labels)


def _boxes_scores(outputs: Sequence[Array], wanted: Wanted) -> Seen:
    boxes, scores = outputs
    if boxes.ndim != 2 or scores.ndim != 2 or boxes.shape != (len(scores), 4):
        raise ShapeError
    _expect_classes(scores.shape[1], wanted)
    rows, values, labels = _best(scores[:, wanted.classes], wanted.score, MOST_OF_CLASSES)
    return Seen(_float(boxes[rows]), values, labels)


def _end_to_end(outputs: Sequence[Array], wanted: Wanted) -> Seen:
    (rows,) = outputs
    if rows.ndim != 2 or rows.shape[1] != 6:
        raise ShapeError
    return _listed(rows[:, :4], rows[:, 4], rows[:, 5], wanted)


def _torchvision(outputs: Sequence[Array], wanted: Wanted) -> Seen:
    boxes, labels, scores = outputs
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not labels.shape == scores.shape == (len(boxes),):
        raise ShapeError
    return _listed(boxes, scores, labels, wanted)


KINDS = {
    "yolox": Kind(("output",), "(N, A, 5 + C) with one cell a box at strides 8, 16, 32", _yolox, "cells"),
    "yolov5": Kind(("output0",), "(N, A, 5 + C)", _yolov5, "cells"),
    "yolov8": Kind(("output0",), "(N, 4 + C, A)", _yolov8, "cells"),
    "end_to_end": Kind(("output0",), "(N, K, 6)", _end_to_end, "none"),
    "boxes_scores": Kind(
        ("boxes", "scores"), "boxes (N, A, 4) and scores (N, A, C)", _boxes_scores, "classes"
    ),
    "torchvision": Kind(
        ("boxes", "labels", "scores"),
        "boxes (K, 4), labels (K,) and scores (K,)",
        _torchvision,
        "none",
        together=False,
    ),
}


def _sure_cells(
    cells: Array, wanted: Wanted
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Look through cells (A, 5 + C) whose scores are objectness times class."""
    objects = np.flatnonzero(cells[:, 4] >= wanted.score)  # no product is greater than its objectness
    classes = cells[objects[:, None], 5 + wanted.classes]
    rows, scores, labels = _best(cells[objects, 4:5] * classes, wanted.score)
    return objects[rows], scores, labels


def _best(
    scores: Array, least: float, most: int = MOST_CANDIDATES
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Return rows, scores and columns of what is sure enough in scores (A, K), best first."""
    rows, columns = np.nonzero(scores >= least)
    values = _float(scores[rows, columns])
    order = np.argsort(-values, kind="stable")[:most]
    return rows[order], np.clip(values[order], 0, 1), columns[order]


def _listed(boxes: Array, scores: Array, labels: Array, wanted: Wanted) -> Seen:
    """Keep the wanted of boxes that stand one by one."""
    matches = labels.astype(np.int64)[:, None] == wanted.classes
    rows, places = np.nonzero(matches & (scores >= wanted.score)[:, None])
    order = np.argsort(-scores[rows], kind="stable")
    rows, places = rows[order], places[order]
    return Seen(_float(boxes[rows]), np.clip(_float(scores[rows]), 0, 1), places)


def _expect_table(cells: Array, before: int, wanted: Wanted) -> None:
    """Check cells of (A, ``before`` + C). There are more cells than columns: else they lie on their side."""
    if cells.ndim != 2 or not 0 < cells.shape[1] - before < len(cells):
        raise ShapeError
    _expect_classes(cells.shape[1] - before, wanted)


def _expect_classes(number: int, wanted: Wanted) -> None:
    if wanted.classes.max() >= number:
        raise ShapeError(f"C is {number}, and [classes] names {wanted.classes.max()}; the first is 0")


def _grid(size: tuple[int, int], cells: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return places (A, 2) in cells and strides (A, 1) of all levels; large models have a fourth."""
    for strides in (STRIDES, (*STRIDES, 64)):
        sides = [(size[0] // stride, size[1] // stride) for stride in strides]
        if sum(across * down for across, down in sides) == cells:
            places = [np.indices((down, across))[::-1].reshape(2, -1).T for across, down in sides]
            each = [np.full((across * down, 1), s) for (across, down), s in zip(sides, strides, strict=True)]
            return np.concatenate(places).astype(np.float32), np.concatenate(each).astype(np.float32)
    raise ShapeError


def _float(values: Array) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)

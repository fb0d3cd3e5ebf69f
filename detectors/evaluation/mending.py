"""What a detector's answers would be if one kind of error were mended.

The precision of such answers tells what that kind costs, as TIDE's oracles do (Bolya et al., ECCV 2020): an
answer of that kind becomes the hit of its object, or goes where the object was found already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors import boxes as boxlib
from detectors.dataset import Picture
from detectors.detections import Detections
from detectors.evaluation.errors import HIT_IOU, NEAR_IOU, ignored_by


def with_right_classes(pictures: Sequence[Picture], found: Sequence[Detections]) -> list[Detections]:
    """Return answers that have the class of the object at which they are (IoU 0.5).

    Args:
        pictures: labelled.
        found: on each of them, down to a low score; labels as the pictures'.
    """
    return [_right_classes(*pair) for pair in zip(pictures, found, strict=True)]


def with_right_boxes(pictures: Sequence[Picture], found: Sequence[Detections]) -> list[Detections]:
    """Return answers that lie where an object of their class is, if they were near it (IoU 0.1 to 0.5).

    Args:
        pictures: labelled.
        found: on each of them, down to a low score; labels as the pictures'.
    """
    return [_right_boxes(*pair) for pair in zip(pictures, found, strict=True)]


def _right_classes(picture: Picture, found: Detections) -> Detections:
    overlaps, same, objects = _compared(picture, found)
    own, other = _mended(found.scores, overlaps, same, overlaps >= HIT_IOU)
    labels = found.labels.copy()
    labels[own] = picture.labels[objects[other]]
    return replace(found, labels=labels).select(_left(own, overlaps, same, overlaps >= HIT_IOU))


def _right_boxes(picture: Picture, found: Detections) -> Detections:
    overlaps, same, objects = _compared(picture, found)
    near = same & (overlaps >= NEAR_IOU)
    own, other = _mended(found.scores, overlaps, same, near)
    boxes = found.boxes.copy()
    boxes[own] = picture.boxes[objects[other]]
    return replace(found, boxes=boxes).select(_left(own, overlaps, same, near))


def _compared(
    picture: Picture, found: Detections
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.intp]]:
    """Return the IoU (K, N) of answers and objects of known class, where classes agree, and the objects.

    Answers that count neither way, as they lie in what is to be ignored, are at nothing: IoU 0.
    """
    known = picture.labels < len(picture.annotated)
    objects = np.flatnonzero(known)
    overlaps = boxlib.iou(found.boxes, picture.boxes[objects]).reshape(len(found.boxes), len(objects))
    ignored = ignored_by(found.boxes, np.concatenate([picture.ignore, picture.boxes[~known]]))
    overlaps = np.where(ignored[:, None] & (overlaps < HIT_IOU), 0, overlaps).astype(np.float32)
    return overlaps, found.labels[:, None] == picture.labels[objects], objects


def _wrong(
    overlaps: NDArray[np.float32], same: NDArray[np.bool_], nearly: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return bool (K,): the answer is at no object of its class, but nearly so."""
    at_its_own = (same & (overlaps >= HIT_IOU)).any(1)
    return np.asarray(nearly.any(1) & np.logical_not(at_its_own), np.bool_)


def _mended(
    scores: NDArray[np.float32],
    overlaps: NDArray[np.float32],
    same: NDArray[np.bool_],
    nearly: NDArray[np.bool_],
) -> tuple[list[int], list[int]]:
    """Return the answers that become hits, and whose: each object that was not found gets its surest one."""
    free = np.logical_not((same & (overlaps >= HIT_IOU)).any(0))
    wrong = _wrong(overlaps, same, nearly)
    rows: list[int] = []
    objects: list[int] = []
    for row in np.argsort(-scores, kind="stable"):
        if not wrong[row]:
            continue
        best = int(np.where(nearly[row], overlaps[row], -1).argmax())
        if free[best]:
            free[best] = False
            rows.append(int(row))
            objects.append(best)
    return rows, objects


def _left(
    mended: Sequence[int],
    overlaps: NDArray[np.float32],
    same: NDArray[np.bool_],
    nearly: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    left = ~_wrong(overlaps, same, nearly)
    left[list(mended)] = True
    return left

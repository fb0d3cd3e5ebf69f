"""Average precision of a detector on labelled pictures that are only partly annotated.

A class is scored on the pictures of the sets that annotate it. Ignore regions, boxes of unknown class and
boxes with a short side under 6 pixels are neither hits nor misses. For ``any_vehicle`` car, bus and truck are
one class, and vehicles of unknown class count too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import nms

from detectors.boxes import xyxy_to_xywh
from detectors.dataset import VEHICLES, Picture
from detectors.detections import Detections
from detectors.frame import Frame
from detectors.protocol import Detector

MIN_SIDE_PX = 6.0
ANY_VEHICLE = "any_vehicle"
#: Sizes by the short side of a box in pixels of the stored picture: from, up to.
EVERY_SIZE = (0.0, 1e5)
SIZES = {"under 16 px": (0.0, 16.0), "16 to 48 px": (16.0, 48.0), "over 48 px": (48.0, 1e5)}


@dataclass(frozen=True, slots=True)
class Precision:
    """Average precision of one class.

    Attributes:
        ap50: at IoU 0.5; nan without boxes.
        ap: mean over IoU 0.5 to 0.95; nan without boxes.
        boxes: number of boxes that had to be found.
    """

    ap50: float
    ap: float
    boxes: int


def detect_all(
    detector: Detector,
    pictures: Iterable[Picture],
    read: Callable[[Picture], NDArray[np.uint8]],
) -> list[Detections]:
    """Return the detector's answer for every picture, one by one as in use."""
    return [detector.detect([Frame(read(picture))])[0] for picture in pictures]


def evaluate(
    pictures: Sequence[Picture],
    found: Sequence[Detections],
    class_names: Sequence[str],
    sides: tuple[float, float] = EVERY_SIZE,
) -> dict[str, Precision]:
    """Return the precision by class name, and of ``any_vehicle``.

    Args:
        pictures: labelled; their labels are indices into ``class_names``.
        found: the detections on each of them, down to a low score.
        class_names: of the labels.
        sides: least and largest short side of the boxes to find, in pixels.
    """
    return {
        target.name: average_precision(*_cases(pictures, found, target), sides)
        for target in targets_of(class_names)
    }


def recall_curves(
    pictures: Sequence[Picture], found: Sequence[Detections], class_names: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Return by name the precision (101,) at IoU 0.5 and recall 0.00 to 1.00, whose mean is AP50.

    It is COCO's: the best precision at this recall or a higher one. Names without boxes are left out.
    """
    curves = {}
    for target in targets_of(class_names):
        truths, answers = _cases(pictures, found, target)
        if sum(len(boxes) for boxes, _ in truths):
            curves[target.name] = _curves(truths, answers, EVERY_SIZE)[0]
    return curves


def by_set(
    pictures: Sequence[Picture], found: Sequence[Detections], class_names: Sequence[str]
) -> dict[str, dict[str, Precision]]:
    """Return what ``evaluate`` returns, for the pictures of each set apart."""
    result = {}
    for name in sorted({picture.set_name for picture in pictures}):
        rows = [i for i, picture in enumerate(pictures) if picture.set_name == name]
        result[name] = evaluate([pictures[i] for i in rows], [found[i] for i in rows], class_names)
    return result


def mean_ap50(precisions: dict[str, Precision], class_names: Sequence[str]) -> float:
    """Return the mean AP50 of the classes that have boxes; nan if none has."""
    values = [precisions[name].ap50 for name in class_names if precisions[name].boxes]
    return float(np.mean(values)) if values else float("nan")


def figures(precisions: Mapping[str, Precision], class_names: Sequence[str]) -> dict[str, object]:
    """Return the precisions in plain, rounded numbers for the manifest."""
    if not precisions:
        return {}
    by_class = {
        name: {key: round(value, 3) for key, value in asdict(p).items()}
        for name, p in precisions.items()
        if p.boxes
    }
    result: dict[str, object] = {"by_class": by_class}
    result["ap50_mean"] = round(mean_ap50(dict(precisions), class_names), 3)
    if ANY_VEHICLE in by_class:
        result["ap50_any_vehicle"] = by_class[ANY_VEHICLE]["ap50"]
    return result


Truth = tuple[NDArray[np.float32], NDArray[np.float32]]  # boxes to find, boxes to ignore
Found = tuple[NDArray[np.float32], NDArray[np.float32]]  # boxes, scores


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be found: one class, or classes that count as one.

    Attributes:
        name: of the class or the group.
        labels: of its classes.
        unknown: label of a vehicle of unknown class. For the group of all vehicles it is one more to find;
            for a single class it is neither a hit nor a miss.
        group: whether it is the group of all vehicles.
    """

    name: str
    labels: tuple[int, ...]
    unknown: int
    group: bool = False


def targets_of(class_names: Sequence[str]) -> list[Target]:
    """Return every class, and ``any_vehicle`` where there are vehicles among them."""
    unknown = len(class_names)
    single = [Target(name, (label,), unknown) for label, name in enumerate(class_names)]
    vehicles = tuple(label for label, name in enumerate(class_names) if name in VEHICLES)
    return [*single, Target(ANY_VEHICLE, vehicles, unknown, group=True)] if vehicles else single


def truth_of(picture: Picture, target: Target) -> Truth | None:
    """Return the boxes to find and those to ignore; None where the target was not annotated."""
    if not picture.annotated[list(target.labels)].all():
        return None
    own = np.isin(picture.labels, target.labels)
    unknown = picture.labels == target.unknown
    if target.group:
        own, unknown = own | unknown, np.zeros_like(unknown)
    small = (picture.boxes[:, 2:] - picture.boxes[:, :2]).min(1, initial=np.inf) < MIN_SIDE_PX
    ignore = (own & small) | unknown
    return picture.boxes[own & ~small], np.concatenate([picture.ignore, picture.boxes[ignore]])


def answers_of(detections: Detections, target: Target) -> Detections:
    """Return the detections of the target's classes; of a group, one a place."""
    mine = detections.select(np.isin(detections.labels, target.labels))
    if not target.group:
        return mine
    return mine.select(nms(torch.from_numpy(mine.boxes), torch.from_numpy(mine.scores), 0.6).numpy())


def _cases(
    pictures: Sequence[Picture], found: Sequence[Detections], target: Target
) -> tuple[list[Truth], list[Found]]:
    truths, answers = [], []
    for picture, detections in zip(pictures, found, strict=True):
        if (truth := truth_of(picture, target)) is not None:
            truths.append(truth)
            own = answers_of(detections, target)
            answers.append((own.boxes, own.scores))
    return truths, answers


def average_precision(
    truths: Sequence[Truth], answers: Sequence[Found], sides: tuple[float, float] = EVERY_SIZE
) -> Precision:
    """Return the average precision of one class, by COCO's rules with 300 boxes a picture.

    Args:
        truths: of each picture the boxes to find (N, 4) and those to ignore (M, 4), xyxy.
        answers: on each picture the boxes (K, 4) and scores (K,).
        sides: boxes with a short side outside this range (pixels) are neither hits nor misses, and neither
            are answers of such a size that match nothing.
    """
    number = sum(_within(boxes, sides) for boxes, _ in truths)
    if not number:
        return Precision(float("nan"), float("nan"), number)
    precision = _curves(truths, answers, sides)
    return Precision(float(precision[0].mean()), float(precision.mean()), number)


def _curves(
    truths: Sequence[Truth], answers: Sequence[Found], sides: tuple[float, float]
) -> NDArray[np.float64]:
    """Return the precision (10, 101) at IoU 0.5 to 0.95 and recall 0 to 1; 0 where nothing is found."""
    if not any(len(boxes) for boxes, _ in answers):
        return np.zeros((10, 101))
    return _precision_at_recalls(_coco_labels(truths), _coco_rows(answers), sides)


def _coco_labels(truths: Sequence[Truth]) -> dict[str, Any]:
    """Return the labels in COCO's form, with ignore regions as its crowds: their rule is what is needed."""
    labelled = [
        (i, box, crowd)
        for i, truth in enumerate(truths)
        for crowd, boxes in enumerate(truth)
        for box in xyxy_to_xywh(boxes)
    ]
    annotations = [
        {"id": n, "image_id": i, "category_id": 1, "bbox": box.tolist(), "iscrowd": crowd}
        for n, (i, box, crowd) in enumerate(labelled, 1)
    ]
    _measure_by_short_side(annotations)
    return {
        "images": [{"id": i} for i in range(len(truths))],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "object"}],
    }


def _coco_rows(answers: Sequence[Found]) -> list[dict[str, Any]]:
    return [
        {"image_id": i, "category_id": 1, "bbox": box.tolist(), "score": float(score)}
        for i, (boxes, scores) in enumerate(answers)
        for box, score in zip(xyxy_to_xywh(boxes), scores, strict=True)
    ]


def _precision_at_recalls(
    labels: dict[str, Any], rows: list[dict[str, Any]], sides: tuple[float, float]
) -> NDArray[np.float64]:
    """Return COCO's precision (10, 101) at IoU 0.5 to 0.95 and recall 0 to 1."""
    from faster_coco_eval import COCO, COCOeval_faster

    truth = COCO(labels)
    answer = truth.loadRes(rows)
    _measure_by_short_side(answer.dataset["annotations"])
    scorer = COCOeval_faster(truth, answer, "bbox", print_function=lambda *_: None)
    scorer.params.maxDets = [1, 100, 300]
    scorer.params.areaRng = [sides]
    scorer.params.areaRngLbl = scorer.params.areaRngLbl[:1]
    scorer.evaluate()
    scorer.accumulate()
    return np.asarray(scorer.eval["precision"][:, :, 0, 0, -1], np.float64)


def _within(boxes: NDArray[np.float32], sides: tuple[float, float]) -> int:
    short = (boxes[:, 2:] - boxes[:, :2]).min(1, initial=np.inf)
    return int(((short >= sides[0]) & (short < sides[1])).sum())


def _measure_by_short_side(annotations: Sequence[dict[str, Any]]) -> None:
    """Put the short side where COCO's rules look for the size: a long lorry far away is small."""
    for annotation in annotations:
        annotation["area"] = float(min(annotation["bbox"][2:]))

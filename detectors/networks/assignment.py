"""Which cell learns which object, and the losses that follow, on partly annotated pictures.

Task-aligned assignment (Feng et al., "TOOD", ICCV 2021): of the cells inside a box those learn it that
already see it best, by score^alpha * IoU^beta, and their target is how well they see it. Negatives are
weighted by their own score (Zhang et al., "VarifocalNet", CVPR 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import box_iou, generalized_box_iou_loss

from detectors.networks.targets import UNANNOTATED_WEIGHT, Target, annotated_at, lying_in

BEST = 10
ALPHA, BETA = 0.5, 4.0
NEGATIVE_WEIGHT, FOCUS = 0.75, 2.0
BOX_WEIGHT = 2.5
#: A cell takes part if it lies in the box, or this near to its centre (in strides): boxes smaller than a
#: stride may have no cell in them.
REACH = 0.75


@dataclass(frozen=True, slots=True)
class Cells:
    """All cells of a feature pyramid.

    Attributes:
        centres: float32 (A, 2) in pixels of the input.
        strides: float32 (A,) in pixels.
    """

    centres: Tensor
    strides: Tensor


@dataclass(frozen=True, slots=True)
class Assigned:
    """What the cells of one picture are to say.

    Attributes:
        scores: float (A, C), wanted scores: the quality of the cell's box for its object's class, else 0.
        weights: float (A, C), of the negatives; 0 where nothing is known.
        cells: int64 (P,), the cells that learn an object.
        objects: int64 (P,), row of the object in the target.
    """

    scores: Tensor
    weights: Tensor
    cells: Tensor
    objects: Tensor


class Loss:
    """Losses of a batch.

    Args:
        classes: number of classes C.
        vehicle_classes: 0-based classes that a vehicle of unknown class may be.
    """

    def __init__(self, classes: int, vehicle_classes: tuple[int, ...]) -> None:
        """Remember the classes."""
        self.classes = classes
        self.vehicle_classes = list(vehicle_classes)

    def __call__(
        self, cells: Cells, logits: Tensor, boxes: Tensor, targets: list[Target]
    ) -> dict[str, Tensor]:
        """Return ``loss_class`` and ``loss_box``, each divided by the sum of all wanted scores.

        Args:
            cells: of the pyramid.
            logits: float (N, A, C).
            boxes: float (N, A, 4) xyxy in pixels.
            targets: one a picture.
        """
        class_loss, box_loss = logits.sum() * 0, boxes.sum() * 0
        total = logits.new_zeros(())
        for row, target in enumerate(targets):
            with torch.no_grad():
                assigned = self.assign(cells, logits[row].sigmoid(), boxes[row], target)
            class_loss = class_loss + varifocal(logits[row], assigned.scores, assigned.weights)
            quality = assigned.scores[assigned.cells].amax(1)
            wanted = target["boxes"][assigned.objects]
            box_loss = (
                box_loss
                + (
                    generalized_box_iou_loss(boxes[row][assigned.cells], wanted, reduction="none") * quality
                ).sum()
            )
            total = total + assigned.scores.sum()
        total = total.clamp(min=1.0)
        return {"loss_class": class_loss / total, "loss_box": BOX_WEIGHT * box_loss / total}

    def assign(self, cells: Cells, scores: Tensor, boxes: Tensor, target: Target) -> Assigned:
        """Return what the cells of one picture are to say.

        Args:
            cells: of the pyramid.
            scores: float (A, C) in [0, 1], as predicted.
            boxes: float (A, 4), as predicted.
            target: of the picture.
        """
        weights = self._known(cells, target)
        wanted = torch.zeros_like(scores)
        none = torch.zeros(0, dtype=torch.int64, device=scores.device)
        if not len(target["boxes"]):
            return Assigned(wanted, weights, none, none)
        overlap = box_iou(target["boxes"], boxes).clamp(min=0)  # (M, A)
        alignment = self._scores_for(scores, target["labels"]) ** ALPHA * overlap**BETA
        alignment = alignment * _within(cells, target["boxes"])
        chosen = _best(alignment)
        # a cell that several objects want goes to the one that it overlaps most
        owner = (overlap * chosen).argmax(0)
        places = torch.where(chosen.any(0))[0]
        objects = owner[places]
        quality = _quality(alignment, overlap, chosen)[objects, places]
        labels = self._labels(scores[places], target["labels"][objects])
        wanted[places, labels] = quality
        weights[places] = 1.0  # what an object is, is known, and so is what it is not
        return Assigned(wanted, weights, places, objects)

    def _known(self, cells: Cells, target: Target) -> Tensor:
        """Return the weights (A, C) of negatives: little for what is not annotated, 0 in ignore regions."""
        points = torch.cat([cells.centres, cells.centres], 1)
        known = annotated_at(points, target)
        weights = torch.where(known, 1.0, UNANNOTATED_WEIGHT)
        weights[lying_in(cells.centres, target["ignore"])] = 0.0
        return weights

    def _scores_for(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return the score (M, A) that each cell gives to each object's class."""
        some_vehicle = (
            scores[:, self.vehicle_classes].amax(1, keepdim=True)
            if self.vehicle_classes
            else scores.new_zeros(len(scores), 1)
        )
        table = torch.cat([scores, some_vehicle], 1)  # label C + 1 (from 1) is a vehicle of unknown class
        return table[:, labels - 1].T

    def _labels(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return 0-based classes (P,); an unknown vehicle is what its cell takes it for."""
        result = labels - 1
        unclear = result == self.classes
        if unclear.any():
            vehicles = torch.tensor(self.vehicle_classes, device=labels.device)
            result = torch.where(unclear, vehicles[scores[:, self.vehicle_classes].argmax(1)], result)
        return result


def varifocal(logits: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    """Return the sum of the binary cross entropies, positives weighted by their quality.

    Args:
        logits: float (A, C).
        wanted: float (A, C), quality of the positives, 0 for negatives.
        weights: float (A, C), of the negatives.
    """
    negative = NEGATIVE_WEIGHT * logits.detach().sigmoid() ** FOCUS * weights
    weight = torch.where(wanted > 0, wanted, negative)
    return (F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * weight).sum()


def _within(cells: Cells, boxes: Tensor) -> Tensor:
    """Return bool (M, A): the cell lies in the box, or near its centre."""
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = torch.maximum(half[:, None], (REACH * cells.strides)[None, :, None])
    return ((cells.centres[None] - centre[:, None]).abs() < reach).all(-1)


def _best(alignment: Tensor) -> Tensor:
    """Return bool (M, A): the best cells of each object."""
    number = min(BEST, alignment.shape[1])
    values, places = alignment.topk(number, dim=1)
    chosen = torch.zeros_like(alignment, dtype=torch.bool)
    return chosen.scatter(1, places, values > 0)


def _quality(alignment: Tensor, overlap: Tensor, chosen: Tensor) -> Tensor:
    """Return the wanted scores (M, A): the alignment, scaled so that an object's best equals its best IoU."""
    alignment = alignment * chosen
    best = alignment.amax(1, keepdim=True).clamp(min=1e-9)
    return alignment / best * (overlap * chosen).amax(1, keepdim=True)

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

from detectors.networks.targets import UNANNOTATED_WEIGHT, Target, inside, together

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
    """What the cells of a batch are to say.

    Attributes:
        scores: float (N, A, C), wanted scores: the quality of the cell's box for its object's class, else 0.
        weights: float (N, A, C), of the negatives; 0 where nothing is known.
        cells: int64 (P,), the cells that learn an object: the picture's number times A and the cell's.
        objects: int64 (P,), row of the object among those of all pictures.
    """

    scores: Tensor
    weights: Tensor
    cells: Tensor
    objects: Tensor


class Loss:
    """Losses of a batch.

    Objects of all pictures stand in one table: on a GPU a loop over pictures costs more than the network.

    Args:
        classes: number of classes C.
        vehicle_classes: 0-based classes that a vehicle of unknown class may be.
    """

    def __init__(self, classes: int, vehicle_classes: tuple[int, ...]) -> None:
        """Remember the classes."""
        self.classes = classes
        self.vehicle_classes = list(vehicle_classes)

    def __call__(
        self,
        cells: Cells,
        logits: Tensor,
        boxes: Tensor,
        targets: list[Target],
        unannotated: float = UNANNOTATED_WEIGHT,
    ) -> dict[str, Tensor]:
        """Return ``loss_class`` and ``loss_box``, each divided by the sum of all wanted scores.

        Args:
            cells: of the pyramid.
            logits: float (N, A, C).
            boxes: float (N, A, 4) xyxy in pixels.
            targets: one a picture.
            unannotated: how much background says against classes that were not annotated there.
        """
        with torch.no_grad():
            assigned = self.assign(cells, logits.sigmoid(), boxes, targets, unannotated)
        wanted, _ = together(targets, "boxes")
        quality = assigned.scores.flatten(0, 1)[assigned.cells].amax(1)
        found = boxes.flatten(0, 1)[assigned.cells]
        apart = generalized_box_iou_loss(found, wanted[assigned.objects], reduction="none")
        total = assigned.scores.sum().clamp(min=1.0)
        return {
            "loss_class": varifocal(logits, assigned.scores, assigned.weights) / total,
            "loss_box": BOX_WEIGHT * (apart * quality).sum() / total,
        }

    def assign(
        self,
        cells: Cells,
        scores: Tensor,
        boxes: Tensor,
        targets: list[Target],
        unannotated: float = UNANNOTATED_WEIGHT,
    ) -> Assigned:
        """Return what the cells of a batch are to say.

        Args:
            cells: of the pyramid.
            scores: float (N, A, C) in [0, 1], as predicted.
            boxes: float (N, A, 4), as predicted.
            targets: one a picture.
            unannotated: how much background says against classes that were not annotated there.
        """
        weights = _known(cells, targets, self.classes, unannotated)
        wanted = torch.zeros_like(scores)
        objects, picture = together(targets, "boxes")  # (T, 4), (T,)
        if not len(objects):
            none = torch.zeros(0, dtype=torch.int64, device=scores.device)
            return Assigned(wanted, weights, none, none)
        labels = together(targets, "labels")[0]
        overlap = box_iou(objects[:, None], boxes[picture])[:, 0].clamp(min=0)  # (T, A)
        alignment = self._scores_for(scores, picture, labels) ** ALPHA * overlap**BETA
        values, near = (alignment * _within(cells, objects)).topk(min(BEST, len(cells.strides)))  # (T, BEST)
        overlap = overlap.gather(1, near)
        quality = _quality(values, overlap)
        place = picture[:, None] * len(cells.strides) + near
        row, column = _owners(place, overlap, values > 0, scores.shape[0] * scores.shape[1])
        learning = place[row, column]
        label = self._labels(scores.flatten(0, 1)[learning], labels[row])
        wanted.view(-1, self.classes)[learning, label] = quality[row, column]
        # what an object is, is known, and so is what it is not
        weights.view(-1, self.classes)[learning] = 1.0
        return Assigned(wanted, weights, learning, row)

    def _scores_for(self, scores: Tensor, picture: Tensor, labels: Tensor) -> Tensor:
        """Return the score (T, A) that each cell of its picture gives to each object's class."""
        some_vehicle = (
            scores[..., self.vehicle_classes].amax(-1, keepdim=True)
            if self.vehicle_classes
            else torch.zeros_like(scores[..., :1])
        )
        table = torch.cat([scores, some_vehicle], -1)  # label C + 1 (from 1) is a vehicle of unknown class
        return table.transpose(1, 2)[picture, labels - 1]

    def _labels(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return 0-based classes (P,); an unknown vehicle is what its cell takes it for."""
        result = labels - 1
        if not self.vehicle_classes:
            return result
        vehicles = torch.tensor(self.vehicle_classes, device=labels.device)
        taken_for = vehicles[scores[:, self.vehicle_classes].argmax(1)]
        return torch.where(result == self.classes, taken_for, result)


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


def _known(cells: Cells, targets: list[Target], classes: int, unannotated: float) -> Tensor:
    """Return the weights (N, A, C) of negatives: little for what is not annotated, 0 in ignore regions.

    Outside all regions (the grey border of a letterboxed picture) everything is known.
    """
    shape = (len(targets), len(cells.strides))
    regions, picture = together(targets, "regions")
    hidden = ~together(targets, "annotated")[0]  # (R, C)
    missing = regions.new_zeros(*shape, classes)
    missing.index_add_(0, picture, inside(cells.centres, regions)[..., None] * hidden[:, None].float())
    ignore, picture = together(targets, "ignore")
    ignored = regions.new_zeros(shape).index_add_(0, picture, inside(cells.centres, ignore).float())
    return torch.where(missing > 0, unannotated, 1.0) * (ignored == 0)[..., None]


def _within(cells: Cells, boxes: Tensor) -> Tensor:
    """Return bool (T, A): the cell lies in the box, or near its centre."""
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = torch.maximum(half[:, None], (REACH * cells.strides)[None, :, None])
    return ((cells.centres[None] - centre[:, None]).abs() < reach).all(-1)


def _quality(alignment: Tensor, overlap: Tensor) -> Tensor:
    """Return the wanted scores (T, K) of each object's best cells.

    They are their alignment, scaled so that an object's best equals its best IoU.
    """
    best = alignment.amax(1, keepdim=True).clamp(min=1e-9)
    return alignment / best * (overlap * (alignment > 0)).amax(1, keepdim=True)


def _owners(place: Tensor, overlap: Tensor, fit: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Return row and column of the pairs of object and cell that hold.

    A cell that several objects want goes to the one that it overlaps most, of equal ones to the first.

    Args:
        place: int64 (T, K) in [0, number), the cells that each object wants.
        overlap: float (T, K) in [0, 1].
        fit: bool (T, K): the others do not count.
        number: of cells of all pictures.
    """
    size = torch.where(fit, overlap, -1.0)
    most = size.new_zeros(number).scatter_reduce(0, place.flatten(), size.flatten(), "amax")
    fit = fit & (size == most[place])
    rows = torch.arange(len(place), device=place.device)[:, None]
    claim = torch.where(fit, rows, len(place))
    first = torch.full_like(most, len(place), dtype=torch.int64)
    first = first.scatter_reduce(0, place.flatten(), claim.flatten(), "amin")
    row, column = torch.where(fit & (first[place] == rows))
    return row, column

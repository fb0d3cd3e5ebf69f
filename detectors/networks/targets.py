"""What is known about a training picture in which not every class is annotated everywhere."""

from __future__ import annotations

from typing import TypedDict

import torch
from torch import Tensor

#: How much background says against classes that were not annotated there. With 0 nothing ever
#: calls a road arrow "no person" in the sets without people; with 1 their unboxed people would be unlearnt.
UNANNOTATED_WEIGHT = 0.2


class Target(TypedDict):
    """What is known about one training picture.

    Attributes:
        boxes: float32 (N, 4) xyxy.
        labels: int64 (N,), 1 to C; C + 1 means a vehicle of unknown class.
        ignore: float32 (M, 4) xyxy regions in which nothing is learnt from background.
        regions: float32 (R, 4) xyxy parts of the picture with annotation rules of their own.
        annotated: bool (R, C), which classes were annotated in each region.
    """

    boxes: Tensor
    labels: Tensor
    ignore: Tensor
    regions: Tensor
    annotated: Tensor


def covered_by(boxes: Tensor, regions: Tensor) -> Tensor:
    """Return bool (N,): more than half of the box (N, 4) lies in one of the regions (M, 4)."""
    if not len(regions) or not len(boxes):
        return torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    size = (
        torch.minimum(boxes[:, None, 2:], regions[None, :, 2:])
        - torch.maximum(boxes[:, None, :2], regions[None, :, :2])
    ).clamp(min=0)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return (size[..., 0] * size[..., 1]).amax(1) > 0.5 * area


def lying_in(points: Tensor, regions: Tensor) -> Tensor:
    """Return bool (N,): the point (N, 2) lies in one of the regions (M, 4)."""
    inside = (points[:, None] >= regions[None, :, :2]) & (points[:, None] < regions[None, :, 2:])
    return inside.all(-1).any(1)


def annotated_at(boxes: Tensor, target: Target) -> Tensor:
    """Return bool (N, C): the classes annotated where the centres of the boxes (N, 4) lie.

    Outside all regions (the grey border of a letterboxed picture) everything is known.
    """
    centre = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    regions = target["regions"]
    inside = ((centre >= regions[None, :, :2]) & (centre < regions[None, :, 2:])).all(-1)  # (N, R)
    missing = inside.float() @ (~target["annotated"]).float()
    return missing == 0

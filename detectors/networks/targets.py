"""What is known about a training picture in which not every class is annotated everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict, get_args

import torch
from torch import Tensor

#: How much background says against classes that were not annotated there. With 0 nothing ever
#: calls a road arrow "no person" in the sets without people; with 1 their unboxed people would be unlearnt.
UNANNOTATED_WEIGHT = 0.2

Field = Literal["boxes", "labels", "ignore", "regions", "annotated"]
FIELDS: tuple[Field, ...] = get_args(Field)
#: All targets' entries behind one another, and how many each has.
Packed = tuple[dict[Field, Tensor], dict[Field, list[int]]]


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


def inside(points: Tensor, regions: Tensor) -> Tensor:
    """Return bool (M, N): the point (N, 2) lies in the region (M, 4)."""
    low, high = regions[:, None, :2], regions[:, None, 2:]
    return ((points[None] >= low) & (points[None] < high)).all(-1)


def annotated_at(boxes: Tensor, target: Target) -> Tensor:
    """Return bool (N, C): the classes annotated where the centres of the boxes (N, 4) lie.

    Outside all regions (the grey border of a letterboxed picture) everything is known.
    """
    there = inside((boxes[:, :2] + boxes[:, 2:]) / 2, target["regions"])
    missing = there.float().T @ (~target["annotated"]).float()
    return missing == 0


def together(targets: Sequence[Target], name: Field) -> tuple[Tensor, Tensor]:
    """Return one entry of all targets in one tensor (T, ...), and int64 (T,), the number of the picture."""
    parts = [target[name] for target in targets]
    lengths = torch.tensor([len(part) for part in parts])
    picture = torch.repeat_interleave(torch.arange(len(parts)), lengths)  # on the CPU: no card is waited for
    return torch.cat(parts), picture.to(parts[0].device)


def packed(targets: Sequence[Target]) -> Packed:
    """Return the targets of a batch in few tensors.

    Between processes, and to a card, every tensor costs as much as a large one.
    """
    lengths = {name: [len(target[name]) for target in targets] for name in FIELDS}
    return {name: torch.cat([target[name] for target in targets]) for name in FIELDS}, lengths


def unpacked(batch: Packed, device: str) -> list[Target]:
    """Return the targets of a batch on a device."""
    columns = [torch.split(batch[0][name].to(device), batch[1][name]) for name in FIELDS]
    return [Target(**dict(zip(FIELDS, row, strict=True))) for row in zip(*columns, strict=True)]  # type: ignore[typeddict-item]

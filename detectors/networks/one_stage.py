"""A one-stage, anchor-free detector: every cell of a pyramid says what is there and how far its sides are.

As FCOS (Tian et al., ICCV 2019) with the assignment of ``detectors.networks.assignment``. Scores mean class
and quality of the box at once (Zhang et al., "VarifocalNet", CVPR 2021), so there is no third branch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detectors.networks.assignment import Cells, Loss
from detectors.networks.distillation import Soft, soft_losses
from detectors.networks.smaller_vgg_rep import RepBlock
from detectors.networks.targets import Target

STRIDES = (8, 16, 32)
#: A new network calls one cell in a hundred an object: else the background would drown the first steps.
PRIOR = 0.01


class OneStage(nn.Module):
    """Backbone, top-down feature pyramid, and two branches shared by all levels.

    Args:
        body: backbone that returns one feature map a stage and has ``widths`` and ``branches`` (whether
            the head's blocks have branches too); its last three maps have strides 8, 16 and 32.
        classes: number of classes C.
        vehicle_classes: 0-based classes that a vehicle of unknown class may be.
        channels: of the pyramid and the branches.
        depth: blocks of each branch.
    """

    def __init__(
        self,
        body: nn.Module,
        classes: int,
        vehicle_classes: Sequence[int],
        channels: int = 64,
        depth: int = 2,
    ) -> None:
        """Build pyramid and branches."""
        super().__init__()
        self.body = body
        widths = cast("Sequence[int]", body.widths)[-3:]
        block = partial(RepBlock, channels, channels, branches=cast("bool", body.branches))
        self.lateral = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, channels, 1, bias=False), nn.BatchNorm2d(channels))
            for width in widths
        )
        self.smooth = nn.ModuleList(block() for _ in widths[:-1])
        self.class_branch = nn.Sequential(*(block() for _ in range(depth)))
        self.box_branch = nn.Sequential(*(block() for _ in range(depth)))
        self.to_logits = nn.Conv2d(channels, classes, 1)
        self.to_sides = nn.Conv2d(channels, 4, 1)
        nn.init.normal_(self.to_logits.weight, std=0.01)
        nn.init.constant_(cast("Tensor", self.to_logits.bias), -math.log((1 - PRIOR) / PRIOR))
        self.loss = Loss(classes, tuple(vehicle_classes))

    def forward(
        self, pictures: Tensor, targets: list[Target] | None = None, soft: Soft | None = None
    ) -> dict[str, Tensor] | Tensor:
        """Return losses (training) or what every cell sees (evaluation).

        Args:
            pictures: float (N, 3, H, W) in [0, 255], H and W multiples of 32.
            targets: one a picture, in training.
            soft: what teachers see on the same pictures; then they alone speak of classes that were not
                annotated.

        Returns:
            A dict of scalar losses; or float (N, A, 4 + C): xyxy in pixels of the input, scores in [0, 1].
        """
        logits, sides = self.dense(pictures)
        cells = cells_of((int(pictures.shape[-1]), int(pictures.shape[-2])), logits.device)
        boxes = boxes_of(cells.centres, cells.strides, sides.float())
        if self.training and targets is not None:
            if soft is None:
                return self.loss(cells, logits.float(), boxes, targets)
            hard = self.loss(cells, logits.float(), boxes, targets, unannotated=0.0)
            return hard | soft_losses(logits.float(), boxes, soft)
        return torch.cat([boxes, logits.float().sigmoid()], 2)

    def dense(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits (N, A, C) and the sides (N, A, 4) of all cells, as the convolutions say them."""
        logits, sides, _ = self.dense_with_features(pictures)
        return logits, sides

    def dense_with_features(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return ``dense``, and the backbone's map of stride 8 (N, W, H / 8, W / 8)."""
        features = self.body(pictures / 255.0 - 0.45)[-3:]
        levels = self._pyramid(features)
        logits = torch.cat([_flat(self.to_logits(self.class_branch(x))) for x in levels], 1)
        sides = torch.cat([_flat(self.to_sides(self.box_branch(x))) for x in levels], 1)
        return logits, sides, features[0]

    def _pyramid(self, features: Sequence[Tensor]) -> list[Tensor]:
        levels = [lateral(x) for lateral, x in zip(self.lateral, features, strict=True)]
        for fine in range(len(levels) - 2, -1, -1):
            above = F.interpolate(levels[fine + 1], scale_factor=2.0, mode="nearest")
            levels[fine] = self.smooth[fine](levels[fine] + above)
        return levels


class Dense(nn.Module):
    """The convolutions of a one-stage detector alone: what runtimes other than torch run.

    Args:
        net: the detector, in evaluation mode.
    """

    OUTPUTS = ("logits", "sides")

    def __init__(self, net: OneStage) -> None:
        """Take over the network."""
        super().__init__()
        self.net = net

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``OneStage.dense``."""
        return self.net.dense(pictures)


class DenseWithFeatures(nn.Module):
    """The same, with the backbone's map of stride 8.

    Args:
        net: the detector, in evaluation mode.
    """

    OUTPUTS = (*Dense.OUTPUTS, "features")

    def __init__(self, net: OneStage) -> None:
        """Take over the network."""
        super().__init__()
        self.net = net

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return ``OneStage.dense_with_features``."""
        return self.net.dense_with_features(pictures)


def cells_of(size: tuple[int, int], device: torch.device) -> Cells:
    """Return the cells of all levels for pictures of this width and height."""
    centres, strides = [], []
    for stride in STRIDES:
        y = (torch.arange(size[1] // stride, device=device) + 0.5) * stride
        x = (torch.arange(size[0] // stride, device=device) + 0.5) * stride
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2)
        centres.append(grid)
        strides.append(torch.full((grid.shape[0],), float(stride), device=device))
    return Cells(torch.cat(centres), torch.cat(strides))


def boxes_of(centres: Tensor, strides: Tensor, sides: Tensor) -> Tensor:
    """Return boxes (..., A, 4) xyxy in pixels from what the branch says (..., A, 4).

    Softplus keeps the distances from a cell's centre (A, 2) to the four sides positive; they are in strides
    (A,).
    """
    distance = F.softplus(sides) * strides[:, None]
    return torch.cat([centres - distance[..., :2], centres + distance[..., 2:]], -1)


def _flat(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)

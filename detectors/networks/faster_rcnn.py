"""Faster R-CNN on a small backbone, trainable on partly annotated pictures.

torchvision's ``FasterRCNN`` (Ren et al., NeurIPS 2015; feature pyramid of Lin et al., CVPR 2017) with two
changes for data in which not every class is annotated in every picture:

* the region proposal network and the box head leave out proposals that lie in ignore regions;
* the class loss of a background proposal hardly pushes down classes that were not annotated there, and a
  box of unknown vehicle class only asks for *some* vehicle class.

Training targets are described at ``Target``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead, concat_box_prediction_layers
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign

from detectors.networks.targets import UNANNOTATED_WEIGHT, Target, annotated_at, covered_by

ANCHOR_SIZES = ((12, 20), (36, 60), (100, 180))
ANCHOR_RATIOS = (0.5, 1.0, 2.0)


class _Passthrough(nn.Module):
    """Stands for torchvision's resizing: pictures arrive letterboxed, in one batch (N, 3, H, W)."""

    def forward(self, images: Any, targets: Any = None) -> tuple[ImageList, Any]:
        batch = images if isinstance(images, Tensor) else torch.stack(list(images))
        height, width = batch.shape[-2:]
        return ImageList(batch, [(int(height), int(width))] * len(batch)), targets

    def postprocess(self, result: Any, *_: Any) -> Any:
        return result


class PyramidBackbone(nn.Module):
    """A stack of stages with a feature pyramid on strides 8, 16 and 32.

    Args:
        body: module that returns one feature map a stage (the last three of strides 8, 16, 32) and
            has ``widths``.
        channels: of every pyramid level.
    """

    def __init__(self, body: nn.Module, channels: int = 96) -> None:
        """Build the pyramid over the body's last three stages."""
        super().__init__()
        self.body = body
        widths: Sequence[int] = body.widths  # type: ignore[assignment]
        self.pyramid = FeaturePyramidNetwork(list(widths[-3:]), channels, norm_layer=nn.BatchNorm2d)
        self.out_channels = channels

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return the pyramid's levels by stride for pictures (N, 3, H, W) with values in [0, 255]."""
        features = self.body(x / 255.0 - 0.45)
        levels: dict[str, Tensor] = self.pyramid(dict(zip("345", features[-3:], strict=True)))
        return levels


class _FloatRPNHead(RPNHead):  # type: ignore[misc]
    """Box arithmetic needs more digits than bfloat16 has."""

    def forward(self, x: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        logits, deltas = super().forward(x)
        return [t.float() for t in logits], [t.float() for t in deltas]


class _BoxHead(nn.Sequential):
    """Two dense layers on the pooled features of a proposal."""

    def __init__(self, in_features: int, hidden: int) -> None:
        super().__init__(
            nn.Flatten(),
            nn.Linear(in_features, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
        )


class _AgnosticPredictor(nn.Module):
    """Class logits, and one box for all classes: rare classes share what cars teach about edges."""

    def __init__(self, hidden: int, classes: int) -> None:
        super().__init__()
        self.logits = nn.Linear(hidden, classes + 1)
        self.deltas = nn.Linear(hidden, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.logits(x).float()
        deltas = self.deltas(x).float()
        return logits, deltas if self.training else deltas.repeat(1, logits.shape[1])


def partial_cross_entropy(logits: Tensor, wanted: Tensor, allowed: Tensor) -> Tensor:
    """Return the mean of -log P(one of the wanted classes | one of the allowed classes).

    Args:
        logits: float (N, C + 1).
        wanted: bool (N, C + 1), subset of ``allowed``, at least one a row.
        allowed: bool (N, C + 1).
    """
    low = torch.finfo(logits.dtype).min
    loss = logits.masked_fill(~allowed, low).logsumexp(1) - logits.masked_fill(~wanted, low).logsumexp(1)
    return loss.sum() / max(len(loss), 1)  # nothing is sampled where ignore regions cover the whole batch


class MaskedRPN(RegionProposalNetwork):  # type: ignore[misc]
    """Region proposals that learn no background where something may be unannotated."""

    #: 0-based classes that are vehicles; set by ``build_faster_rcnn``
    vehicle_classes: tuple[int, ...] = ()

    def assign_targets_to_anchors(
        self, anchors: list[Tensor], targets: list[Target]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Match as torchvision does, then take unknown background out of the sampling."""
        labels, boxes = super().assign_targets_to_anchors(anchors, targets)
        for label, anchor, target in zip(labels, anchors, targets, strict=True):
            unknown = ~target["annotated"][:, list(self.vehicle_classes)].all(1)
            regions = torch.cat([target["ignore"], target["regions"][unknown]])
            background = torch.where(label == 0)[0]
            label[background[covered_by(anchor[background], regions)]] = -1
        return labels, boxes

    def compute_loss(
        self, objectness: Tensor, deltas: Tensor, labels: list[Tensor], wanted: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return torchvision's losses; 0 where ignore regions leave nothing to sample."""
        if all(bool((label < 0).all()) for label in labels):
            return objectness.sum() * 0, deltas.sum() * 0
        losses: tuple[Tensor, Tensor] = super().compute_loss(objectness, deltas, labels, wanted)
        return losses


class MaskedRoIHeads(RoIHeads):  # type: ignore[misc]
    """Box head whose class loss knows what was annotated where."""

    vehicle_classes: tuple[int, ...] = ()

    def select_training_samples(
        self, proposals: list[Tensor], targets: list[Target]
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        """Sample as torchvision does, but never background in ignore regions."""
        self._ignore = [t["ignore"] for t in targets]
        result: tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]] = (
            super().select_training_samples(proposals, targets)
        )
        return result

    def assign_targets_to_proposals(
        self, proposals: list[Tensor], gt_boxes: list[Tensor], gt_labels: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Label proposals; -1 (not sampled) for background in ignore regions."""
        matched, labels = super().assign_targets_to_proposals(proposals, gt_boxes, gt_labels)
        for label, boxes, ignore in zip(labels, proposals, self._ignore, strict=True):
            label[(label == 0) & covered_by(boxes, ignore)] = -1
        return matched, labels

    def forward(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
        targets: list[Target] | None = None,
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """Return detections (evaluation) or losses (training), as torchvision's does."""
        if not self.training or targets is None:
            result: tuple[list[dict[str, Tensor]], dict[str, Tensor]] = super().forward(
                features, proposals, image_shapes
            )
            return result
        proposals, _, labels, deltas = self.select_training_samples(proposals, targets)
        pooled = self.box_roi_pool(features, proposals, image_shapes)
        logits, predicted = self.box_predictor(self.box_head(pooled))
        known = torch.cat([annotated_at(b, t) for b, t in zip(proposals, targets, strict=True)])
        label = torch.cat(labels)
        wanted, allowed = self.class_masks(label, known)
        positive = label > 0
        box_loss = F.smooth_l1_loss(
            predicted[positive], torch.cat(deltas)[positive], beta=1 / 9, reduction="sum"
        ) / max(len(label), 1)
        losses = {
            "loss_classifier": (1 - UNANNOTATED_WEIGHT) * partial_cross_entropy(logits, wanted, allowed)
            + UNANNOTATED_WEIGHT * partial_cross_entropy(logits, wanted, torch.ones_like(allowed)),
            "loss_box_reg": box_loss,
        }
        return [], losses

    def class_masks(self, labels: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Return which classes are wanted, and which take part in the loss.

        Args:
            labels: int64 (N,), 0 background, 1 to C, C + 1 for a vehicle of unknown class.
            known: bool (N, C), the classes annotated there.
        """
        classes = known.shape[1]
        wanted = F.one_hot(labels, classes + 2).bool()
        unclear = wanted[:, -1].clone()
        wanted = wanted[:, :-1]
        vehicle = torch.zeros(classes + 1, dtype=torch.bool, device=labels.device)
        vehicle[[c + 1 for c in self.vehicle_classes]] = True
        wanted = wanted | (unclear[:, None] & vehicle)
        allowed = torch.cat([torch.ones_like(known[:, :1]), known], 1)
        return wanted, allowed | (labels > 0)[:, None]


def build_faster_rcnn(
    body: nn.Module, classes: int, vehicle_classes: Sequence[int], channels: int = 96, hidden: int = 256
) -> FasterRCNN:
    """Return torchvision's ``FasterRCNN`` on ``body`` with small anchors and masked losses.

    Args:
        body: backbone that returns one feature map a stage and has ``widths``.
        classes: number of classes C without background; labels are 1 to C.
        vehicle_classes: 0-based classes that a vehicle of unknown class may be.
        channels: of the feature pyramid.
        hidden: width of the box head.
    """
    anchors = AnchorGenerator(ANCHOR_SIZES, (ANCHOR_RATIOS,) * len(ANCHOR_SIZES))
    pool = MultiScaleRoIAlign(["3", "4", "5"], output_size=7, sampling_ratio=2)
    net = FasterRCNN(
        PyramidBackbone(body, channels),
        rpn_anchor_generator=anchors,
        rpn_head=_FloatRPNHead(channels, anchors.num_anchors_per_location()[0]),
        box_roi_pool=pool,
        box_head=_BoxHead(channels * 49, hidden),
        box_predictor=_AgnosticPredictor(hidden, classes),
        rpn_pre_nms_top_n_train=600,
        rpn_pre_nms_top_n_test=400,
        rpn_post_nms_top_n_train=400,
        rpn_post_nms_top_n_test=300,
        rpn_batch_size_per_image=192,
        rpn_fg_iou_thresh=0.6,
        box_batch_size_per_image=64,
        box_score_thresh=0.01,
        box_nms_thresh=0.6,
        box_detections_per_img=300,
    )
    net.transform = _Passthrough()
    for part, cls in ((net.rpn, MaskedRPN), (net.roi_heads, MaskedRoIHeads)):
        part.__class__ = cls  # torchvision's constructor takes parts of these two, but not the two
        part.vehicle_classes = tuple(vehicle_classes)
    return net


class Dense(nn.Module):
    """What of a Faster R-CNN is convolution: all that is in front of the proposals.

    Args:
        net: as of ``build_faster_rcnn``, in evaluation mode.
    """

    OUTPUTS = ("p3", "p4", "p5", "logits3", "logits4", "logits5", "deltas3", "deltas4", "deltas5")

    def __init__(self, net: FasterRCNN) -> None:
        """Take over the backbone and the head of the region proposal network."""
        super().__init__()
        self.backbone, self.head = net.backbone, net.rpn.head

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return the pyramid's levels, and the head's logits and deltas on each.

        Args:
            pictures: float (N, 3, H, W) in [0, 255], H and W multiples of 32.
        """
        levels = list(self.backbone(pictures).values())
        logits, deltas = self.head(levels)
        return (*levels, *logits, *deltas)


def decide(net: Any, outputs: Sequence[Tensor], size: tuple[int, int]) -> list[dict[str, Tensor]]:
    """Return what a Faster R-CNN makes of its dense part's outputs: proposals, then detections.

    Args:
        net: as of ``build_faster_rcnn``, in evaluation mode.
        outputs: float, as of ``Dense``.
        size: width and height of the pictures.

    Returns:
        As torchvision: for each picture ``boxes`` (N, 4) xyxy, ``labels`` from 1 and ``scores``.
    """
    number = len(outputs[0])
    levels, logits, deltas = outputs[:3], list(outputs[3:6]), list(outputs[6:])
    shapes = [(size[1], size[0])] * number
    # the anchors need the pictures' size and number alone
    pictures = ImageList(outputs[0].new_empty(number, 0, size[1], size[0]), shapes)
    anchors = net.rpn.anchor_generator(pictures, list(levels))
    per_level = [level[0].numel() for level in logits]
    flat_logits, flat_deltas = concat_box_prediction_layers(logits, deltas)
    proposals = net.rpn.box_coder.decode(flat_deltas, anchors).view(number, -1, 4)
    proposals, _ = net.rpn.filter_proposals(proposals, flat_logits, shapes, per_level)
    found, _ = net.roi_heads(dict(zip("345", levels, strict=True)), proposals, shapes)
    result: list[dict[str, Tensor]] = found
    return result

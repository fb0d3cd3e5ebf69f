"""What a network learns from others that look at the same pictures, beside labels or in their place.

As in BCKD (Yang et al., "Bridging Cross-task Protocol Inconsistency for Distillation in Dense Object
Detection", ICCV 2023): every cell is asked about each class on its own, and answers weigh as much as the two
are apart. So classes are taught, too, that a picture's labels leave out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import generalized_box_iou_loss

from detectors.networks.assignment import BOX_WEIGHT

#: Cells whose best class has less than this of the teachers teach no box.
LEAST_SCORE = 0.1


@dataclass(frozen=True, slots=True)
class Soft:
    """What teachers see.

    Attributes:
        scores: float32 (N, A, C) in [0, 1].
        boxes: float32 (N, A, 4) xyxy in pixels of the input.
    """

    scores: Tensor
    boxes: Tensor


def soft_losses(logits: Tensor, boxes: Tensor, soft: Soft) -> dict[str, Tensor]:
    """Return ``loss_soft_class`` and ``loss_soft_box``, divided by how much the teachers see in all.

    Args:
        logits: float (N, A, C), the student's.
        boxes: float (N, A, 4) xyxy in pixels, the student's.
        soft: what the teachers see in the same cells.
    """
    sure = soft.scores.amax(2) ** 2
    total = sure.sum().clamp(min=1.0)
    apart = (soft.scores - logits.detach().sigmoid()).abs()
    answers = F.binary_cross_entropy_with_logits(logits, soft.scores, reduction="none")
    seen = torch.where(sure > LEAST_SCORE**2)
    beside = generalized_box_iou_loss(boxes[seen], soft.boxes[seen], reduction="none")
    return {
        "loss_soft_class": (answers * apart).sum() / total,
        "loss_soft_box": BOX_WEIGHT * (beside * sure[seen]).sum() / total,
    }

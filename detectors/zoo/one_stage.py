"""The one-stage detector on one of the project's backbones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from detectors.networks.assignment import Cells
from detectors.networks.one_stage import STRIDES, Dense, DenseWithFeatures, boxes_of, cells_of
from detectors.zoo._network import Config, NetworkDetector, Seen, open_network, score_of
from detectors.zoo._weights import Description

__all__ = ["Config", "build"]

#: How far above the weights' own least score a detection may start a track. Chosen on the counted clips
#: (benchmarks/line_counts.py --set associate.two_stage.born_score=0.45, and 0.4).
SURER = 0.1
MOST_CANDIDATES = 1000
MOST_DETECTIONS = 300


def build(config: Config) -> NetworkDetector:
    """Build the detector.

    Raises:
        UsageError: the runtime is not installed or does not know the number format.
        WeightsError: weights are missing, damaged or of another network.
        DetectorError: CUDA was asked for and is not there.
    """
    net, description = open_network(config, "one_stage")
    score = score_of(config, description)

    def decide(outputs: Sequence[Tensor], size: tuple[int, int]) -> list[Seen]:
        logits, sides = outputs[:2]
        cells = cells_of(size, logits.device)
        return [distinct(cells, *of_one, score, config.nms_iou) for of_one in zip(logits, sides, strict=True)]

    dense = DenseWithFeatures(net) if config.embeddings else Dense(net)
    return NetworkDetector(config, description, dense, decide, born_score_of(description), STRIDES[0])


def born_score_of(description: Description) -> float:
    """Return the score from which a detection of these weights may start a track."""
    return min(round(description.score + SURER, 3), 1.0)


def distinct(cells: Cells, logits: Tensor, sides: Tensor, score: float, nms_iou: float) -> Seen:
    """Return what the cells of one picture see, every object once a class.

    Args:
        cells: of the pyramid.
        logits: float (A, C), of the classes.
        sides: float (A, 4), as the network says them.
        score: least score of a detection.
        nms_iou: overlap from which two boxes of a class are the same object.
    """
    least = math.log(score / (1 - score)) if 0 < score < 1 else math.inf * (score - 0.5)
    rows, labels = torch.where(logits > least)
    values = logits[rows, labels]
    if len(values) > MOST_CANDIDATES:
        values, best = values.topk(MOST_CANDIDATES)
        rows, labels = rows[best], labels[best]
    boxes = boxes_of(cells.centres[rows], cells.strides[rows], sides[rows])
    keep = batched_nms(boxes, values, labels, nms_iou)[:MOST_DETECTIONS]
    return boxes[keep], values[keep].sigmoid(), labels[keep]

"""The one-stage detector on one of the project's backbones, run by torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from detectors.zoo._network import Config, NetworkDetector, Seen, open_network, score_of

__all__ = ["Config", "build"]

MOST_CANDIDATES = 1000
MOST_DETECTIONS = 300


def build(config: Config) -> NetworkDetector:
    """Build the detector.

    Raises:
        WeightsError: weights are missing, damaged or of another network.
        DetectorError: CUDA was asked for and is not there.
    """
    net, description = open_network(config, "one_stage")
    score = score_of(config, description)

    def look(pictures: Tensor) -> Sequence[Seen]:
        return [distinct(cells, score, config.nms_iou) for cells in net(pictures)]

    return NetworkDetector(config, description, look)


def distinct(cells: Tensor, score: float, nms_iou: float) -> Seen:
    """Return what the cells of one picture see, every object once a class.

    Args:
        cells: float (A, 4 + C): xyxy, and the scores of the classes.
        score: least score of a detection.
        nms_iou: overlap from which two boxes of a class are the same object.
    """
    boxes, scores = cells[:, :4], cells[:, 4:]
    rows, labels = torch.where(scores > score)
    values = scores[rows, labels]
    if len(values) > MOST_CANDIDATES:
        values, best = values.topk(MOST_CANDIDATES)
        rows, labels = rows[best], labels[best]
    keep = batched_nms(boxes[rows], values, labels, nms_iou)[:MOST_DETECTIONS]
    return boxes[rows[keep]], values[keep], labels[keep]

"""Faster R-CNN on one of the project's backbones, run by torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from detectors.zoo._network import Config, NetworkDetector, Seen, open_network, score_of

__all__ = ["Config", "build"]

#: Score from which a detection may start a track. The softmax of this head is bold: signs and road markings
#: get 0.4 to 0.6. Chosen on the counted clips (benchmarks/counts.py --set associate.iou.born_score=0.8): 0.5
#: and 0.65 find all 128 with 2 false crossings, 0.8 misses 7 with 1.
BORN_SCORE = 0.65


def build(config: Config) -> NetworkDetector:
    """Build the detector.

    Raises:
        WeightsError: weights are missing, damaged or of another network.
        DetectorError: CUDA was asked for and is not there.
    """
    net, description = open_network(config, "faster_rcnn")
    net.roi_heads.score_thresh = score_of(config, description)
    net.roi_heads.nms_thresh = config.nms_iou

    def look(pictures: Tensor) -> Sequence[Seen]:
        return _look(net, pictures)

    return NetworkDetector(config, description, look, BORN_SCORE)


def _look(net: Any, pictures: Tensor) -> list[Seen]:
    images, _ = net.transform(pictures)
    features = net.backbone(images.tensors)
    proposals, _ = net.rpn(images, features)
    found, _ = net.roi_heads(features, proposals, images.image_sizes)
    # torchvision's label 0 is the background
    return [(one["boxes"], one["scores"], one["labels"] - 1) for one in found]

"""Faster R-CNN on one of the project's backbones."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from detectors.errors import UsageError
from detectors.networks.faster_rcnn import Dense, decide
from detectors.zoo._network import Config, NetworkDetector, Seen, device_of, open_network, score_of

__all__ = ["Config", "build"]

#: Score from which a detection may start a track. The softmax of this head is bold: signs and road markings
#: get 0.4 to 0.6. Chosen on the counted clips (benchmarks/counts.py, with the associator "iou"): 0.5 and 0.65
#: find all 128 with 2 false crossings, 0.8 misses 7 with 1.
BORN_SCORE = 0.65


def build(config: Config) -> NetworkDetector:
    """Build the detector.

    The proposals and what follows them are torch's on every runtime.

    Raises:
        UsageError: embeddings are asked for; or the runtime is not installed or does not know the number
            format.
        WeightsError: weights are missing, damaged or of another network.
        DetectorError: CUDA was asked for and is not there.
    """
    if config.embeddings:
        raise UsageError("embeddings come from one-stage networks alone: not from a Faster R-CNN")
    net, description = open_network(config, "faster_rcnn")
    net.roi_heads.score_thresh = score_of(config, description)
    net.roi_heads.nms_thresh = config.nms_iou
    net.to(device_of(config))

    def see(outputs: Sequence[Tensor], size: tuple[int, int]) -> list[Seen]:
        # torchvision's label 0 is the background
        return [(one["boxes"], one["scores"], one["labels"] - 1) for one in decide(net, outputs, size)]

    return NetworkDetector(config, description, Dense(net), see, BORN_SCORE)

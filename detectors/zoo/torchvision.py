"""The detectors of torchvision's zoo, with its published weights or with weights of one's own.

The published ones were trained on COCO; of its classes the road users are kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad
from torchvision.ops import nms

from detectors import boxes as boxlib
from detectors.detections import Detections
from detectors.errors import DetectorError, UnknownNameError
from detectors.frame import Frame
from detectors.zoo._torchvision_weights import Opened, network_names, open_network

#: Longer side over shorter side from which a frame is filled up: torchvision makes the long side fit, and a
#: line of pixels would be nothing then.
MAX_ASPECT = 16


@dataclass(frozen=True, slots=True)
class Config:
    """Settings.

    Attributes:
        network: its name in torchvision.
        weights: path of a state dict, or of a checkpoint that holds one as ``model``; None for the published
            weights, which are downloaded into torch's cache once.
        sha256: expected digest of the weight file; None to take it as it is.
        class_names: of weights of one's own, in the order of their labels, without the background; None for
            the road users among COCO's classes.
        score: least score of a detection.
        one_class_a_place: of overlapping boxes of different classes only the best is kept.
        nms_iou: overlap from which two boxes are the same object.
        device: "auto" takes a GPU where there is one.
    """

    network: str
    weights: str | None = None
    sha256: str | None = None
    class_names: tuple[str, ...] | None = None
    score: float = 0.4
    one_class_a_place: bool = True
    nms_iou: float = 0.5
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        """Refuse an unknown network, a threshold outside [0, 1], and names that cannot be meant.

        Raises:
            UnknownNameError: torchvision has no such network.
            ValueError: another setting cannot be.
        """
        if self.network not in network_names():
            raise UnknownNameError("network of torchvision", self.network, network_names())
        if not 0 <= self.score <= 1:
            raise ValueError("score must lie in [0, 1]")
        if not 0 < self.nms_iou <= 1:
            raise ValueError("nms_iou must lie in (0, 1]")
        if self.class_names is None:
            return
        if self.weights is None:
            raise ValueError("class_names goes with weights of your own: the published ones know COCO's")
        if not all(self.class_names) or not 0 < len(self.class_names) == len(set(self.class_names)):
            raise ValueError("class_names must be names, each one once")


class TorchvisionDetector:
    """Pictures as torchvision wants them, its answer as this project wants it.

    Attributes:
        class_names: in the order of the labels.
        weights: path of the weight file.
        sha256: of that file, in hexadecimal.
    """

    def __init__(self, config: Config, opened: Opened) -> None:
        """Put the network on the device of the settings.

        Raises:
            DetectorError: CUDA was asked for and is not there.
        """
        self.class_names = opened.class_names
        self.weights = str(opened.path)
        self.sha256 = opened.sha256
        self._config = config
        self._device = _device(config)
        self._places = opened.places.to(self._device)
        self._net = opened.net.to(self._device)
        # a two-stage network keeps its thresholds in the second stage
        head = getattr(self._net, "roi_heads", self._net)
        head.score_thresh, head.nms_thresh = config.score, config.nms_iou

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return one ``Detections`` a frame; frames of one shape go through the network together.

        torchvision takes several shapes at once, but fills all up to the largest: what is seen on a frame
        would then depend on the others.
        """
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for place, frame in enumerate(frames):
            by_shape.setdefault(frame.image.shape, []).append(place)
        answers: dict[int, Detections] = {}
        for places in by_shape.values():
            together = [frames[place] for place in places]
            with torch.inference_mode():
                found = self._net([self._picture(frame) for frame in together])
                seen = map(self._detections, found, together)
                answers.update(zip(places, seen, strict=True))
        return [answers[place] for place in range(len(frames))]

    def _picture(self, frame: Frame) -> Tensor:
        """Return float32 (3, H, W) RGB in [0, 1]; a very narrow frame is filled up below or on the right."""
        rgb = torch.from_numpy(np.ascontiguousarray(frame.image[:, :, ::-1]))
        picture = rgb.to(self._device).permute(2, 0, 1).float() / 255
        least = math.ceil(max(frame.width, frame.height) / MAX_ASPECT)
        right, below = max(least - frame.width, 0), max(least - frame.height, 0)
        return pad(picture, (0, right, 0, below)) if right or below else picture

    def _detections(self, found: Mapping[str, Tensor], frame: Frame) -> Detections:
        labels = self._places[found["labels"]]
        known = labels >= 0  # before boxes are weighed up: what is left out hides nothing
        boxes, scores, labels = found["boxes"][known], found["scores"][known], labels[known]
        if self._config.one_class_a_place:
            keep = nms(boxes, scores, self._config.nms_iou)
        else:
            keep = scores.argsort(descending=True, stable=True)
        xyxy = boxlib.clip(boxes[keep].cpu().numpy(), frame.width, frame.height)
        inside = boxlib.areas(xyxy) > 0  # what lies in the filling alone is cut to nothing
        return Detections(xyxy, scores[keep].cpu().numpy(), labels[keep].cpu().numpy()).select(inside)


def _device(config: Config) -> str:
    if config.device == "cuda" and not torch.cuda.is_available():
        raise DetectorError("no CUDA device here: use --device cpu or auto")
    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return config.device


def build(config: Config) -> TorchvisionDetector:
    """Build the detector.

    Raises:
        WeightsError: weights are missing, damaged, of another network or of another class list.
        DetectorError: CUDA was asked for and is not there.
    """
    _device(config)  # what is not there is said before 150 MB are fetched
    opened = open_network(config.network, config.weights, config.sha256, config.class_names)
    return TorchvisionDetector(config, opened)

"""Faster R-CNN on one of the project's backbones, run by torch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.ops import nms

from detectors import boxes as boxlib
from detectors.detections import Detections
from detectors.errors import DetectorError
from detectors.frame import Frame
from detectors.opencv import load_cv2
from detectors.zoo._weights import build_network, fill, load_weights

cv2 = load_cv2()

STRIDE = 32
#: How much wider than it is a frame may become for ``input_width``. On a third of the val pictures, 512 to
#: 640 pixels wide, AP50 was best at 1; 5 to 7 % lower at 1.5, where the smallest vehicles were found more
#: often; a fifth to a half lower at 2 to 2.5 (benchmarks/small_vehicles.py, with --enlarge).
MAX_ENLARGEMENT = 1.5


@dataclass(frozen=True, slots=True)
class Config:
    """Settings.

    Attributes:
        weights: path of the weight file.
        sha256: expected digest of that file; None to take it as it is.
        score: least score of a detection; None for the weights' own default.
        one_class_a_place: of overlapping boxes of different classes only the best is kept.
        nms_iou: overlap from which two boxes are the same object.
        input_width: width in pixels that a 16:9 frame gets at the network, to the nearest multiple of 32; a
            frame of another shape gets as many pixels in all. None for the size of the weights' training;
            beyond that size no frame is made wider than ``MAX_ENLARGEMENT`` times its own width.
        device: "auto" takes a GPU where there is one.
    """

    weights: str
    sha256: str | None = None
    score: float | None = None
    one_class_a_place: bool = True
    nms_iou: float = 0.6
    input_width: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        """Raise ValueError for a threshold outside [0, 1] or an input that is no picture's."""
        if self.score is not None and not 0 <= self.score <= 1:
            raise ValueError("score must lie in [0, 1]")
        if not 0 < self.nms_iou <= 1:
            raise ValueError("nms_iou must lie in (0, 1]")
        if self.input_width is not None and not 128 <= self.input_width <= 4096:
            raise ValueError("input_width must lie in 128..4096 pixels")


class FasterRcnnDetector:
    """Letterbox, network, boxes in source pixels.

    Attributes:
        class_names: in the order of the labels.
        score: least score of a detection.
        sure_score: score from which a detection may start a track. The softmax of this head is bold: signs
            and road markings get 0.4 to 0.6. Chosen on the counted clips (benchmarks/counts.py): 0.7 gives
            half the false crossings of 0.5 at the same hits.
    """

    sure_score = 0.7

    def __init__(self, config: Config) -> None:
        """Load the weights.

        Raises:
            WeightsError: weights are missing, damaged or of another network.
            DetectorError: CUDA was asked for and is not there.
        """
        self._config = config
        path = Path(config.weights)
        description, tensors = load_weights(path, config.sha256)
        net: Any = build_network(description)
        fill(net, tensors, path)
        self.class_names = description.class_names
        self.score = description.score if config.score is None else config.score
        net.roi_heads.score_thresh = self.score
        net.roi_heads.nms_thresh = config.nms_iou
        self._own_pixels = math.prod(description.input_size)
        self._device = _device(config.device)
        self._net = fused(net.eval()).to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return one ``Detections`` a frame; frames of one shape go through the network together."""
        by_size: dict[tuple[int, int], list[int]] = {}
        for place, frame in enumerate(frames):
            by_size.setdefault(self.input_size(frame), []).append(place)
        answers: dict[int, Detections] = {}
        for size, places in by_size.items():
            found = self._look([frames[place] for place in places], size)
            answers.update(zip(places, found, strict=True))
        return [answers[place] for place in range(len(frames))]

    def input_size(self, frame: Frame) -> tuple[int, int]:
        """Return the width and height in pixels that this frame gets at the network."""
        pixels = self._own_pixels
        if (width := self._config.input_width) is not None:
            enlarged = round(frame.width * frame.height * MAX_ENLARGEMENT**2)
            pixels = min(width * width * 9 // 16, max(enlarged, self._own_pixels))
        return input_size(frame.width, frame.height, pixels)

    def _look(self, frames: Sequence[Frame], size: tuple[int, int]) -> list[Detections]:
        pictures, scales = zip(*(letterbox(frame.image, size) for frame in frames), strict=True)
        batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)  # channels-last already
        with torch.inference_mode():
            found, _ = self._net.roi_heads(*self._proposals(batch.to(self._device).float()))
        return [
            self._detections(result, scale, frame)
            for result, scale, frame in zip(found, scales, frames, strict=True)
        ]

    def _proposals(self, batch: Tensor) -> tuple[dict[str, Tensor], list[Tensor], list[tuple[int, int]]]:
        images, _ = self._net.transform(batch)
        features = self._net.backbone(images.tensors)
        proposals, _ = self._net.rpn(images, features)
        return features, proposals, images.image_sizes

    def _detections(self, result: dict[str, Tensor], scale: float, frame: Frame) -> Detections:
        boxes, scores, labels = result["boxes"], result["scores"], result["labels"]
        if self._config.one_class_a_place:
            keep = nms(boxes, scores, self._config.nms_iou)
        else:
            keep = scores.argsort(descending=True)
        xyxy = boxlib.clip(boxes[keep].cpu().numpy() / scale, frame.width, frame.height)
        seen = boxlib.areas(xyxy) > 0  # what lies in the grey margin alone is cut to nothing
        return Detections(
            xyxy,
            scores[keep].cpu().numpy().astype(np.float32),
            labels[keep].cpu().numpy().astype(np.int64) - 1,
        ).select(seen)


def input_size(width: int, height: int, pixels: int) -> tuple[int, int]:
    """Return the network's input (width, height) for a source: its shape, about ``pixels`` in all.

    Both are multiples of 32. A 4:3 picture letterboxed into 16:9 would waste a quarter of the pixels.
    """
    most = max(pixels // STRIDE**2, 1)  # even for a picture that is one line of pixels
    ideal = (pixels * width / height) ** 0.5
    across = min(max(round(ideal / STRIDE), 1), most) * STRIDE
    down = max(round(pixels / across / STRIDE), 1) * STRIDE
    return across, down


def letterbox(image: NDArray[np.uint8], size: tuple[int, int]) -> tuple[NDArray[np.uint8], float]:
    """Return the picture (uint8 (H, W, 3)) scaled into the top left of a grey canvas, and the scale."""
    height, width = image.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    inner = [min(max(round(side * scale), 1), room) for side, room in zip((width, height), size, strict=True)]
    canvas = np.full((size[1], size[0], 3), 114, np.uint8)
    method = cv2.INTER_AREA if scale < 0.7 else cv2.INTER_LINEAR
    cv2.resize(image, inner, dst=canvas[: inner[1], : inner[0]], interpolation=method)
    return canvas, scale


def fused(net: nn.Module) -> nn.Module:
    """Fold every normalisation that stands right behind a convolution into it, for running only."""
    for module in net.modules():
        if isinstance(module, nn.Sequential):
            layers = dict(module.named_children())
            names = list(layers)
            for name, following in itertools.pairwise(names):
                conv, norm = layers[name], layers[following]
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    setattr(module, name, fuse_conv_bn_eval(conv, norm))
                    setattr(module, following, nn.Identity())
    return net


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise DetectorError("no CUDA device here: use --device cpu or auto")
    return name


def build(config: Config) -> FasterRcnnDetector:
    """Build the detector."""
    return FasterRcnnDetector(config)

"""What all of the project's own networks share as detectors: settings, letterbox, boxes in source pixels."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.ops import nms

from detectors import boxes as boxlib
from detectors.detections import Detections
from detectors.errors import DetectorError, WeightsError
from detectors.frame import Frame
from detectors.networks.fusing import fused
from detectors.runtimes import processor
from detectors.runtimes.choice import Precision, Runtime, choose, open_module
from detectors.zoo._appearance import with_embeddings
from detectors.zoo._fit import Place, fit_into, to_source
from detectors.zoo._letterbox import GREY, own_shape
from detectors.zoo._looking import STAGES, add_times, check_settings, look_within
from detectors.zoo._weights import Description, build_network, fill, load_weights

#: Of one picture: boxes float32 (N, 4) xyxy in pixels of the input, scores float32 (N,), labels int64 (N,).
Seen = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Config:
    """Settings.

    Attributes:
        weights: path of the weight file.
        sha256: expected digest of that file; None to take it as it is.
        score: least score of a detection; None for the weights' own default.
        one_class_a_place: of overlapping boxes of different classes only the best is kept.
        nms_iou: overlap from which two boxes are the same object. With 0.6 half a car was often a car of its
            own, and took the track away (benchmarks/counts.py --set detector.faster_rcnn.nms_iou=0.6).
        embeddings: whether a detection also says what it looks like; see ``_appearance``. Of one-stage
            networks alone.
        input_width: width in pixels that a 16:9 frame gets at the network, to the nearest multiple of 32; a
            frame of another shape gets as many pixels in all. None for the size of the weights' training;
            beyond that size no frame is made wider than ``MAX_ENLARGEMENT`` times its own width.
        device: "auto" takes a GPU where there is one.
        runtime: what computes the network; "auto" takes the fastest that is installed.
        precision: number format; "auto" takes bf16 where the processor is faster with it, else fp32.
        threads: of the runtime, on a processor; 0 for as many as there are cores.
    """

    weights: str
    sha256: str | None = None
    score: float | None = None
    one_class_a_place: bool = True
    nms_iou: float = 0.5
    embeddings: bool = False
    input_width: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    runtime: Runtime = "auto"
    precision: Precision = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for a threshold outside [0, 1] or an input that is no picture's."""
        check_settings(self.score, self.nms_iou, self.input_width, self.threads)


class NetworkDetector:
    """Letterbox, network, boxes in source pixels.

    Attributes:
        class_names: in the order of the labels.
        score: least score of a detection.
        born_score: score from which a detection may start a track; None where it was not measured.
        runtime: what computes the network.
        precision: number format that it is computed in.
        processor: name of the processor or the card.
        threads: of the runtime, on a processor.
        stage_s: seconds spent so far, by stage: "letterbox", "network", "boxes".
    """

    def __init__(
        self,
        config: Config,
        description: Description,
        dense: nn.Module,
        decide: Callable[[Sequence[Tensor], tuple[int, int]], Sequence[Seen]],
        born_score: float | None = None,
        features_stride: int = 8,
    ) -> None:
        """Put a network behind a letterbox.

        Args:
            config: settings.
            description: what the weight file says of the network.
            dense: the part of the network that a runtime computes; has ``OUTPUTS``, their names. Takes
                pictures, float32 (N, 3, H, W) BGR in [0, 255].
            decide: takes its outputs and the pictures' width and height; says what is on each.
            born_score: score from which a detection may start a track.
            features_stride: of the last output, where there are to be embeddings, a map (N, C, h, w).
        """
        self._config = config
        self._decide = decide
        self._features_stride = features_stride
        self._own_pixels = math.prod(description.input_size)
        device = device_of(config)
        self.runtime, self.precision = choose(config.runtime, config.precision, device)
        self._session = open_module(
            dense,
            cast("tuple[str, ...]", dense.OUTPUTS),
            description.input_size,
            runtime=self.runtime,
            precision=self.precision,
            device=device,
            threads=config.threads,
        )
        self.processor = torch.cuda.get_device_name() if device == "cuda" else processor.name()
        own = torch.get_num_threads() if self.runtime == "torch" else processor.cores()
        self.threads = config.threads or own
        self.class_names = description.class_names
        self.score = score_of(config, description)
        self.born_score = born_score
        self.stage_s = dict.fromkeys(STAGES, 0.0)

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

    def detect_within(
        self, frame: Frame, region: NDArray[np.float32]
    ) -> tuple[Detections, NDArray[np.float32] | None]:
        """Look at a part of a frame; see ``detectors.protocol.PartDetector``."""
        return look_within(frame, region, self.input_size(frame), self._look)

    def input_size(self, frame: Frame) -> tuple[int, int]:
        """Return the width and height in pixels that this frame gets at the network."""
        return own_shape(frame, self._own_pixels, self._config.input_width)

    def _look(self, frames: Sequence[Frame], size: tuple[int, int]) -> list[Detections]:
        times = [time.perf_counter()]
        fitted = [fit_into(frame.image, size, "top_left", "area", GREY) for frame in frames]
        pictures, places = zip(*fitted, strict=True)
        batch = pictures[0][None] if len(pictures) == 1 else np.stack(pictures)
        times.append(time.perf_counter())
        outputs = self._session(batch)
        times.append(time.perf_counter())
        with torch.inference_mode():
            found = self._decide([torch.as_tensor(output) for output in outputs], size)
        answers = [
            self._detections(seen, place, frame)
            for seen, place, frame in zip(found, places, frames, strict=True)
        ]
        if self._config.embeddings:
            maps, stride = torch.as_tensor(outputs[-1]).cpu().numpy(), self._features_stride
            answers = [
                with_embeddings(answer, frame, features, stride, place)
                for answer, frame, features, place in zip(answers, frames, maps, places, strict=True)
            ]
        times.append(time.perf_counter())
        add_times(self.stage_s, times)
        return answers

    def _detections(self, seen: Seen, place: Place, frame: Frame) -> Detections:
        boxes, scores, labels = seen
        if self._config.one_class_a_place:
            keep = nms(boxes, scores, self._config.nms_iou)
        else:
            keep = scores.argsort(descending=True)
        xyxy = boxlib.clip(to_source(boxes[keep].cpu().numpy(), place), frame.width, frame.height)
        inside = boxlib.areas(xyxy) > 0  # what lies in the grey margin alone is cut to nothing
        return Detections(
            xyxy, scores[keep].cpu().numpy().astype(np.float32), labels[keep].cpu().numpy().astype(np.int64)
        ).select(inside)


def open_network(config: Config, architecture: str) -> tuple[Any, Description]:
    """Return the network with its weights, fused for running, and what the file says of it.

    Raises:
        WeightsError: weights are missing, damaged or of another network.
    """
    path = Path(config.weights)
    description, tensors = load_weights(path, config.sha256)
    if description.architecture != architecture:
        raise WeightsError(f"weights {path} are of a {description.architecture}, not of a {architecture}")
    net = build_network(description)
    fill(net, tensors, path)
    return fused(net.eval()), description


def score_of(config: Config, description: Description) -> float:
    """Return the least score of a detection: the settings', else the weights' own."""
    return description.score if config.score is None else config.score


def device_of(config: Config) -> str:
    """Return "cpu" or "cuda".

    Raises:
        DetectorError: CUDA was asked for and is not there.
    """
    if config.device == "auto":
        on_card = config.runtime in ("auto", "torch") and torch.cuda.is_available()
        return "cuda" if on_card else "cpu"
    if config.device == "cuda" and not torch.cuda.is_available():
        raise DetectorError("no CUDA device here: use --device cpu or auto")
    return config.device

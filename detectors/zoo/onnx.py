"""Any detector in an ONNX file, with a small text beside it that says what goes in and what comes out.

``model.onnx`` has ``model.toml`` beside it; ``track export detector`` writes both::

    [input]
    layout = "NCHW"       # or "NHWC"
    colours = "BGR"       # or "RGB"
    size = [416, 416]     # width, height; only where the model leaves them open. If it leaves both open, a
                          # frame gets its own shape with as many pixels, in multiples of 32
    fit = "top_left"      # "centre", or "stretch", which does not keep the shape
    resize = "linear"     # "area" averages where a frame gets smaller than 0.7 times itself
    pad = 114             # grey value of what is left free
    scale = 1.0           # value = (pixel * scale - mean) / deviation
    mean = 0.0            # one number, or one a colour: [0.485, 0.456, 0.406]
    deviation = 1.0

    [output]
    kind = "yolox"
    names = ["output"]    # of the model's outputs, where it has more than the kind's or in another order
    features = "relu_9"   # a float map (N, C, h, w), an output or a value inside: what things look like is
    features_stride = 8   # read there (embeddings=true); may be left out

    [classes]             # the model's index = name; what is not listed is left out
    0 = "person"
    2 = "car"

    [detector]
    score = 0.25          # least score of a detection
    nms_iou = 0.5         # overlap from which two boxes are the same object
    born_score = 0.6      # from which a detection may start a track; may be left out

Layout, colours, kind and classes must be there; the values above stand for all else. The type of the numbers
is the model's own (float32, float16, uint8). Boxes are in pixels of the input. Kinds of output:

============= ==================================================================================
yolox         (N, A, 5 + C): centre and size still on the grid, objectness, classes
yolov5        (N, A, 5 + C): centre x, centre y, width, height, objectness, classes
yolov8        (N, 4 + C, A): centre x, centre y, width, height, classes
end_to_end    (N, K, 6): left, top, right, bottom, score, index of the class
boxes_scores  (N, A, 4) and (N, A, C): left, top, right, bottom; scores
torchvision   (K, 4), (K,) and (K,) of one picture: left, top, right, bottom; index of the class (the
              background is 0, so the first is 1); score
============= ==================================================================================

Nothing here needs torch.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detectors import boxes as boxlib
from detectors.detections import Detections
from detectors.errors import DetectorError, WeightsError
from detectors.frame import Frame
from detectors.opencv import load_cv2
from detectors.runtimes import processor
from detectors.runtimes.choice import FOR_MODELS, Precision, choose, open_model
from detectors.runtimes.protocol import ModelSession
from detectors.zoo._appearance import model_with_features, with_embeddings
from detectors.zoo._decoders import KINDS, Seen, Wanted, decode
from detectors.zoo._fit import Place, to_source
from detectors.zoo._looking import STAGES, add_times, check_settings, look_within
from detectors.zoo._model_input import ModelInput
from detectors.zoo._sidecar import EXAMPLE, Sidecar, read_sidecar

cv2 = load_cv2()

MOST_DETECTIONS = 300
#: Every ONNX file begins with its version. OpenVINO would try all the formats it knows, and say so at length.
FIRST_BYTE = b"\x08"


@dataclass(frozen=True, slots=True)
class Config:
    """Settings.

    Attributes:
        path: of the model.
        sidecar: path of the text beside it; None for the model's with ``.toml`` in place of ``.onnx``.
        sha256: expected digest of the model; None to take it as it is.
        sidecar_sha256: expected digest of the text; None to take it as it is.
        score: least score of a detection; None for the sidecar's.
        one_class_a_place: of overlapping boxes of different classes only the best is kept.
        nms_iou: overlap from which two boxes are the same object; None for the sidecar's. A model that
            returns every object once has its own, and this one then weighs classes against each other alone.
        embeddings: whether a detection also says what it looks like; see ``_appearance``. For that the
            sidecar must name a map of features.
        input_width: width in pixels that a 16:9 frame gets at a model that leaves its sides open, to the
            nearest multiple of 32; a frame of another shape gets as many pixels in all. None for the
            sidecar's size.
        device: models in files run on the processor.
        runtime: what computes the network; "auto" takes the fastest that is installed.
        precision: number format; "auto" is fp32, whatever the processor: in bf16 YOLOX-Nano finds less, a box
            that is decoded and chosen in the model can be 14 pixels off (the exported ``smaller_vgg``), and
            what is in eight bits gains nothing.
        threads: of the runtime; 0 for as many as there are cores.
    """

    path: str
    sidecar: str | None = None
    sha256: str | None = None
    sidecar_sha256: str | None = None
    score: float | None = None
    one_class_a_place: bool = True
    nms_iou: float | None = None
    embeddings: bool = False
    input_width: int | None = None
    device: Literal["auto", "cpu"] = "auto"
    runtime: Literal["auto", "onnxruntime", "openvino"] = "auto"
    precision: Precision = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for a threshold that cannot be."""
        check_settings(self.score, self.nms_iou, self.input_width, self.threads)


class OnnxDetector:
    """Frames fitted into the model's input, boxes in source pixels.

    Attributes:
        class_names: in the order of the labels.
        sidecar: path of the text beside the model.
        sha256: of the model, in hexadecimal.
        sidecar_sha256: of the text.
        score: least score of a detection.
        nms_iou: overlap from which two boxes are the same object.
        born_score: score from which a detection may start a track; None where it was not measured.
        runtime: what computes the network.
        precision: number format that it is computed in, where the model does not say int8 itself.
        processor: name of the processor.
        threads: of the runtime.
        stage_s: seconds spent so far, by stage: "letterbox", "network", "boxes".
    """

    def __init__(self, config: Config, said: Sidecar, sidecar: str, digests: tuple[str, str]) -> None:
        """Open the model, and look at grey once: what does not fit is said now.

        Args:
            config: settings.
            said: what the sidecar says.
            sidecar: its path.
            digests: sha256 of the model and of the sidecar.
        """
        self.sidecar, (self.sha256, self.sidecar_sha256) = sidecar, digests
        precision = "fp32" if config.precision == "auto" else config.precision
        self.runtime, self.precision = choose(config.runtime, precision, "cpu", FOR_MODELS)
        self.processor, self.threads = processor.name(), config.threads or processor.cores()
        self._name = Path(config.path).name
        path = Path(config.path)
        model = model_with_features(path, sidecar, said.output.features) if config.embeddings else path
        self._session = open_model(
            model, runtime=self.runtime, precision=self.precision, threads=config.threads
        )
        self._input = ModelInput(said.input, self._session, (self._name, sidecar), config.input_width)
        self._outputs = _outputs_of(said, self._session, self._name)
        self._kind = said.output.kind
        self._features, self._stride = said.output.features, said.output.features_stride
        self._embeddings = config.embeddings
        self._apart = config.one_class_a_place
        self._classes = np.array(list(said.classes), np.int64)
        self.class_names = tuple(dict.fromkeys(said.classes.values()))
        self._labels = np.array([self.class_names.index(name) for name in said.classes.values()], np.int64)
        self.score = said.detector.score if config.score is None else config.score
        self.nms_iou = said.detector.nms_iou if config.nms_iou is None else config.nms_iou
        self.born_score = said.detector.born_score
        self.stage_s = dict.fromkeys(STAGES, 0.0)
        width, height = self._input.size
        self.detect([Frame(np.full((height, width, 3), said.input.pad, np.uint8))])
        self.stage_s = dict.fromkeys(STAGES, 0.0)  # that look does not count

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return one ``Detections`` a frame; frames of one shape go through the model together if it can."""
        by_size: dict[tuple[int, int], list[int]] = {}
        for place, frame in enumerate(frames):
            by_size.setdefault(self.input_size(frame), []).append(place)
        answers: dict[int, Detections] = {}
        for size, places in by_size.items():
            for group in [[place] for place in places] if self._one_by_one else [places]:
                found = self._look([frames[place] for place in group], size)
                answers.update(zip(group, found, strict=True))
        return [answers[place] for place in range(len(frames))]

    def detect_within(
        self, frame: Frame, region: NDArray[np.float32]
    ) -> tuple[Detections, NDArray[np.float32] | None]:
        """Look at a part of a frame, or at all of it if the model's input is fixed; see ``PartDetector``."""
        size = self.input_size(frame)
        if not self._input.any_shape:
            return self._look([frame], size)[0], None
        return look_within(frame, region, size, self._look)

    def input_size(self, frame: Frame) -> tuple[int, int]:
        """Return the width and height in pixels that this frame gets at the model."""
        return self._input.size_of(frame)

    @property
    def _one_by_one(self) -> bool:
        return self._input.one_by_one or not KINDS[self._kind].together

    def _look(self, frames: Sequence[Frame], size: tuple[int, int]) -> list[Detections]:
        times = [time.perf_counter()]
        batch, places = self._input.batch(frames, size)
        times.append(time.perf_counter())
        returned = self._session(batch)
        times.append(time.perf_counter())
        wanted = Wanted(self._classes, self.score, size)
        outputs = [returned[place] for place in self._outputs]
        found = decode(self._kind, outputs, len(frames), wanted, self._name)
        answers = [
            self._detections(seen, place, frame)
            for seen, place, frame in zip(found, places, frames, strict=True)
        ]
        if self._embeddings:
            maps = returned[self._session.output_names.index(str(self._features))]
            answers = [
                with_embeddings(answer, frame, features, self._stride, place)
                for answer, frame, features, place in zip(answers, frames, maps, places, strict=True)
            ]
        times.append(time.perf_counter())
        add_times(self.stage_s, times)
        return answers

    def _detections(self, seen: Seen, place: Place, frame: Frame) -> Detections:
        found = Detections(seen.boxes, seen.scores, self._labels[seen.labels])
        nms = KINDS[self._kind].nms
        if nms == "classes" or (nms == "cells" and not self._apart):
            found = found.select(_distinct(found, found.labels, self.nms_iou)[:MOST_DETECTIONS])
        if self._apart:
            found = found.select(_distinct(found, np.zeros_like(found.labels), self.nms_iou))
        boxes = boxlib.clip(to_source(found.boxes, place), frame.width, frame.height)
        inside = boxlib.areas(boxes) > 0  # what lies in the grey margin alone is cut to nothing
        return replace(found, boxes=boxes).select(inside)


def _distinct(found: Detections, groups: NDArray[np.int64], iou: float) -> NDArray[np.int64]:
    """Return the places of what overlaps nothing better in its group (N,), best first."""
    if not len(found):
        return np.zeros(0, np.int64)
    boxes = boxlib.xyxy_to_xywh(found.boxes).tolist()
    kept = cv2.dnn.NMSBoxesBatched(boxes, found.scores.tolist(), groups.tolist(), 0, iou)
    return np.asarray(kept, np.int64).ravel()


def _outputs_of(said: Sidecar, session: ModelSession, name: str) -> list[int]:
    """Return the places of the kind's outputs among the model's.

    Raises:
        WeightsError: the model has no such outputs, or not as many as the kind.
    """
    own, usual = session.output_names, KINDS[said.output.kind].outputs
    boxes = tuple(output for output in own if output != said.output.features)
    names = said.output.names or (usual if set(usual) <= set(own) else boxes)
    missing = [wanted for wanted in names if wanted not in own]
    if missing:
        raise WeightsError(f"{name} has no output '{missing[0]}': there is {', '.join(own)}")
    if len(names) != len(usual):
        raise WeightsError(
            f"{name} has the outputs {', '.join(own)}: kind {said.output.kind} is "
            f"{KINDS[said.output.kind].shapes}; say which with names = [...] in [output]"
        )
    return [own.index(wanted) for wanted in names]


def build(config: Config) -> OnnxDetector:
    """Build the detector.

    Raises:
        UsageError: the runtime is not installed or does not know the number format.
        WeightsError: a file is missing or damaged, or the two do not fit each other.
        DetectorError: the runtime cannot run the model.
    """
    path = Path(config.path)
    beside = Path(config.sidecar) if config.sidecar else path.with_suffix(".toml")
    model = _read(path, f"model {path} is missing")
    if model[:1] != FIRST_BYTE:
        raise WeightsError(f"{path} is no ONNX model, or damaged")
    digest = hashlib.sha256(model).hexdigest()
    text = _read(beside, f"{beside} is missing; it says how {path.name} is used: {EXAMPLE}")
    digests = digest, hashlib.sha256(text).hexdigest()
    expected = (path, config.sha256), (beside, config.sidecar_sha256)
    for (file, wanted), found in zip(expected, digests, strict=True):
        if wanted not in (None, found):
            raise WeightsError(f"{file} is damaged: the sha256 is not the one that was given")
    said = read_sidecar(text, str(beside))
    try:
        return OnnxDetector(config, said, str(beside), digests)
    except WeightsError:
        raise
    except DetectorError as exc:  # of the runtime, which knows no file
        raise DetectorError(f"{path}: {exc}") from exc


def _read(path: Path, missing: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as exc:
        raise WeightsError(missing) from exc
    except OSError as exc:
        raise WeightsError(f"{path} cannot be read: {exc.strerror}") from exc

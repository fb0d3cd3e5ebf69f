"""The project's own weights as an ONNX model with its sidecar: whole, boxes and all, for any runtime."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from detectors.boxes import iou
from detectors.detections import Detections
from detectors.errors import UsageError
from detectors.networks.one_stage import STRIDES, OneStage, boxes_of, cells_of
from detectors.runtimes.export import to_onnx
from detectors.runtimes.outputs import without_output
from detectors.zoo import faster_rcnn, one_stage
from detectors.zoo._calibration import calibration_files, read_file
from detectors.zoo._fit import fit_into
from detectors.zoo._letterbox import GREY, STRIDE, input_size
from detectors.zoo._network import Config, open_network
from detectors.zoo._sidecar import Input, Output, Sidecar, Thresholds, write_sidecar
from detectors.zoo._weights import build_network, fill, load_weights, save_weights

#: Built into a Faster R-CNN, whose second stage is part of the model; a higher one can still be asked for.
LEAST_SCORE = 0.01
NMS_IOU = 0.5
#: Name of the map that embeddings are read from.
FEATURES = "features"
#: Nodes that stay in float32 when the rest becomes int8: where logits and boxes are made.
_EXACT = {
    "boxes_scores": ("/net/to_.*", "/net/decode/.*"),
    "torchvision": ("/net/net/rpn/(?!head/conv).*", "/net/net/roi_heads/(?!box_head).*"),
}


class _Decode(nn.Module):
    """Boxes and scores from what the branches say; a module of its own for its name in the model."""

    def forward(self, pictures: Tensor, logits: Tensor, sides: Tensor) -> tuple[Tensor, Tensor]:
        # no numbers while it is traced: the cells follow from the size of whatever picture comes
        cells = cells_of((pictures.shape[-1], pictures.shape[-2]), pictures.device)
        return boxes_of(cells.centres, cells.strides, sides), logits.sigmoid()


class _OneStageBoxes(nn.Module):
    """Boxes and scores of all cells of a one-stage detector, and the backbone's map of stride 8."""

    def __init__(self, net: OneStage) -> None:
        super().__init__()
        self.net = net
        self.decode = _Decode()

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, sides, features = self.net.dense_with_features(pictures)
        boxes, scores = self.decode(pictures, logits, sides)
        return boxes, scores, features


class _FasterRCNNBoxes(nn.Module):
    """What a Faster R-CNN finds on one picture."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net
        net.roi_heads.score_thresh, net.roi_heads.nms_thresh = LEAST_SCORE, NMS_IOU

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = self.net(pictures)[0]
        return found["boxes"], found["labels"], found["scores"]


@dataclass(frozen=True, slots=True)
class Exported:
    """What stands in the two files.

    Attributes:
        model: takes uint8 (N, H, W, 3) BGR: for a one-stage network any number of pictures with sides that
            are multiples of 32, for a Faster R-CNN one of ``size``.
        sidecar: how it is used.
        size: width and height of its input in pixels; where it is open, of that of a frame of this shape.
        open: whether a frame of another shape gets an input of another shape.
        exact: patterns of the names of nodes that need their digits.
    """

    model: bytes
    sidecar: str
    size: tuple[int, int]
    open: bool
    exact: tuple[str, ...]


def export_weights(weights: Path, fixed: bool = False) -> Exported:
    """Return the model of a weight file.

    Args:
        weights: path of the file.
        fixed: whether the model takes pictures of the weights' size alone; a Faster R-CNN always does.

    Raises:
        WeightsError: the weights are missing or damaged.
    """
    architecture = load_weights(weights)[0].architecture
    net, description = open_network(Config(str(weights), device="cpu"), architecture)
    size, names = description.input_size, description.class_names
    usual = Input("NHWC", "BGR", size, fit="top_left", resize="area", pad=GREY)
    is_open = architecture == "one_stage" and not fixed
    if architecture == "one_stage":
        free = ["pictures"] if fixed else ["pictures", "height", "width"]
        # named, and no output: whoever wants no embeddings does not pay for it
        named = to_onnx(_OneStageBoxes(net), ("boxes", "scores", FEATURES), size, free)
        model = without_output(named, FEATURES)
        thresholds = Thresholds(description.score, NMS_IOU, one_stage.born_score_of(description))
        said = Sidecar(
            usual,
            Output("boxes_scores", features=FEATURES, features_stride=STRIDES[0]),
            dict(enumerate(names)),
            thresholds,
        )
    else:  # torchvision's label 0 is the background
        model = to_onnx(_FasterRCNNBoxes(net), ("boxes", "labels", "scores"), size, free=[])
        thresholds = Thresholds(description.score, NMS_IOU, faster_rcnn.BORN_SCORE)
        said = Sidecar(usual, Output("torchvision"), dict(enumerate(names, 1)), thresholds)
    return Exported(model, write_sidecar(said), size, is_open, _EXACT[said.output.kind])


def in_int8(exported: Exported, folder: Path, most: int) -> Exported:
    """Return the model in int8, its ranges measured on pictures.

    Args:
        exported: in fp32.
        folder: with the pictures; see ``calibration_files``.
        most: how many of them.

    Raises:
        UsageError: a library for it is not installed, or the folder is part of a labelled set.
        DataError: the pictures cannot be read.
        DetectorError: the model cannot be quantised.
    """
    from detectors.runtimes.quantisation import quantised

    def batch(path: Path) -> NDArray[np.uint8]:
        picture = read_file(path)
        height, width = picture.shape[:2]
        own = input_size(width, height, math.prod(exported.size)) if exported.open else exported.size
        return fit_into(picture, own, "top_left", "area", GREY)[0][None]

    files = calibration_files(folder, most)
    return replace(exported, model=quantised(exported.model, files, batch, exported.exact))


def resize_input(weights: Path, size: tuple[int, int], out: Path) -> None:
    """Write the same weights with another input size.

    Raises:
        UsageError: a side is no multiple of 32 pixels.
        WeightsError: the weights are missing or damaged.
        DetectorError: the file cannot be written.
    """
    if any(side % STRIDE or side < 2 * STRIDE for side in size):
        raise UsageError(f"both sides of --size must be multiples of {STRIDE}, {2 * STRIDE} at least")
    description, tensors = load_weights(weights)
    net = build_network(description)
    fill(net, tensors, weights)
    save_weights(out, net, replace(description, input_size=size))


def largest_difference(wanted: Detections, found: Detections) -> tuple[int, float]:
    """Return how many boxes were found again, and how far the worst of them is off in pixels.

    A box is found again where one of the same label overlaps it by half or more.
    """
    overlaps = iou(wanted.boxes, found.boxes)
    overlaps[wanted.labels[:, None] != found.labels] = 0
    if not overlaps.size:
        return 0, 0.0
    nearest, again = overlaps.argmax(1), overlaps.max(1) >= 0.5
    off = np.abs(wanted.boxes - found.boxes[nearest]).max(1)[again]
    return int(again.sum()), float(off.max(initial=0))

"""Weight files: tensors with a description of the network that they belong to.

A file holds a dict of plain types and tensors, so that ``torch.load(weights_only=True)`` reads it and no code
in it is ever run.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from detectors.errors import DetectorError, UnknownNameError, UsageError, WeightsError
from detectors.networks.faster_rcnn import build_faster_rcnn
from detectors.networks.one_stage import OneStage
from detectors.networks.smaller_vgg import SmallerVGG
from detectors.networks.smaller_vgg_rep import SIZES, SmallerVGGRep

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Backbone:
    """A stack of convolutions that detectors are built on.

    Attributes:
        build: makes it, with random weights.
        channels: by architecture, of its feature pyramid. The one-stage head runs its branches on every
            cell of the pyramid: at stride 8 they cost more than the whole stack if they are as wide as it.
    """

    build: Callable[[], nn.Module]
    channels: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Architecture:
    """A detector on a stack of convolutions.

    Attributes:
        build: makes it of the stack, the number of classes, the vehicle classes and the channels.
        body: where the stack is in it.
        score: usual score threshold. A softmax is bold; a score that means class and quality of the box at
            once is not.
    """

    build: Callable[[nn.Module, int, Sequence[int], int], nn.Module]
    body: str
    score: float


def _rep(size: str, two_stage: int, one_stage: int) -> Backbone:
    channels = {"faster_rcnn": two_stage, "one_stage": one_stage}
    return Backbone(partial(SmallerVGGRep, SIZES[size]), channels)


BACKBONES = {
    "smaller_vgg": Backbone(SmallerVGG, {"faster_rcnn": 96, "one_stage": 64}),
    "smaller_vgg_rep_nano": _rep("nano", 48, 48),
    "smaller_vgg_rep_small": _rep("small", 64, 48),
    "smaller_vgg_rep_medium": _rep("medium", 96, 64),
    "smaller_vgg_rep_large": _rep("large", 128, 96),
    "smaller_vgg_rep_huge": _rep("huge", 128, 128),
}
ARCHITECTURES = {
    "faster_rcnn": Architecture(build_faster_rcnn, "backbone.body", 0.4),
    "one_stage": Architecture(OneStage, "body", 0.35),
}


#: Layers with a value for each class, by architecture; Faster R-CNN's first value is the background's.
_CLASS_LAYERS = ("to_logits", "roi_heads.box_predictor.logits")


@dataclass(frozen=True, slots=True)
class Description:
    """What a network is, beside its weights.

    Attributes:
        architecture: name of the detector's file in ``detectors.zoo``.
        backbone: name of the stack of convolutions.
        class_names: in the order of the labels.
        vehicle_classes: 0-based classes that a vehicle of unknown class may be.
        input_size: width and height of the pictures it was trained on, in pixels.
        score: default score threshold.
    """

    architecture: str
    backbone: str
    class_names: tuple[str, ...]
    vehicle_classes: tuple[int, ...]
    input_size: tuple[int, int]
    score: float


def build_network(description: Description) -> nn.Module:
    """Return the network with random weights.

    Raises:
        WeightsError: the architecture or the backbone is not known.
    """
    if description.architecture not in ARCHITECTURES or description.backbone not in BACKBONES:
        raise WeightsError(
            f"no network '{description.architecture}' on '{description.backbone}': "
            f"there is {' and '.join(ARCHITECTURES)} on {', '.join(BACKBONES)}"
        )
    backbone = BACKBONES[description.backbone]
    classes, channels = len(description.class_names), backbone.channels[description.architecture]
    build = ARCHITECTURES[description.architecture].build
    return build(backbone.build(), classes, description.vehicle_classes, channels)


def save_weights(path: Path, net: nn.Module, description: Description) -> str:
    """Write the weights in half precision and return the file's sha256.

    Raises:
        DetectorError: the file cannot be written.
    """
    tensors = {
        name: tensor.detach().cpu().half() if tensor.is_floating_point() else tensor.detach().cpu()
        for name, tensor in net.state_dict().items()
    }
    content = {
        "format": FORMAT,
        "architecture": description.architecture,
        "backbone": description.backbone,
        "class_names": list(description.class_names),
        "vehicle_classes": list(description.vehicle_classes),
        "input_size": list(description.input_size),
        "score": description.score,
        "weights": tensors,
    }
    write_file(path, content)
    return sha256_of(path)


def write_file(path: Path, content: Mapping[str, object]) -> None:
    """Write plain types and tensors, so that a whole file stands there at any moment.

    Raises:
        DetectorError: the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(content, part)
        part.replace(path)
    except (OSError, RuntimeError) as exc:  # torch's writer says RuntimeError of a full disk
        with contextlib.suppress(OSError):
            part.unlink()
        reason = (str(exc).splitlines() or [type(exc).__name__])[0]
        raise DetectorError(f"cannot write {path}: {reason}") from exc


def load_weights(path: Path, sha256: str | None = None) -> tuple[Description, dict[str, Tensor]]:
    """Read a weight file.

    Args:
        path: of the file.
        sha256: expected digest; None to take the file as it is.

    Raises:
        WeightsError: the file is missing, damaged, altered or of another kind.
    """
    if not path.is_file():
        raise WeightsError(f"weights {path} are missing: install again, or train with 'track train detector'")
    try:
        if sha256 is not None and sha256_of(path) != sha256:
            raise WeightsError(f"weights {path} are damaged: the sha256 is not the manifest's; install again")
        content = torch.load(path, map_location="cpu", weights_only=True)
        return _describe(content), {
            k: v.float() if v.is_floating_point() else v for k, v in content["weights"].items()
        }
    except WeightsError:
        raise
    except Exception as exc:  # torch.load raises whatever its readers raise: zip, pickle, key and type errors
        reason = type(exc).__name__
        raise WeightsError(
            f"weights {path} cannot be read: they are damaged, or no weights ({reason})"
        ) from exc


def architecture_of(path: Path) -> str:
    """Return the name of the detector's file in ``detectors.zoo`` that can run these weights.

    Raises:
        WeightsError: the file is missing, damaged or of another kind.
    """
    return load_weights(path)[0].architecture


def _describe(content: Mapping[str, Any]) -> Description:
    if content["format"] != FORMAT:
        raise WeightsError(f"weights of format {content['format']}: this program reads format {FORMAT}")
    return Description(
        architecture=str(content["architecture"]),
        backbone=str(content["backbone"]),
        class_names=tuple(map(str, content["class_names"])),
        vehicle_classes=tuple(map(int, content["vehicle_classes"])),
        input_size=(int(content["input_size"][0]), int(content["input_size"][1])),
        score=float(content["score"]),
    )


def fill(net: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Put the tensors into the network.

    Raises:
        WeightsError: they belong to another network or another number of classes.
    """
    try:
        net.load_state_dict(dict(tensors))
    except RuntimeError as exc:
        raise WeightsError(f"weights {path} belong to another network or class list") from exc


def fill_but_classes(
    net: nn.Module, tensors: Mapping[str, Tensor], path: Path, theirs: Sequence[str], ours: Sequence[str]
) -> None:
    """Put the tensors of a network with other classes into one of the same architecture.

    In the layer that names the classes, those that both know are taken over by their names; the others stay
    as they are.

    Args:
        net: to be filled.
        tensors: of the other network.
        path: of their file, for messages.
        theirs: the other network's classes.
        ours: the classes of ``net``.

    Raises:
        WeightsError: they belong to another network.
    """
    own = net.state_dict()
    filled = dict(tensors)
    for key, tensor in tensors.items():
        if key.rpartition(".")[0] not in _CLASS_LAYERS or key not in own:
            continue
        first = len(tensor) - len(theirs)  # 1 where the background is before the classes
        filled[key] = own[key].clone()
        filled[key][:first] = tensor[:first]
        for place, name in enumerate(ours):
            if name in theirs:
                filled[key][first + place] = tensor[first + list(theirs).index(name)]
    fill(net, filled, path)


def fill_body(net: nn.Module, architecture: str, start: Description, tensors: Mapping[str, Tensor]) -> None:
    """Put another architecture's stack of convolutions into the network; its head stays as it is.

    Args:
        net: to be filled.
        architecture: of ``net``.
        start: what the tensors' file says of them.
        tensors: of the whole other network.

    Raises:
        WeightsError: they belong to another backbone.
    """
    prefix = ARCHITECTURES[start.architecture].body + "."
    body = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    try:
        net.get_submodule(ARCHITECTURES[architecture].body).load_state_dict(body)
    except RuntimeError as exc:
        raise WeightsError(f"weights on '{start.backbone}' do not fit this backbone") from exc


def shift_logits(
    net: nn.Module, architecture: str, class_names: Sequence[str], shifts: Mapping[str, float]
) -> None:
    """Add to the logits of classes, by name, for good.

    Raises:
        UnknownNameError: there is no such class.
        UsageError: a number is not finite.
    """
    two_stages = architecture == "faster_rcnn"  # whose label 0 is the background
    last = net.get_submodule("roi_heads.box_predictor.logits" if two_stages else "to_logits")
    for name, shift in shifts.items():
        if name not in class_names:
            raise UnknownNameError("class", name, class_names)
        if not math.isfinite(shift):
            raise UsageError(f"the shift of {name} must be finite, not {shift}")
        with torch.no_grad():
            cast("Tensor", last.bias)[list(class_names).index(name) + two_stages] += shift


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()

"""Weights of torchvision's detection networks: published or the user's own, and which classes they know."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlparse

import torch
from torch import Tensor, nn
from torchvision.models import detection as torchvision_detection
from torchvision.models import get_model, get_model_weights, list_models

from detectors.dataset import ROAD_USERS
from detectors.errors import WeightsError

#: COCO's name of a road user, where it is another one than this project's.
_COCO_NAMES = {"motorbike": "motorcycle"}
#: Networks whose published weights were trained when torchvision's frozen normalisation had no epsilon.
WITHOUT_EPSILON = ("fasterrcnn_resnet50_fpn", "retinanet_resnet50_fpn")


@dataclass(frozen=True, slots=True)
class Family:
    """How networks of one family keep their classes.

    Attributes:
        classifier: tensor whose first dimension is classes times anchors.
        anchors: boxes of one place that this tensor judges.
        background: the scores are a softmax, in which label 0 must be the background.
    """

    classifier: str
    anchors: int
    background: bool


#: By the first word of the network's name. Mask R-CNN and Keypoint R-CNN are not here: they answer more than
#: boxes, and take time for it.
FAMILIES = {
    "fasterrcnn": Family("roi_heads.box_predictor.cls_score.weight", 1, True),
    "retinanet": Family("head.classification_head.cls_logits.weight", 9, False),
    "fcos": Family("head.classification_head.cls_logits.weight", 1, False),
    "ssd300": Family("head.classification_head.module_list.0.weight", 4, True),
    "ssdlite320": Family("head.classification_head.module_list.0.1.weight", 6, True),
}


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A network with its weights, on the CPU, ready to run.

    Attributes:
        net: takes a list of pictures, float32 (3, H, W) RGB in [0, 1].
        path: of the weight file.
        sha256: of that file, in hexadecimal.
        class_names: in the order of this project's labels.
        places: int64 (K,), this project's label of each label of the network; -1 for what is left out.
    """

    net: nn.Module
    path: Path
    sha256: str
    class_names: tuple[str, ...]
    places: Tensor


def network_names() -> list[str]:
    """Return the networks of the installed torchvision that can be opened."""
    return [name for name in list_models(torchvision_detection) if _family_name(name) in FAMILIES]


def open_network(
    network: str,
    weights: str | None = None,
    sha256: str | None = None,
    class_names: Sequence[str] | None = None,
) -> Opened:
    """Build a network of torchvision's zoo and fill it.

    Args:
        network: its name.
        weights: path of a state dict; None for the published ones.
        sha256: expected digest of the file; None to take it as it is.
        class_names: of weights of one's own, in the order of the labels; None for COCO's.

    Raises:
        WeightsError: weights are missing, damaged, of another network or of another class list.
    """
    published = get_model_weights(network).DEFAULT
    path = Path(weights) if weights is not None else fetch(published.url)
    digest = _sha256_of(path)
    if sha256 is not None and digest != sha256:
        raise WeightsError(f"weights {path} are damaged: the sha256 is not the one that was given")
    tensors = _read(path)
    outputs = _count_outputs(network, tensors, path)
    names, places = _match_classes(network, outputs, class_names, path)
    net = get_model(network, weights=None, weights_backbone=None, num_classes=outputs)
    try:
        net.load_state_dict(tensors)
    except RuntimeError as exc:
        raise WeightsError(f"weights {path} belong to another network than {network}") from exc
    if network in WITHOUT_EPSILON and digest.startswith(_digest_in(published.url)):
        _drop_epsilon(net)
    return Opened(net.eval(), path, digest, names, places)


def fetch(url: str) -> Path:
    """Return the file of torch's cache for this address; it is downloaded where it is not there yet.

    Args:
        url: ends with ``NAME-DIGITS.pth``, the first digits of the file's sha256, as torchvision's do.

    Raises:
        WeightsError: there is no such file and no way to it, or it is damaged.
    """
    file = Path(torch.hub.get_dir(), "checkpoints", PurePosixPath(urlparse(url).path).name)
    if not file.exists():
        _download(url, file)
    elif not _sha256_of(file).startswith(_digest_in(url)):
        raise WeightsError(f"weights {file} are damaged: delete them, or put {url} in their place")
    return file


def _download(url: str, file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(file), _digest_in(url), progress=sys.stderr.isatty())
    except (OSError, HTTPException, RuntimeError) as exc:
        reason = getattr(exc, "reason", None) or getattr(exc, "strerror", None) or type(exc).__name__
        if isinstance(exc, RuntimeError):  # torch's word for another digest; nothing was left in the cache
            reason = "what came is damaged"
        elif isinstance(reason, OSError):
            reason = reason.strerror or reason
        raise WeightsError(f"cannot download weights ({reason}): put {url} at {file}") from exc


def _digest_in(url: str) -> str:
    return PurePosixPath(urlparse(url).path).stem.rpartition("-")[2]


def _sha256_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as exc:
        raise WeightsError(f"weights {path} are missing") from exc
    except OSError as exc:
        raise WeightsError(f"weights {path} cannot be read: {exc.strerror}") from exc


def _read(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a state dict, or of a checkpoint that holds one as ``model``."""
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as exc:  # torch.load raises whatever its readers raise: zip, pickle, key and type errors
        raise WeightsError(f"weights {path} cannot be read: they are damaged, or no state dict") from exc
    if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        content = content["model"]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(f"weights {path} are no state dict: save model.state_dict()")
    return dict(content)


def _family_name(network: str) -> str:
    return network.partition("_")[0]


def _count_outputs(network: str, tensors: Mapping[str, Tensor], path: Path) -> int:
    """Return how many labels the weights tell apart, the background included."""
    family = FAMILIES[_family_name(network)]
    classifier = tensors.get(family.classifier)
    rows = 0 if classifier is None or not classifier.ndim else len(classifier)
    if rows == 0 or rows % family.anchors:
        raise WeightsError(f"weights {path} belong to another network than {network}")
    return rows // family.anchors


def _match_classes(
    network: str, outputs: int, class_names: Sequence[str] | None, path: Path
) -> tuple[tuple[str, ...], Tensor]:
    """Return ``class_names`` and ``places`` of ``Opened``."""
    places = torch.full((outputs,), -1)
    if class_names is None:
        categories = get_model_weights(network).DEFAULT.meta["categories"]
        if outputs != len(categories):
            raise WeightsError(
                f"weights {path} know {outputs - 1} classes beside the background: "
                "say which with --set detector.torchvision.class_names=NAME,NAME"
            )
        for label, name in enumerate(ROAD_USERS):
            places[categories.index(_COCO_NAMES.get(name, name))] = label
        return ROAD_USERS, places
    first = outputs - len(class_names)
    # without a softmax a network may have been trained without a label for the background
    if first != 1 and (first != 0 or FAMILIES[_family_name(network)].background):
        raise WeightsError(
            f"weights {path} know {outputs - 1} classes beside the background, "
            f"and class_names names {len(class_names)}: {', '.join(class_names)}"
        )
    places[first:] = torch.arange(len(class_names))
    return tuple(class_names), places


def _drop_epsilon(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 0.0

"""What a name or a weight file stands for, opened to be looked into."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

import torch
from torch import nn

from detectors.catalog import find_detector, manifest, released
from detectors.classifiers.models import OWN, TIMM, Built, Options, build_model, model_names
from detectors.classifiers.opened import Opened, Shape
from detectors.classifiers.weights import KIND, Classifier, load_classifier, read_file
from detectors.errors import UnknownNameError, UsageError, WeightsError
from detectors.zoo._letterbox import STRIDE
from detectors.zoo._weights import ARCHITECTURES, BACKBONES, Description, build_network, fill, load_weights

CLASSIFIER, BACKBONE = "classifier:", "backbone:"
#: The picture and the number of classes that a network is known for, where that is not ImageNet's.
_USUAL: dict[str, tuple[tuple[int, ...], int]] = {"lenet5": ((1, 28, 28), 10)}
_IMAGENET_CLASSES = 1000
#: A network that is built for the picture's size has no dense layers for less; its convolutions say so.
_LEAST_PX = 12


def opened(
    name: str, shape: Sequence[int] | None = None, classes: int | None = None, *, empty: bool = False
) -> Opened:
    """Open a network.

    Args:
        name: of a network of ``model_names``; ``timm:NAME``; a released detector; ``classifier:NAME`` and
            ``backbone:NAME`` for the classifier and the stack of that name; or a weight file.
        shape: of the picture, channels, height and width; None for the network's own.
        classes: of a classifier without weights; None for what it is known for.
        empty: on the "meta" device and without weights: for its shapes alone.

    Raises:
        UnknownNameError: there is no such network.
        UsageError: the network takes no such picture, or its number of classes is given by its weights.
        WeightsError: weights are missing, damaged, or of something that cannot be opened.
    """
    backbone = name.removeprefix(BACKBONE) if name.startswith(BACKBONE) else None
    path = _weights(name)
    if classes is not None and (path is not None or backbone is not None):
        raise UsageError(f"--classes has no meaning with {name}: leave it out")
    if backbone is not None:
        return _backbone(backbone, shape, empty)
    if path is not None:
        return _of_file(path, name, shape, empty)
    return _random(name.removeprefix(CLASSIFIER), shape, classes, empty)


def _weights(name: str) -> Path | None:
    """Return the file that a name stands for: a released detector's, or what looks like a path.

    Raises:
        UsageError: it is a file of another program.
    """
    entries = manifest()
    if name in entries:
        entry = released(name, entries[name])
        if entry.architecture not in ARCHITECTURES:
            raise UsageError(f"{name} is an ONNX file, whose layers are fused: give {entry.backbone}")
        return Path(str(find_detector(name).options["weights"]))
    if name.startswith((TIMM, CLASSIFIER, BACKBONE)):
        return None
    if Path(name).suffix.lower() == ".onnx":
        raise UsageError(
            f"{name} is an ONNX file, whose layers are fused: give the weights (.pt) it is made of"
        )
    return Path(name) if Path(name).suffix or len(Path(name).parts) > 1 else None


def _on(empty: bool) -> contextlib.AbstractContextManager[object]:
    return torch.device("meta") if empty else contextlib.nullcontext()


def _random(name: str, shape: Sequence[int] | None, classes: int | None, empty: bool) -> Opened:
    if not name.startswith(TIMM) and name not in model_names():
        raise UnknownNameError("network", name, {*model_names(), *manifest()})
    usual, number = _USUAL.get(name, (None, _IMAGENET_CLASSES))
    if classes is not None and not 1 <= classes <= 1_000_000:
        raise UsageError(f"--classes must lie in 1 to 1000000, not {classes}")
    wanted = shape or usual
    if wanted is not None and wanted[0] != 3 and name not in OWN and not name.startswith(TIMM):
        raise UsageError(f"{name} takes colour pictures: give --input 3x{wanted[1]}x{wanted[2]}")
    options = Options()
    if wanted is not None:
        sized = name in OWN and "size" in OWN[name].takes and wanted[1] == wanted[2] >= _LEAST_PX
        options = Options(channels=wanted[0], size=wanted[1] if sized else None)
    with _on(empty):
        built = build_model(name, number if classes is None else classes, options)
    return _classifier(built, None, wanted, name, random=True)


def _classifier(
    built: Built,
    class_names: tuple[str, ...] | None,
    shape: Sequence[int] | None,
    name: str,
    random: bool,
    fit: Literal["stretch", "crop"] = "stretch",
) -> Opened:
    own = _shape(shape or (built.channels, built.size, built.size))
    return Opened(
        name,
        "classifier",
        built.net.eval(),
        "",
        built.head,
        own,
        class_names,
        built.normalisation,
        random,
        fit,
    )


def _of_file(path: Path, name: str, shape: Sequence[int] | None, empty: bool) -> Opened:
    content = read_file(path)
    if content.get("kind") == KIND:
        return _from_classifier(load_classifier(path), name, shape, empty)
    if "architecture" not in content:
        raise WeightsError(f"weights {path} do not say of which network they are: give its name")
    description, tensors = load_weights(path)
    with _on(empty):
        net = build_network(description)
    if not empty:
        fill(net, tensors, path)
    return _detector(net, description, name, shape)


def _from_classifier(found: Classifier, name: str, shape: Sequence[int] | None, empty: bool) -> Opened:
    built = found.built
    if empty:
        built.net.to("meta")
    return _classifier(built, found.class_names, shape, name, random=False, fit=found.fit)


def _detector(net: nn.Module, description: Description, name: str, shape: Sequence[int] | None) -> Opened:
    width, height = description.input_size
    architecture = cast('Literal["one_stage", "faster_rcnn"]', description.architecture)
    body = ARCHITECTURES[architecture].body
    what = f"{name}: {architecture} on {description.backbone}"
    own = _shape(shape or (3, height, width))
    if own[1] % STRIDE or own[2] % STRIDE:
        raise UsageError(f"a detector takes multiples of {STRIDE}: --input 3x{height}x{width}, for one")
    return Opened(what, architecture, net.eval(), body, "", own, description.class_names, "own", random=False)


def _backbone(name: str, shape: Sequence[int] | None, empty: bool) -> Opened:
    if name not in BACKBONES:
        raise UnknownNameError("backbone", name, BACKBONES)
    with _on(empty):
        net = BACKBONES[name].build()
    own = _shape(shape or (3, OWN[name].size, OWN[name].size))
    return Opened(f"{BACKBONE}{name}", "backbone", net.eval(), "", "", own, None, "own", random=True)


def _shape(shape: Sequence[int]) -> Shape:
    channels, height, width = shape
    return channels, height, width

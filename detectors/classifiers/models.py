"""Networks that name a picture, by name: the lectures', torchvision's, timm's and the project's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Literal, cast

import torchvision
from torch import nn

from detectors.errors import UnknownNameError, UsageError
from detectors.networks.alexnet_2012 import AlexNet2012
from detectors.networks.backbone_classifier import BackboneClassifier
from detectors.networks.lenet import LeNet5
from detectors.networks.smaller_vgg import SmallerVGG
from detectors.networks.smaller_vgg_rep import SIZES, SmallerVGGRep

#: Of a layer in torchvision's and timm's networks whose output has a value for each class.
_HEADS = ("classifier", "fc", "heads", "head")
TIMM = "timm:"


@dataclass(frozen=True, slots=True)
class Options:
    """What a network is built with; None for what is usual with it.

    Attributes:
        channels: 3, or 1 for grey pictures.
        size: side of the square picture in pixels.
        dropout: probability of dropping a value, in every place where the network drops values.
        batch_norm: with or without batch normalisation.
        activation: of ``lenet5``: "sigmoid", "tanh" or "relu".
        pooling: of ``lenet5``: "mean" or "max".
    """

    channels: int = 3
    size: int | None = None
    dropout: float | None = None
    batch_norm: bool | None = None
    activation: Literal["sigmoid", "tanh", "relu"] | None = None
    pooling: Literal["mean", "max"] | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for a number out of its range."""
        if self.channels not in (1, 3):
            raise UsageError(f"--channels must be 1 (grey) or 3, not {self.channels}")
        if self.size is not None and not 8 <= self.size <= 2048:
            raise UsageError(f"--size must lie in 8 to 2048 pixels, not {self.size}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise UsageError(f"--dropout must lie in [0, 1), not {self.dropout}")


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of network.

    Attributes:
        build: makes it of the number of classes and keywords of ``Options``.
        size: usual side of the picture in pixels.
        takes: those keywords beside ``channels`` and ``dropout`` that it understands.
        normalisation: of the pixels, see ``detectors.classifiers.pixels``.
    """

    build: Callable[..., nn.Module]
    size: int
    takes: tuple[str, ...] = ()
    normalisation: str = "own"


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A network with what is to be known of it.

    Attributes:
        name: of its kind.
        net: the module: logits (N, classes) for pictures float (N, channels, size, size).
        head: name of the submodule that holds its dense layers: what comes in there are its features.
        size: side of the picture in pixels.
        channels: of the picture.
        normalisation: of the pixels, see ``detectors.classifiers.pixels``.
        options: that were given.
        learner: what took the place of its dense layers, and that one's shape: see
            ``detectors.classifiers.weights``; empty where they are the network's own.
    """

    name: str
    net: nn.Module
    head: str
    size: int
    channels: int
    normalisation: str
    options: Options = field(default_factory=Options)
    learner: tuple[str | int, ...] = ()


def _backbone(body: Callable[..., nn.Module], classes: int, channels: int, **options: Any) -> nn.Module:
    stack = body(in_channels=channels)
    widths = cast("tuple[int, ...]", stack.widths)
    norm = options.pop("batch_norm", True)
    net = BackboneClassifier(stack, widths, classes, **options)
    return net if norm else without_norm(net)


def _rep(size: str) -> Model:
    return Model(partial(_backbone, partial(SmallerVGGRep, SIZES[size])), 128)


OWN: dict[str, Model] = {
    "alexnet_2012": Model(AlexNet2012, 227, normalisation="imagenet"),
    "alexnet_2012_ungrouped": Model(partial(AlexNet2012, groups=1), 227, normalisation="imagenet"),
    "lenet5": Model(LeNet5, 28, ("size", "batch_norm", "activation", "pooling")),
    "smaller_vgg": Model(partial(_backbone, SmallerVGG), 128, ("batch_norm",)),
    **{f"smaller_vgg_rep_{size}": _rep(size) for size in SIZES},
}
#: Torchvision's networks that see more than 224 pixels.
_SIDES = {"inception_v3": 299}


def model_names() -> tuple[str, ...]:
    """Return the names of all networks but timm's, sorted."""
    return tuple(sorted({*OWN, *torchvision.models.list_models(module=torchvision.models)}))


def build_model(name: str, classes: int, options: Options | None = None) -> Built:
    """Return a network with random weights.

    Args:
        name: ``lenet5``, ``smaller_vgg``, one of torchvision's such as ``vgg16``, or ``timm:NAME``.
        classes: number of classes.
        options: None for what is usual with it.

    Raises:
        UnknownNameError: there is no such network.
        UsageError: the network does not know such an option, or timm is not installed.
    """
    options = options or Options()
    if name in OWN:
        model = OWN[name]
    elif name.startswith(TIMM):
        model = _of_timm(name.removeprefix(TIMM))
    else:
        model = _of_torchvision(name, options)
    given = _given(name, model, options)
    try:
        net = model.build(classes, channels=options.channels, **given)
    except ValueError as exc:
        raise UsageError(f"{name} {exc}") from exc
    if options.dropout is not None:
        _set_dropout(name, net, options.dropout)
    size = options.size or model.size
    return Built(name, net, head_of(name, net), size, options.channels, model.normalisation, options)


def _given(name: str, model: Model, options: Options) -> dict[str, object]:
    """Return the keywords that were given; ``size`` builds some networks, others take any."""
    given = {}
    for option in fields(options):
        value = getattr(options, option.name)
        if option.name in ("channels", "dropout") or value is None:
            continue
        if option.name in model.takes:
            given[option.name] = value
        elif option.name != "size":
            flag = f"--{option.name.replace('_', '-')}"
            raise UsageError(f"{name} has no {flag}: leave it out, or choose another --model")
    return given


def _of_torchvision(name: str, options: Options) -> Model:
    if name not in torchvision.models.list_models(module=torchvision.models):
        raise UnknownNameError("network", name, model_names())
    if options.channels != 3:
        raise UsageError(f"{name} takes colour pictures: leave out --channels 1, or choose lenet5")
    takes = ("batch_norm",) if name.startswith("vgg") else ()
    return Model(partial(_torchvision_net, name), _SIDES.get(name, 224), takes, "imagenet")


def _torchvision_net(name: str, classes: int, channels: int, batch_norm: bool | None = None) -> nn.Module:
    if batch_norm is not None:
        name = name.removesuffix("_bn") + ("_bn" if batch_norm else "")
    # what torchvision calls auxiliary are second and third outputs that help a deep network to learn
    started = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    net: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=classes, **started)
    return net


def _of_timm(name: str) -> Model:
    try:
        import timm
    except ImportError as exc:
        raise UsageError(f"{TIMM}{name} needs timm: pip install timm") from exc
    if name not in timm.list_models():
        raise UnknownNameError("network of timm", name, timm.list_models())
    size = timm.get_pretrained_cfg(name).input_size[-1]  # type: ignore[union-attr]

    def build(classes: int, channels: int) -> nn.Module:
        net: nn.Module = timm.create_model(name, num_classes=classes, in_chans=channels)
        return net

    return Model(build, size, normalisation="imagenet")


def head_of(name: str, net: nn.Module) -> str:
    """Return the name of the submodule that holds a network's dense layers.

    Raises:
        UsageError: it has none, as SqueezeNet.
    """
    for head in _HEADS:
        found = getattr(net, head, None)
        if isinstance(found, nn.Module) and any(isinstance(m, nn.Linear) for m in found.modules()):
            return head
    raise UsageError(f"{name} has no dense layers at its end: choose another --model")


def _set_dropout(name: str, net: nn.Module, share: float) -> None:
    layers = [module for module in net.modules() if isinstance(module, nn.Dropout)]
    if not layers:
        raise UsageError(f"{name} has no --dropout: leave it out, or choose another --model")
    for layer in layers:
        layer.p = share


def without_norm(net: nn.Module) -> nn.Module:
    """Return the network without its batch normalisation; its convolutions get biases instead."""
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
            elif isinstance(child, nn.Conv2d) and child.bias is None:
                setattr(module, name, _with_bias(child))
    return net


def _with_bias(conv: nn.Conv2d) -> nn.Conv2d:
    kept = ("stride", "padding", "dilation", "groups")
    facts: Mapping[str, Any] = {key: getattr(conv, key) for key in kept}
    size = cast("tuple[int, int]", conv.kernel_size)
    biased = nn.Conv2d(conv.in_channels, conv.out_channels, size, **facts)
    nn.init.kaiming_normal_(biased.weight, nonlinearity="relu")
    if biased.bias is not None:
        nn.init.zeros_(biased.bias)
    return biased


def blocks(built: Built) -> list[nn.ModuleList]:
    """Return the parts of the network before its dense layers that have weights, from the picture on.

    A normalisation goes with what it normalises.
    """
    found: list[nn.ModuleList] = []
    for name, child in built.net.named_children():
        if name == built.head or name.startswith(("aux", "Aux")):
            continue
        inner = getattr(child, "stages", child)
        several = isinstance(inner, (nn.Sequential, nn.ModuleList))
        for part in inner.children() if several else [child]:
            if found and isinstance(part, nn.BatchNorm2d):
                found[-1].append(part)
            elif any(True for _ in part.parameters()):
                found.append(nn.ModuleList([part]))
    return found

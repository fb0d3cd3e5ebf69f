"""Networks by name: the lectures' figures, options, what is refused, where they are cut."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from detectors.classifiers.models import Options, blocks, build_model, model_names
from detectors.errors import UnknownNameError, UsageError


def parameters(name: str, classes: int = 1000, **options: object) -> int:
    with torch.device("meta"):  # no memory, and no time for random weights
        net = build_model(name, classes, Options(**options)).net  # type: ignore[arg-type]
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("alexnet", 61_100_840),
        ("alexnet_2012", 60_965_224),
        ("alexnet_2012_ungrouped", 62_378_344),
        ("vgg11", 132_863_336),
        ("vgg16", 138_357_544),
        ("vgg16_bn", 138_365_992),
        ("vgg19", 143_667_240),
        ("resnet18", 11_689_512),
        ("resnet152", 60_192_808),
        ("mobilenet_v2", 3_504_872),
        ("mobilenet_v3_large", 5_483_032),
        ("efficientnet_b0", 5_288_548),
        ("inception_v3", 27_161_264),
        ("timm:legacy_xception", 22_855_952),
    ],
)
def test_they_have_as_many_parameters_as_published(name: str, count: int) -> None:
    """The sums of torchvision's documentation, of the papers, and for AlexNet of the lectures."""
    assert parameters(name) == count


def test_lenet5_is_the_lectures() -> None:
    assert parameters("lenet5", 10, channels=1) == 61_706
    net = build_model("lenet5", 10, Options(channels=1)).net
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    kinds = [type(module) for module in net.modules()]
    assert kinds.count(nn.Sigmoid) == 4
    assert kinds.count(nn.AvgPool2d) == 2
    other = build_model("lenet5", 10, Options(activation="relu", pooling="max", batch_norm=True, size=40)).net
    kinds = [type(module) for module in other.modules()]
    assert (kinds.count(nn.ReLU), kinds.count(nn.MaxPool2d), kinds.count(nn.BatchNorm2d)) == (4, 2, 2)
    assert other(torch.zeros(2, 3, 40, 40)).shape == (2, 10)


@pytest.mark.parametrize("size", [64, 70, 128])
def test_the_projects_own_take_any_size(size: int) -> None:
    for name in ("smaller_vgg", "smaller_vgg_rep_nano"):
        assert build_model(name, 4, Options(size=size)).net.eval()(torch.zeros(1, 3, size, size)).shape == (
            1,
            4,
        )


def test_without_normalisation_convolutions_have_biases() -> None:
    net = build_model("smaller_vgg", 4, Options(batch_norm=False)).net
    convolutions = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert all(conv.bias is not None for conv in convolutions)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in net.modules())
    assert net(torch.zeros(1, 3, 64, 64)).shape == (1, 4)
    assert parameters("vgg11", batch_norm=True) == parameters("vgg11_bn")


def test_dropout_is_set_wherever_it_is() -> None:
    net = build_model("smaller_vgg", 4, Options(dropout=0.25)).net
    assert [module.p for module in net.modules() if isinstance(module, nn.Dropout)] == [0.25, 0.25]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("resnet18", {"dropout": 0.5}, "resnet18 has no --dropout"),
        ("resnet18", {"activation": "relu"}, "resnet18 has no --activation"),
        ("vgg16", {"channels": 1}, "vgg16 takes colour pictures"),
        ("squeezenet1_0", {}, "squeezenet1_0 has no dense layers"),
    ],
)
def test_what_a_network_has_not_is_said(name: str, options: dict[str, object], words: str) -> None:
    with torch.device("meta"), pytest.raises(UsageError, match=words):
        build_model(name, 2, Options(**options))  # type: ignore[arg-type]


def test_a_name_that_is_none_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean vgg16"):
        build_model("vgg-16", 2)
    with pytest.raises(UnknownNameError, match="unknown network of timm 'xcepton'"):
        build_model("timm:xcepton", 2)
    assert {"lenet5", "smaller_vgg", "vgg16", "googlenet"} <= set(model_names())


@pytest.mark.parametrize(
    ("name", "count"), [("lenet5", 2), ("smaller_vgg", 6), ("vgg16", 13), ("vgg16_bn", 13), ("resnet18", 9)]
)
def test_blocks_are_what_stands_before_the_dense_layers(name: str, count: int) -> None:
    with torch.device("meta"):
        built = build_model(name, 5)
    parts = blocks(built)
    assert len(parts) == count
    inside = {id(p) for part in parts for p in part.parameters()}
    head = {id(p) for p in built.net.get_submodule(built.head).parameters()}
    assert inside | head == {id(p) for p in built.net.parameters()}
    assert not inside & head

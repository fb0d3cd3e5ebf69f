"""Grad-CAM against what it is known to be, and whole sheets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from detectors.classifiers.grad_cam import caught, grad_cam
from detectors.classifiers.models import Options, build_model
from detectors.classifiers.opened import Opened
from detectors.classifiers.opening import opened
from detectors.classifiers.sheet import write_sheet
from detectors.classifiers.showing import read_image, show
from detectors.classifiers.weights import Classifier, save_classifier
from detectors.errors import DataError, UnknownNameError, UsageError, WeightsError


def picture(width: int = 64, height: int = 48) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(scope="module")
def lenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small classifier of three classes."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mine.pt"
    built = build_model("lenet5", 3, Options(size=32, activation="relu"))
    save_classifier(path, Classifier(built, ("bus", "car", "tram")))
    return path


def test_grad_cam_is_the_class_weights_where_the_maps_are_averaged() -> None:
    """Behind a global average the weights of a map are those of the dense layer (Selvaraju et al., 3)."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    with caught(net, ["1"]) as outputs:
        logits = net(torch.rand(1, 1, 9, 9))
    dense = net[4]
    assert isinstance(dense, nn.Linear)
    wanted = (dense.weight[1, :, None, None] * outputs["1"][0]).sum(0).relu()
    heat = grad_cam(outputs["1"], logits[0, 1])
    np.testing.assert_allclose(heat, (wanted / wanted.max()).detach().numpy(), atol=1e-5)


def test_a_relu_in_place_does_not_alter_what_is_caught() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True))
    with caught(net, ["0", "1"]) as outputs:
        net(torch.randn(1, 1, 9, 9)).sum().backward()
    assert outputs["0"].min() < 0
    assert outputs["1"].min() == 0


def test_place_by_place_only_what_the_score_was_computed_from_counts() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 1, 3, padding=1))
    with caught(net, ["0"]) as outputs:
        score = net(torch.rand(1, 1, 9, 9))[0, 0, 2, 6].abs()
    rows, columns = np.nonzero(grad_cam(outputs["0"], score, local=True))
    assert set(rows) <= {1, 2, 3}
    assert set(columns) <= {5, 6, 7}
    assert len(rows) > 0


def test_what_has_no_part_in_the_score_is_cold() -> None:
    maps = torch.rand(1, 2, 3, 3, requires_grad=True)
    assert not grad_cam(maps, torch.ones((), requires_grad=True)).any()
    assert not grad_cam(maps, -maps.sum()).any()


def test_a_classifier_of_the_program(lenet: Path) -> None:
    network = opened(str(lenet))
    shown = show(network, picture())
    assert not network.random
    assert shown.picture.shape == (32, 32, 3)
    assert shown.filters.shape == (6, 5, 5, 3)
    assert [maps.shape for maps in shown.maps.values()] == [
        (6, 32, 32),
        (6, 16, 16),
        (16, 12, 12),
        (16, 6, 6),
    ]
    assert shown.heat_of == "features.4"  # the ReLU behind the last convolution
    assert shown.heat is not None
    assert shown.heat.max() in (0, 1)
    assert {name for name, _ in shown.answer.best} == {"bus", "car", "tram"}
    assert sum(share for _, share in shown.answer.best) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("wanted", ["tram", "2"])
def test_a_class_that_is_asked_for(lenet: Path, wanted: str) -> None:
    assert show(opened(str(lenet)), picture(), class_name=wanted).answer.best[0][0] == "tram"


def test_layers_that_are_asked_for(lenet: Path) -> None:
    shown = show(opened(str(lenet)), picture(), ["features.3"])
    assert {name: maps.shape for name, maps in shown.maps.items()} == {"features.3": (16, 12, 12)}


@pytest.mark.parametrize(
    ("layers", "class_name", "error", "words"),
    [
        (["features.9"], None, UsageError, "no layer 'features.9'"),
        (["classifier.1"], None, UsageError, "returns no maps"),
        ([], "tramm", UnknownNameError, "did you mean tram"),
        ([], "3", UsageError, "0 to 2"),
    ],
)
def test_what_there_is_not(
    lenet: Path, layers: list[str], class_name: str | None, error: type[UsageError], words: str
) -> None:
    with pytest.raises(error, match=words):
        show(opened(str(lenet)), picture(), layers, class_name)


@pytest.fixture(scope="module")
def detector() -> Opened:
    return opened("smaller_vgg_rep_small", (3, 96, 128))


def test_a_detector_explains_its_strongest_detection(detector: Opened) -> None:
    """The box lies in the picture as the network sees it, and the heat has the size of its stage."""
    shown = show(detector, picture(128, 96), ["body.stages.1"], "bus")
    assert shown.answer.best[0][0] == "bus"
    assert shown.answer.box is not None
    height, width = shown.picture.shape[:2]
    assert (height, width) == (96, 128)
    assert shown.heat is not None
    stride = shown.answer.stride
    assert stride is not None
    assert shown.heat.shape == (height // stride, width // stride)
    assert shown.heat_of == f"body.stages.{ {8: 2, 16: 3, 32: 4}[stride] }"


def test_a_sheet_is_a_picture_that_says_random(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = opened("lenet5")
    shown = show(network, picture())
    assert network.random
    write_sheet(tmp_path / "sheet.png", shown, network)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert sheet.shape[1] == 1230
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    written = sheet.copy()
    write_sheet(tmp_path / "sheet.png", shown, replace(network, random=False))
    again = cv2.imread(str(tmp_path / "sheet.png"))
    assert again is not None
    assert (again[:64] != written[:64]).any()  # the line below the title
    assert (again[64:] == written[64:]).all()


def test_pictures_and_weights_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_image(tmp_path / "gone.png")
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(DataError, match="no picture"):
        read_image(tmp_path / "empty.png")
    with pytest.raises(UsageError, match="names nothing"):
        show(opened("backbone:smaller_vgg"), picture())
    torch.save({"a": torch.zeros(1)}, tmp_path / "tensors.pt")
    with pytest.raises(WeightsError, match="of which network"):
        opened(str(tmp_path / "tensors.pt"))

"""From source pixels to the network's input and back."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import Frame, load_detector
from detectors.errors import UnknownNameError, UsageError
from detectors.networks.fusing import fused
from detectors.zoo._fit import fit_into, to_source
from detectors.zoo._letterbox import input_size
from detectors.zoo._weights import Description, build_network, save_weights

Weights = tuple[Path, str]
CALM = settings(deadline=None, derandomize=True, max_examples=60)
SIDES = st.integers(1, 40) | st.integers(1, 8000)


@CALM
@given(SIDES, SIDES, st.sampled_from([32 * 32, 96 * 64, 512 * 288]))
def test_the_input_has_the_pictures_shape_and_bounded_pixels(width: int, height: int, pixels: int) -> None:
    across, down = input_size(width, height, pixels)
    assert across % 32 == down % 32 == 0
    assert 32 * 32 <= across * down <= max(2 * pixels, 32 * 32)
    if 0.5 < width / height < 2 and pixels > 100_000:
        assert 0.8 < across / down / (width / height) < 1.25


def test_the_training_shape_stays() -> None:
    assert input_size(1920, 1080, 512 * 288) == (512, 288)
    assert input_size(640, 480, 512 * 288) == (448, 320)


@CALM
@given(
    st.integers(1, 300) | st.integers(1, 20), st.integers(1, 300) | st.integers(1, 20), st.integers(0, 255)
)
def test_letterboxing_fills_the_top_left_and_leaves_the_rest_grey(
    width: int, height: int, shade: int
) -> None:
    image = np.full((height, width, 3), shade, np.uint8)
    canvas, _ = fit_into(image, (96, 64), "top_left", "area")
    scale = min(96 / width, 64 / height)
    across, down = max(round(width * scale), 1), max(round(height * scale), 1)
    assert canvas.shape == (64, 96, 3)
    assert (canvas[:down, :across] == shade).all()
    assert (canvas[down:] == 114).all()
    assert (canvas[:, across:] == 114).all()
    assert across == 96 or down == 64


def test_the_scale_brings_boxes_back() -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    image[60:120, 80:240] = 255
    canvas, place = fit_into(image, (96, 64), "top_left", "area")
    ys, xs = np.nonzero(canvas[..., 0] == 255)
    box = to_source(np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], np.float32), place)
    np.testing.assert_allclose(box, [[80, 60, 240, 120]], atol=1 / min(place.scale))


def test_folding_normalisation_changes_no_answer(description: Description) -> None:
    torch.manual_seed(0)
    net = build_network(description).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
    pictures = torch.rand(1, 3, 64, 96) * 255
    quick = fused(copy.deepcopy(net))
    with torch.inference_mode():
        one, two = net.backbone(pictures), quick.backbone(pictures)
    for level in one:
        torch.testing.assert_close(one[level], two[level], rtol=1e-3, atol=1e-4)
    count = sum(isinstance(m, torch.nn.BatchNorm2d) for m in quick.modules())
    assert count < sum(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules())


@pytest.fixture
def road() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)


def test_score_and_place_options(random_weights: Weights, road: np.ndarray) -> None:
    path, digest = random_weights
    default = load_detector(str(path), sha256=digest, device="cpu")
    assert default.score == 0.4  # type: ignore[attr-defined]
    many = load_detector(str(path), score=0.05, device="cpu", one_class_a_place=False)
    few = load_detector(str(path), score=0.05, device="cpu")
    (all_classes,), (one_class,) = many.detect([Frame(road)]), few.detect([Frame(road)])
    assert len(all_classes) > len(one_class) > 0
    assert (one_class.scores > 0.05).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"score": 1.5}, "score must lie"),
        ({"nms_iou": 0}, "nms_iou must lie"),
        ({"input_width": 127}, "input_width must lie in 128..4096"),
        ({"input_width": 4097}, "input_width must lie in 128..4096"),
        ({"input_width": 700.5}, "input_width must be int"),
        ({"device": "tpu"}, "device must be one of auto, cpu, cuda"),
    ],
)
def test_wrong_options(random_weights: Weights, options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_detector(str(random_weights[0]), **options)


def test_an_option_that_it_does_not_have(random_weights: Weights) -> None:
    with pytest.raises(UnknownNameError, match="did you mean score"):
        load_detector(str(random_weights[0]), scores=0.5)


def blank(width: int, height: int) -> Frame:
    return Frame(np.zeros((height, width, 3), np.uint8))


@pytest.mark.parametrize(
    ("wanted", "frame", "size"),
    [
        (None, (1280, 720), (96, 64)),
        (768, (1280, 720), (768, 448)),
        ("768", (1280, 720), (768, 448)),  # as the command line has it
        (768, (960, 960), (576, 576)),
        (768, (320, 180), (480, 256)),  # 1.5 times
        (512, (16, 16), (64, 96)),  # not less than the weights' own
        (128, (1280, 720), (128, 64)),
    ],
)
def test_input_width(
    random_weights: Weights, wanted: object, frame: tuple[int, int], size: tuple[int, int]
) -> None:
    detector = load_detector(str(random_weights[0]), device="cpu", input_width=wanted)
    assert detector.input_size(blank(*frame)) == size  # type: ignore[attr-defined]


def test_the_width_of_the_training_changes_nothing(tmp_path: Path, description: Description) -> None:
    road = replace(description, input_size=(512, 288))
    save_weights(tmp_path / "road.pt", build_network(road), road)
    own, same = (
        load_detector(str(tmp_path / "road.pt"), device="cpu", input_width=width) for width in (None, 512)
    )
    for shape in ((1920, 1080), (640, 480), (320, 240), (160, 120), (240, 1000)):
        assert own.input_size(blank(*shape)) == same.input_size(blank(*shape))  # type: ignore[attr-defined]


def test_boxes_come_back_in_source_pixels_from_a_larger_input(random_weights: Weights) -> None:
    frame = Frame(np.random.default_rng(0).integers(0, 256, (180, 320, 3), np.uint8))
    small, large = (
        load_detector(str(random_weights[0]), score=0.05, device="cpu", input_width=width).detect([frame])[0]
        for width in (128, 320)
    )
    for found in (small, large):
        assert len(found)
        assert (found.boxes >= 0).all()
        assert (found.boxes <= [320, 180, 320, 180]).all()
        assert found.boxes[:, 2].max() > 240  # noise is seen everywhere, also at the right
    typical = [np.median(found.boxes[:, 2] - found.boxes[:, 0]) for found in (small, large)]
    assert typical[1] < 0.7 * typical[0]  # the same anchors are smaller in the source

"""What every detector promises; a new file in ``detectors/zoo`` must be added here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import get_model

from detectors import Detections, Frame
from detectors import boxes as boxlib
from detectors.protocol import Detector, PartDetector
from detectors.registry import Registry
from detectors.runtimes.export import to_onnx
from detectors.zoo._weights import Description, build_network, load_weights, save_weights

REGISTRY = Registry("detectors.zoo", "detector")
HEADER = "frame,time_s,track_id,class,score,x1,y1,x2,y2,origin,confidence\n"


def random_network(
    folder: Path, head: str = "faster_rcnn", backbone: str = "smaller_vgg", score: float = 0.05
) -> dict[str, object]:
    """Write weights that see something everywhere."""
    state = torch.get_rng_state()
    torch.manual_seed(0)
    about = Description(head, backbone, ("car", "bus", "person"), (0, 1), (96, 64), score)
    save_weights(folder / "random.pt", build_network(about), about)
    torch.set_rng_state(state)
    return {"weights": str(folder / "random.pt"), "device": "cpu"}


def random_one_stage(folder: Path) -> dict[str, object]:
    return random_network(folder, "one_stage", "smaller_vgg_rep_nano", 0.009)


def random_torchvision(folder: Path) -> dict[str, object]:
    network = "ssdlite320_mobilenet_v3_large"
    state = torch.get_rng_state()
    torch.manual_seed(0)
    net = get_model(network, weights=None, weights_backbone=None, num_classes=4)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # without statistics of its own features a random network sees nothing
    with torch.no_grad():
        features = net.backbone.train()(torch.rand(2, 3, 320, 320) * 2 - 1)
        net.head.train()(list(features.values()))
    torch.set_rng_state(state)
    torch.save(net.state_dict(), folder / "random.pth")
    own = {"weights": str(folder / "random.pth"), "class_names": ("car", "bus", "person")}
    return {"network": network, **own, "score": 0.3, "device": "cpu"}


def boxes_in_a_file(folder: Path) -> dict[str, object]:
    rows = [
        f"{frame},0,{n},{name},{score},{x},4,{x + 20},30,detected,1\n"
        for frame in range(4)
        for n, (name, score, x) in enumerate([("car", 0.3, 2), ("person", 0.9, 40), ("car", 0.5, 60)])
    ]
    (folder / "boxes.csv").write_text(HEADER + "".join(rows))
    return {"path": str(folder / "boxes.csv")}


class BoxesAndScores(nn.Module):
    """A one-stage network as others export theirs."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        cells = self.net(pictures)
        return cells[..., :4], cells[..., 4:]


def random_onnx(folder: Path) -> dict[str, object]:
    random_one_stage(folder)
    about, tensors = load_weights(folder / "random.pt")
    net = build_network(about)
    net.load_state_dict(tensors)
    model = to_onnx(BoxesAndScores(net.eval()), ("boxes", "scores"), (96, 64), free=["pictures"])
    (folder / "random.onnx").write_bytes(model)
    (folder / "random.toml").write_text(
        '[input]\nlayout = "NHWC"\ncolours = "BGR"\n[output]\nkind = "boxes_scores"\n'
        '[classes]\n0 = "car"\n1 = "bus"\n2 = "person"\n[detector]\nscore = 0.009\n'
    )
    return {"path": str(folder / "random.onnx")}


# name of the component: its options, and whether it looks at the picture (what is read from a file is as wide
# as the file says)
KINDS: dict[str, tuple[Callable[[Path], dict[str, object]], bool]] = {
    "faster_rcnn": (random_network, True),
    "one_stage": (random_one_stage, True),
    "onnx": (random_onnx, True),
    "replay": (boxes_in_a_file, False),
    "torchvision": (random_torchvision, True),
}


@pytest.fixture(scope="module", params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def detector(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    options, _ = KINDS[kind]
    return REGISTRY.build(kind, options(tmp_path_factory.mktemp(kind)))


def picture(width: int = 96, height: int = 64, seed: int = 0) -> np.ndarray:
    """Draw soft noise with a bright block."""
    noise = np.random.default_rng(seed).integers(0, 256, (8, 12, 3), np.uint8)
    image = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    image[height // 3 : height // 2, width // 4 : width // 2] = 240
    return image


def check(detector: Detector, frames: list[Frame], answers: list[Detections], inside: bool = True) -> None:
    assert isinstance(answers, list)
    assert len(answers) == len(frames)
    for frame, seen in zip(frames, answers, strict=True):
        assert (np.diff(seen.scores) <= 0).all()
        assert ((seen.labels >= 0) & (seen.labels < len(detector.class_names))).all()
        assert (seen.boxes[:, 2:] > seen.boxes[:, :2]).all()
        if inside:
            assert (seen.boxes >= 0).all()
            assert (seen.boxes <= [frame.width, frame.height, frame.width, frame.height]).all()


def same(one: Detections, two: Detections) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(two, name)) for name in ("boxes", "scores", "labels")
    )


def alike(one: Detections, two: Detections) -> None:
    """Hold that two answers agree but for rounding."""
    assert len(one) == len(two)
    np.testing.assert_allclose(one.scores, two.scores, atol=1e-3)
    np.testing.assert_allclose(one.boxes.sum(0), two.boxes.sum(0), rtol=1e-3)


def test_every_detector_is_in_this_suite() -> None:
    assert set(REGISTRY.names()) == set(KINDS), "add the new detector to KINDS"


def test_it_is_a_detector(detector: Detector) -> None:
    assert isinstance(detector, Detector)
    assert isinstance(detector.class_names, tuple)
    assert len(detector.class_names) == len(set(detector.class_names)) > 0
    assert all(isinstance(name, str) and name for name in detector.class_names)


def test_no_frames_no_answers(detector: Detector) -> None:
    assert detector.detect([]) == []


def test_one_answer_a_frame_in_their_order(detector: Detector) -> None:
    frames = [Frame(picture(seed=n), index=n) for n in range(3)]
    answers = detector.detect(frames)
    check(detector, frames, answers)
    assert all(len(seen) > 0 for seen in answers), "this suite wants something to be seen"
    for frame, seen in zip(frames, answers, strict=True):
        alike(detector.detect([frame])[0], seen)
    for frame, seen in zip(reversed(frames), detector.detect(frames[::-1]), strict=True):
        alike(answers[frame.index], seen)


def test_the_same_again(detector: Detector) -> None:
    frames = [Frame(picture()), Frame(picture(seed=1), index=1)]
    for one, two in zip(detector.detect(frames), detector.detect(tuple(frames)), strict=True):
        assert same(one, two)


def test_pictures_are_not_changed_and_may_be_locked(detector: Detector) -> None:
    image = picture()
    image.flags.writeable = False
    before = image.copy()
    check(detector, [Frame(image)], detector.detect([Frame(image)]))
    np.testing.assert_array_equal(image, before)


def test_answers_are_not_changed_by_the_next_call(detector: Detector) -> None:
    (first,) = detector.detect([Frame(picture())])
    kept = Detections(first.boxes.copy(), first.scores.copy(), first.labels.copy())
    detector.detect([Frame(picture(seed=3), index=1)])
    assert same(first, kept)


def test_a_part_of_a_larger_picture(detector: Detector) -> None:
    large = picture(200, 150)
    part = large[20:84, 30:126]
    assert not part.flags.c_contiguous
    assert same(detector.detect([Frame(part)])[0], detector.detect([Frame(part.copy())])[0])


def test_frames_of_different_sizes_in_one_call(kind: str, detector: Detector) -> None:
    sizes = [(96, 64), (64, 96), (300, 40), (96, 64), (192, 128)]
    frames = [Frame(picture(*size, seed=n), index=n % 4) for n, size in enumerate(sizes)]
    answers = detector.detect(frames)
    check(detector, frames, answers, inside=KINDS[kind][1])
    for frame, seen in zip(frames, answers, strict=True):
        alike(detector.detect([frame])[0], seen)


@pytest.mark.parametrize("size", [(20, 10), (1, 1), (1, 300), (5000, 1), (2000, 16), (33, 31)])
def test_tiny_and_narrow_pictures(kind: str, detector: Detector, size: tuple[int, int]) -> None:
    width, height = size
    frames = [Frame(np.full((height, width, 3), 90, np.uint8))]
    check(detector, frames, detector.detect(frames), inside=KINDS[kind][1])


@pytest.mark.parametrize("region", [(0, 0, 20, 20), (70, 50, 96, 64), (30, 10, 60, 40), (0, 0, 96, 64)])
def test_a_look_at_a_part(kind: str, detector: Detector, region: tuple[float, float, float, float]) -> None:
    if not isinstance(detector, PartDetector):
        assert kind == "torchvision", "the project's own detectors look at parts"
        return
    frame, wanted = Frame(picture()), np.array(region, np.float32)
    found, part = detector.detect_within(frame, wanted)
    check(detector, [frame], [found])
    if part is None:
        assert same(found, detector.detect([frame])[0])
        return
    assert (part[:2] <= wanted[:2]).all()
    assert (part[2:] >= wanted[2:]).all()
    assert (part[:2] >= 0).all()
    assert (part[2:] <= [frame.width, frame.height]).all()
    assert boxlib.within(found.boxes, part, frame.width, frame.height, -1e-3).all()


@pytest.mark.parametrize("shade", [0, 255])
def test_black_and_white(detector: Detector, shade: int) -> None:
    frames = [Frame(np.full((64, 96, 3), shade, np.uint8))]
    check(detector, frames, detector.detect(frames))

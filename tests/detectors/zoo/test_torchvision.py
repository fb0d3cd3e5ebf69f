"""The networks of torchvision, with weights that are made here."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model, get_model_builder, get_model_weights

from detectors import Frame, load_detector
from detectors.catalog import TORCHVISION
from detectors.dataset import ROAD_USERS
from detectors.errors import DetectorError, UnknownNameError, UsageError, WeightsError
from detectors.zoo._torchvision_weights import FAMILIES, WITHOUT_EPSILON, fetch, network_names

SSD, RCNN = "ssdlite320_mobilenet_v3_large", "fasterrcnn_mobilenet_v3_large_320_fpn"
OWN = ("car", "tram", "person", "cart")
COCO = get_model_weights(SSD).DEFAULT.meta["categories"]
Tensors = dict[str, Tensor]


def random_state(network: str, outputs: int, gain: float) -> Tensors:
    """Return tensors of a network that sees something everywhere; ``gain`` is of its classifier."""
    state = torch.get_rng_state()
    torch.manual_seed(0)
    net: Any = get_model(network, weights=None, weights_backbone=None, num_classes=outputs)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # without statistics of its own features a random network sees nothing
    with torch.no_grad():
        features = net.backbone.train()(torch.rand(2, 3, 320, 320) * 2 - 1)
        if network == SSD:
            net.head.train()(list(features.values()))
        net.get_parameter(FAMILIES[network.partition("_")[0]].classifier).mul_(gain)
    torch.set_rng_state(state)
    return net.state_dict()


def certain(tensors: Tensors, label: int) -> Tensors:
    """Return the tensors of an SSD that calls everything ``label``."""
    changed = dict(tensors)
    for level in range(6):
        name = f"head.classification_head.module_list.{level}.1"
        rows = torch.zeros(6, len(COCO))
        rows[:, label] = 9.0
        changed[f"{name}.weight"] = torch.zeros_like(tensors[f"{name}.weight"])
        changed[f"{name}.bias"] = rows.flatten()
    return changed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("torchvision")


@pytest.fixture(scope="module")
def ssd(folder: Path) -> Path:
    torch.save(random_state(SSD, 5, 3.0), folder / "ssd.pth")
    return folder / "ssd.pth"


@pytest.fixture(scope="module")
def rcnn(folder: Path) -> Path:
    torch.save({"model": random_state(RCNN, 5, 0.1), "epoch": 3}, folder / "rcnn.pth")
    return folder / "rcnn.pth"


@pytest.fixture(scope="module")
def coco(folder: Path) -> Tensors:
    return random_state(SSD, len(COCO), 1.0)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where torch keeps what it downloads."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "hub" / "checkpoints"


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Tensors], Path]:
    """Return a function that publishes weights: torchvision's address of them becomes that of a file."""

    def publish(tensors: Tensors) -> Path:
        torch.save(tensors, tmp_path / "draft")
        digest = hashlib.sha256((tmp_path / "draft").read_bytes()).hexdigest()
        file = (tmp_path / "draft").rename(tmp_path / f"ssdlite-{digest[:8]}.pth")
        monkeypatch.setattr(get_model_weights(SSD).DEFAULT.value, "url", file.as_uri())
        return file

    return publish


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_the_names_are_those_of_torchvision() -> None:
    assert set(TORCHVISION) <= set(network_names())
    assert not [name for name in network_names() if name.startswith(("mask", "keypoint"))]


@pytest.mark.parametrize("network", TORCHVISION)
def test_who_has_no_epsilon_is_known(network: str) -> None:
    """torchvision drops it itself when it loads published weights, which this project does in its stead."""
    builder = inspect.unwrap(get_model_builder(network))
    assert ("overwrite_eps(" in inspect.getsource(builder)) == (network in WITHOUT_EPSILON)


@pytest.mark.parametrize("network", TORCHVISION)
def test_the_classifier_tells_the_number_of_classes(network: str) -> None:
    with torch.device("meta"):
        net = get_model(network, weights=None, weights_backbone=None, num_classes=7)
    family = FAMILIES[network.partition("_")[0]]
    assert len(net.state_dict()[family.classifier]) == 7 * family.anchors
    assert get_model_weights(network).DEFAULT.meta["categories"] == COCO


@pytest.mark.parametrize("network", [SSD, RCNN])
def test_it_answers_as_torchvision_does(network: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue("ssd" if network == SSD else "rcnn")
    content = torch.load(path, weights_only=True)
    net = get_model(network, weights=None, weights_backbone=None, num_classes=5).eval()
    net.load_state_dict(content.get("model", content))
    head = getattr(net, "roi_heads", net)
    head.score_thresh, head.nms_thresh = 0.3, 0.6
    image = noise(120, 200)
    with torch.inference_mode():
        (wanted,) = net([torch.from_numpy(image[:, :, ::-1].copy()).permute(2, 0, 1) / 255])
    options: dict[str, object] = {"score": 0.3, "nms_iou": 0.6, "one_class_a_place": False}
    detector = load_detector(network, weights=str(path), class_names=OWN, device="cpu", **options)
    (seen,) = detector.detect([Frame(image)])
    assert detector.class_names == OWN
    assert len(seen) > 5
    order = wanted["scores"].argsort(descending=True, stable=True)
    np.testing.assert_allclose(seen.boxes, wanted["boxes"][order].numpy(), atol=1e-3)
    np.testing.assert_array_equal(seen.labels, wanted["labels"][order].numpy() - 1)


def test_frames_do_not_change_one_anothers_answers(rcnn: Path) -> None:
    """torchvision alone would fill the small one up to the large one."""
    detector = load_detector(RCNN, weights=str(rcnn), class_names=OWN, device="cpu", score=0.3)
    frames = [Frame(noise(96, 160)), Frame(noise(200, 90)), Frame(noise(96, 160, 1))]
    together = detector.detect(frames)
    for frame, seen in zip(frames, together, strict=True):
        (alone,) = detector.detect([frame])
        assert len(alone) == len(seen) > 0
        np.testing.assert_allclose(alone.boxes, seen.boxes, atol=1e-2)


@pytest.mark.parametrize("size", [(1, 2000), (2000, 1), (1, 1), (3, 100)])
def test_a_line_of_pixels_is_a_picture(rcnn: Path, size: tuple[int, int]) -> None:
    detector = load_detector(RCNN, weights=str(rcnn), class_names=OWN, device="cpu", score=0.0)
    (seen,) = detector.detect([Frame(noise(*size))])
    assert len(seen) > 0
    assert (seen.boxes[:, 2:] <= (size[1], size[0])).all()
    assert (seen.boxes[:, 2:] > seen.boxes[:, :2]).all()


def test_of_overlapping_classes_the_best_is_kept(ssd: Path) -> None:
    counts = []
    for one in (True, False):
        detector = load_detector(
            SSD, weights=str(ssd), class_names=OWN, device="cpu", score=0.1, one_class_a_place=one
        )
        counts.append(len(detector.detect([Frame(noise(64, 96))])[0]))
    assert 0 < counts[0] < counts[1]


@pytest.mark.parametrize(
    ("name", "coco_name"),
    [(name, {"motorbike": "motorcycle"}.get(name, name)) for name in ROAD_USERS] + [(None, "train")],
)
def test_cocos_classes_become_road_users(
    coco: Tensors, tmp_path: Path, name: str | None, coco_name: str
) -> None:
    torch.save(certain(coco, COCO.index(coco_name)), tmp_path / "coco.pth")
    detector = load_detector(SSD, weights=str(tmp_path / "coco.pth"), device="cpu")
    (seen,) = detector.detect([Frame(noise(64, 96))])
    assert detector.class_names == ROAD_USERS
    assert {detector.class_names[label] for label in seen.labels} == ({name} if name else set())


def test_published_weights_are_fetched_once(
    coco: Tensors, cache: Path, published: Callable[[Tensors], Path]
) -> None:
    source = published(certain(coco, COCO.index("bus")))
    detector: Any = load_detector(SSD, device="cpu")
    assert detector.weights == str(cache / source.name)
    assert detector.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    source.unlink()
    (seen,) = load_detector(f"torchvision:{SSD}", device="cpu").detect([Frame(noise(64, 96))])
    assert set(seen.labels) == {ROAD_USERS.index("bus")}


def test_without_a_network_it_says_where_the_file_belongs(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "http://127.0.0.1:9/models/ssdlite-a79551df.pth"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(get_model_weights(SSD).DEFAULT.value, "url", url)
    with pytest.raises(WeightsError, match="cannot download weights") as caught:
        load_detector(SSD, device="cpu")
    assert f"put {url} at {cache / 'ssdlite-a79551df.pth'}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_download_is_not_kept(tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "ssdlite-00000000.pth"
    source.write_bytes(b"half")
    with pytest.raises(WeightsError, match="what came is damaged") as caught:
        fetch(source.as_uri())
    assert str(cache / source.name) in str(caught.value)
    assert list(cache.iterdir()) == []
    with pytest.raises(WeightsError, match=r"cannot download weights .No such file or directory"):
        fetch((tmp_path / "away-00000000.pth").as_uri())


def test_a_damaged_file_in_the_cache(cache: Path) -> None:
    url = get_model_weights(SSD).DEFAULT.url
    cache.mkdir(parents=True)
    (cache / Path(url).name).write_bytes(b"half")
    with pytest.raises(WeightsError, match="are damaged: delete them") as caught:
        load_detector(SSD, device="cpu")
    assert url in str(caught.value)
    assert str(cache) in str(caught.value)


def test_a_cache_that_cannot_be_made(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    with pytest.raises(WeightsError, match=r"cannot download weights .Not a directory"):
        fetch((tmp_path / "any-00000000.pth").as_uri())


class Evil:
    """A pickle that runs code."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (exec, ("import sys; sys.evil = True",))


def test_code_in_a_weight_file_is_never_run(tmp_path: Path) -> None:
    torch.save({"model": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_detector(SSD, weights=str(tmp_path / "evil.pth"), device="cpu")
    assert not hasattr(sys, "evil")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "are missing"),
        (b"half", "cannot be read: they are damaged, or no state dict"),
        (b"", "cannot be read"),
        ([1, 2], "are no state dict"),
        ({"model": {"epoch": 3}}, "are no state dict"),
        ({}, f"belong to another network than {SSD}"),
        ({FAMILIES["ssdlite320"].classifier: torch.zeros(31, 1)}, "belong to another network"),
        ({FAMILIES["ssdlite320"].classifier: torch.tensor(3)}, "belong to another network"),
        ({FAMILIES["ssdlite320"].classifier: torch.zeros(30, 672, 1, 1)}, "belong to another network"),
    ],
)
def test_weights_that_are_none(tmp_path: Path, content: object, words: str) -> None:
    path = tmp_path / "mine.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(WeightsError, match=words) as caught:
        load_detector(SSD, weights=str(path), class_names=OWN, device="cpu")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_digest(ssd: Path) -> None:
    with pytest.raises(WeightsError, match="are damaged: the sha256"):
        load_detector(SSD, weights=str(ssd), sha256="abc", class_names=OWN, device="cpu")


def test_another_number_of_classes(ssd: Path, rcnn: Path) -> None:
    with pytest.raises(WeightsError, match=r"know 4 classes .*class_names=NAME,NAME"):
        load_detector(SSD, weights=str(ssd), device="cpu")
    for names in (OWN[:3], ("sky", *OWN)):
        with pytest.raises(WeightsError, match=rf"know 4 classes .* names {len(names)}: {', '.join(names)}"):
            load_detector(SSD, weights=str(ssd), class_names=names, device="cpu")
    with pytest.raises(WeightsError, match="belong to another network"):
        load_detector(SSD, weights=str(rcnn), class_names=OWN, device="cpu")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"score": 1.5}, "score must lie"),
        ({"nms_iou": 0}, "nms_iou must lie"),
        ({"device": "tpu"}, "device must be one of"),
        ({"class_names": "car"}, "goes with weights of your own"),
        ({"weights": "x.pth", "class_names": "car,car"}, "each one once"),
        ({"weights": "x.pth", "class_names": ","}, "each one once"),
    ],
)
def test_wrong_options(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_detector(SSD, **options)


def test_a_network_that_torchvision_has_but_this_project_does_not() -> None:
    with pytest.raises(UnknownNameError, match="unknown network of torchvision 'maskrcnn_resnet50_fpn'"):
        load_detector(SSD, network="maskrcnn_resnet50_fpn")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_no_gpu_is_said_before_anything_is_fetched(cache: Path) -> None:
    with pytest.raises(DetectorError, match="no CUDA device"):
        load_detector(SSD, device="cuda")
    assert not cache.exists()

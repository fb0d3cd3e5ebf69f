"""``track export detector``: the model sees what the weights see, and what cannot be is said beforehand."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import onnx
import pytest
import torch

from detectors import Frame, load_detector
from detectors.errors import DataError, UsageError, WeightsError
from detectors.runtimes import quantisation
from detectors.zoo._calibration import calibration_files
from detectors.zoo._export import largest_difference
from detectors.zoo._weights import Description, build_network, save_weights
from tracker.cli import export_detector

Track = Callable[..., Any]
SAMPLE = Path(__file__).parents[3] / "sample_videos" / "road.mp4"
#: What the command compares model and weights on: an installed wheel has no sample beside it.
SEEN_ON = "a frame of the sample" if export_detector.SAMPLE.is_file() else "noise"
CLASSES = ("car", "bus", "person")


def write_weights(folder: Path, head: str) -> Path:
    """Write random weights of a tiny network whose scores differ enough to be told apart."""
    state = torch.get_rng_state()
    torch.manual_seed(1)
    about = Description(head, "smaller_vgg_rep_nano", CLASSES, (0, 1), (96, 64), 0.4)
    save_weights(folder / f"{head}.pt", build_network(about), about)
    torch.set_rng_state(state)
    return folder / f"{head}.pt"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("tiny"), "one_stage")


def noise(width: int, height: int, seed: int = 0) -> Frame:
    return Frame(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize(
    ("head", "score", "born_score"), [("one_stage", 0.005, 0.5), ("faster_rcnn", 0.012, 0.65)]
)
def test_tiny_networks_see_the_same(
    track: Track, tmp_path: Path, head: str, score: float, born_score: float | None
) -> None:
    weights = write_weights(tmp_path, head)
    done = track("export", "detector", "--detector", weights, "--out", "new/my.onnx")
    assert done.code == 0, done.err
    assert f"the weights see nothing on {SEEN_ON}: not compared" in done.out
    assert "--detector new/my.onnx" in done.out
    frames = [noise(96, 64), noise(192, 128, 1), noise(48, 32, 2)]  # of the input's own shape
    if head == "one_stage":
        frames += [noise(128, 128, 3), noise(64, 160, 4)]
    model = str(tmp_path / "new" / "my.onnx")
    original: Any = load_detector(str(weights), score=score, device="cpu", runtime="torch", precision="fp32")
    for runtime in ("openvino", "onnxruntime"):
        exported: Any = load_detector(model, score=score, runtime=runtime, precision="fp32")
        assert exported.class_names == CLASSES
        assert exported.born_score == original.born_score == born_score
        for wanted, found in zip(original.detect(frames), exported.detect(frames), strict=True):
            assert 3 < len(wanted) == len(found)
            # equally sure to the last digits: their order may differ
            far = np.abs(wanted.boxes[:, None] - found.boxes).max(2)
            far[wanted.labels[:, None] != found.labels] = np.inf
            assert max(far.min(0).max(), far.min(1).max()) < 0.1
            np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-3)
    assert load_detector(model).score == 0.4  # type: ignore[attr-defined]
    assert [path.name for path in sorted((tmp_path / "new").iterdir())] == ["my.onnx", "my.toml"]


def test_the_map_that_embeddings_are_read_from_is_named_and_no_output(
    track: Track, tmp_path: Path, tiny: Path
) -> None:
    assert track("export", "detector", "--detector", tiny, "--out", "my.onnx").code == 0
    model = tmp_path / "my.onnx"
    assert [output.name for output in onnx.load(model).graph.output] == ["boxes", "scores"]
    frame = noise(96, 64)
    settings: dict[str, Any] = {"score": 0.005, "precision": "fp32", "embeddings": True}
    (wanted,) = load_detector(str(tiny), device="cpu", runtime="torch", **settings).detect([frame])
    (found,) = load_detector(str(model), **settings).detect([frame])
    order = np.abs(wanted.boxes[:, None] - found.boxes).max(2).argmin(1)
    assert wanted.embeddings is not None
    assert found.embeddings is not None
    np.testing.assert_allclose(wanted.embeddings, found.embeddings[order], atol=1e-2)


@pytest.mark.parametrize("name", ["", "smaller_vgg"])
def test_the_released_weights_see_the_same_vehicles(track: Track, tmp_path: Path, name: str) -> None:
    done = track("export", "detector", *(["--detector", name] if name else []), "--out", "road.onnx")
    assert done.code == 0, done.err
    compared = "the largest difference is 0.0" in done.out
    # an installed wheel has noise alone to compare on, on which weights may see nothing
    assert compared or (SEEN_ON == "noise" and "nothing on noise: not compared" in done.out), done.out
    with av.open(str(SAMPLE)) as video:
        picture = next(frame for frame in video.decode(video=0) if (frame.time or 0) >= 8)
    frame = Frame(picture.to_ndarray(format="bgr24"))
    sure = 0.6 if name else 0.45
    weights = name or "smaller_vgg_rep_medium"
    (wanted,) = load_detector(weights, device="cpu", precision="fp32", score=sure).detect([frame])
    (found,) = load_detector(str(tmp_path / "road.onnx"), score=sure - 0.1).detect([frame])
    again, off = largest_difference(wanted, found)
    assert again == len(wanted) >= 3
    assert off < 1


def test_the_largest_difference_is_of_the_same_label() -> None:
    from detectors import Detections

    boxes = np.array([[0, 0, 10, 10], [20, 20, 40, 40]], np.float32)
    one = Detections(boxes, np.array([0.9, 0.8], np.float32), np.array([0, 1]))
    two = Detections(boxes + np.float32([0, 0, 0, 2.5]), one.scores, np.array([0, 2]))
    assert largest_difference(one, two) == (1, 2.5)
    assert largest_difference(one, Detections.empty()) == (0, 0.0)


def test_the_size_can_be_chosen(track: Track, tmp_path: Path, tiny: Path) -> None:
    done = track("export", "detector", "--detector", tiny, "--out", "my.onnx", "--size", "128x64")
    assert done.code == 0, done.err
    sides = onnx.load(tmp_path / "my.onnx").graph.input[0].type.tensor_type.shape.dim
    assert [side.dim_value for side in sides[1:]] == [64, 128, 3]
    frame = noise(128, 128)
    assert load_detector(str(tmp_path / "my.onnx")).input_size(frame) == (128, 64)  # type: ignore[attr-defined]
    with pytest.raises(WeightsError, match=r"my\.onnx takes 128x64 alone: input_width cannot be chosen"):
        load_detector(str(tmp_path / "my.onnx"), input_width=256)
    assert track("export", "detector", "--detector", tiny, "--out", "any.onnx").code == 0
    sizes = [load_detector(str(tmp_path / "any.onnx"), input_width=w).input_size(frame) for w in (None, 128)]  # type: ignore[attr-defined]
    assert sizes == [(64, 96), (96, 96)]
    assert len(load_detector(str(tmp_path / "my.onnx"), score=0.001).detect([noise(200, 150)])[0])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--size", "100x64"), "must be multiples of 32"),
        (("--size", "32x64"), "64 at least"),
        (("--size", "big"), "--size takes WIDTHxHEIGHT"),
        (("--out", "my.pt"), "--out must end in .onnx, not 'my.pt'"),
        (("--precision", "int4"), "--precision must be fp32 or int8, not 'int4'"),
        (("--precision", "int8"), "give a folder of them with --data"),
        (("--data", "."), "--data goes with --precision int8"),
        (("--precision", "int8", "--data", ".", "--pictures", "0"), "--pictures must be 1 at least"),
        (("--detector", "any.onnx"), "'any.onnx' cannot be exported"),
        (("--detector", "replay:det.txt"), "'replay:det.txt' cannot be exported"),
        (("--detector", "smaller_vg"), "did you mean smaller_vgg"),
    ],
)
def test_a_request_that_cannot_be(
    track: Track, tmp_path: Path, tiny: Path, more: tuple[str, ...], words: str
) -> None:
    before = sorted(tmp_path.iterdir())
    done = track("export", "detector", "--detector", tiny, "--out", "my.onnx", *more)
    assert done.code == 2
    assert words in done.complaint
    assert sorted(tmp_path.iterdir()) == before


def test_nothing_is_replaced_unasked(track: Track, tmp_path: Path, tiny: Path) -> None:
    for name in ("my.onnx", "my.toml"):
        (tmp_path / name).write_text("mine")
        done = track("export", "detector", "--detector", tiny, "--out", "my.onnx")
        assert done.code == 2
        assert f"{name} is there already: choose another --out, or give --overwrite" in done.complaint
        assert (tmp_path / name).read_text() == "mine"
        if name == "my.onnx":
            (tmp_path / name).unlink()
    assert track("export", "detector", "--detector", tiny, "--out", "my.onnx", "--overwrite").code == 0


def test_a_place_that_cannot_be_written_is_said_before_any_work(
    track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    done = track("export", "detector", "--detector", tmp_path / "gone.pt", "--out", "file/my.onnx")
    assert done.code == 1
    assert "cannot write into file: file is a file, not a folder" in done.complaint
    done = track("export", "detector", "--detector", tmp_path / "gone.pt", "--out", "my.onnx")
    assert done.code == 1
    assert "gone.pt are missing" in done.complaint
    assert not (tmp_path / "my.onnx").exists()


@pytest.fixture
def streets(tmp_path: Path) -> Path:
    """Write a labelled set with four pictures for training and two that may not be touched."""
    folder = tmp_path / "sets" / "streets"
    (folder / "images").mkdir(parents=True)
    images = []
    for number in range(6):
        cv2.imwrite(str(folder / "images" / f"{number}.png"), noise(96, 64, number).image)
        split = "train" if number < 4 else "val"
        image = {"id": number, "file_name": f"{number}.png", "width": 96, "height": 64, "split": split}
        images.append(image)
    labels = {"images": images, "annotations": [], "categories": [{"id": 0, "name": "car"}]}
    (folder / "labels.json").write_text(json.dumps(labels))
    return folder


def test_calibration_takes_the_train_split_alone(streets: Path, tmp_path: Path) -> None:
    every = [f"{number}.png" for number in range(4)]
    assert [file.name for file in calibration_files(streets, 300)] == every
    assert [file.name for file in calibration_files(streets.parent, 2)] == ["0.png", "3.png"]
    for inside in (streets / "images", streets / "images" / "deeper"):
        with pytest.raises(UsageError, match=r"is part of a labelled set: give --data .*streets"):
            calibration_files(inside, 300)
    (tmp_path / "a" / "b").mkdir(parents=True)
    streets.rename(tmp_path / "a" / "b" / "streets")  # sets two levels down
    assert [file.name for file in calibration_files(tmp_path / "a", 300)] == every
    (tmp_path / "a" / "b" / "streets").rename(streets)
    plain = tmp_path / "plain"
    with pytest.raises(DataError, match="no pictures in"):
        calibration_files(plain, 300)
    (streets / "images").rename(plain)
    assert len(calibration_files(plain, 300)) == 6


@pytest.mark.parametrize("head", ["one_stage", "faster_rcnn"])
def test_int8_sees_nearly_the_same(tmp_path: Path, streets: Path, head: str) -> None:
    """In a process of its own: what nncf loads may not weigh on other tests."""
    weights = write_weights(tmp_path, head)
    code = (
        "import sys; from tracker.cli.app import run_app; code = run_app(sys.argv[1:]); "
        "sys.exit(code or bool(sys.modules['openvino_telemetry']))"
    )
    words = ["export", "detector", "--detector", weights, "--out", "int8.onnx", "--precision", "int8"]
    command = [sys.executable, "-c", code, *map(str, words), "--data", str(streets)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "nncf" not in done.stdout
    nodes = [node.op_type for node in onnx.load(tmp_path / "int8.onnx").graph.node]
    assert nodes.count("QuantizeLinear") > 10
    values = {value for node in onnx.load(tmp_path / "int8.onnx").graph.node for value in node.output}
    assert ("features" in values) == (head == "one_stage")
    frame = noise(96, 64, 7)
    score = {"one_stage": 0.001, "faster_rcnn": 0.02}[head]
    (wanted,) = load_detector(str(weights), score=score, precision="fp32").detect([frame])
    (found,) = load_detector(str(tmp_path / "int8.onnx"), score=score, precision="fp32").detect([frame])
    again, off = largest_difference(wanted, found)
    assert again >= 0.7 * len(wanted) > 3
    # of random weights on noise; processors without VNNI add up in 16 bits, and boxes move farther
    assert 0 < off < 24


def test_int8_without_its_library(
    track: Track, tmp_path: Path, streets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantisation, "is_installed", lambda library: library != "nncf")
    words = ("--out", "my.onnx", "--precision", "int8", "--data", streets)
    done = track("export", "detector", "--detector", "gone.pt", *words)
    assert done.code == 2
    assert "int8 needs nncf and onnxruntime: pip install nncf onnxruntime" in done.complaint

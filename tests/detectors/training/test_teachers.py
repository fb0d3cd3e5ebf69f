"""Teachers are opened, asked together, and alone speak of pictures without labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from detectors.dataset import read_sets
from detectors.errors import DataError, UsageError, WeightsError
from detectors.training.detector import prepare, train
from detectors.training.manifest import read_manifest
from detectors.training.request import Request, Schedule
from detectors.training.teachers import Teachers, open_teachers, read_unlabelled
from detectors.zoo._weights import Description, build_network, save_weights

SIZE, NAMES = (64, 64), ("car", "person")


def teacher(
    file: Path, seed: int = 0, architecture: str = "one_stage", names: tuple[str, ...] = NAMES
) -> Path:
    torch.manual_seed(seed)
    backbone = "smaller_vgg_rep_nano" if architecture == "one_stage" else "smaller_vgg"
    description = Description(architecture, backbone, names, (0,), SIZE, 0.3)
    save_weights(file, build_network(description), description)
    return file


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Return a folder with two pictures, one in a folder below, and what is no picture."""
    folder = tmp_path / "frames"
    (folder / "monday").mkdir(parents=True)
    for name, size in (("a.png", (80, 60)), ("monday/b.jpg", (64, 48))):
        cv2.imwrite(str(folder / name), np.full((size[1], size[0], 3), 90, np.uint8))
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_several_are_asked_for_their_mean(tmp_path: Path) -> None:
    files = [teacher(tmp_path / f"{seed}.pt", seed) for seed in (1, 2)]
    pictures = torch.rand(2, 3, 64, 64) * 255
    both = open_teachers(files, NAMES, "cpu")
    assert both
    alone = [open_teachers([file], NAMES, "cpu") for file in files]
    answers = [one(pictures) for one in alone if one]
    soft = both(pictures)
    torch.testing.assert_close(soft.scores, (answers[0].scores + answers[1].scores) / 2)
    low = torch.minimum(answers[0].boxes, answers[1].boxes)
    high = torch.maximum(answers[0].boxes, answers[1].boxes)
    assert ((soft.boxes >= low - 1e-3) & (soft.boxes <= high + 1e-3)).all()
    assert soft.scores.shape == (2, 8 * 8 + 4 * 4 + 2 * 2, 2)
    assert not soft.scores.requires_grad


def test_they_see_what_the_detector_sees(tmp_path: Path) -> None:
    file = teacher(tmp_path / "one.pt")
    description = Description("one_stage", "smaller_vgg_rep_nano", NAMES, (0,), SIZE, 0.3)
    torch.manual_seed(0)
    net = build_network(description).eval()
    pictures = torch.rand(1, 3, 64, 64) * 255
    with torch.no_grad():
        seen = net(pictures)
    asked = open_teachers([file], NAMES, "cpu")
    assert asked
    soft = asked(pictures)
    torch.testing.assert_close(soft.boxes, seen[..., :4], atol=0.05, rtol=0.01)
    torch.testing.assert_close(soft.scores, seen[..., 4:], atol=1e-4, rtol=0.01)


def test_who_sees_more_says_more_of_the_box(tmp_path: Path) -> None:
    """One is sure of everything, the other of nothing: the boxes are the sure one's, the scores the mean."""
    nets = [open_teachers([teacher(tmp_path / f"{seed}.pt", seed)], NAMES, "cpu") for seed in (1, 2)]
    assert nets[0]
    assert nets[1]
    sure, blind = nets[0].nets[0], nets[1].nets[0]
    torch.nn.init.constant_(sure.to_logits.bias, 9.0)
    torch.nn.init.constant_(blind.to_logits.bias, -9.0)
    pictures = torch.rand(1, 3, 64, 64) * 255
    soft, own = Teachers([sure, blind])(pictures), Teachers([sure])(pictures)
    torch.testing.assert_close(soft.boxes, own.boxes, atol=0.05, rtol=0.001)
    torch.testing.assert_close(soft.scores, own.scores / 2, atol=1e-3, rtol=0.001)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"architecture": "faster_rcnn"}, "is of a faster_rcnn: only one_stage can teach"),
        ({"names": ("person", "car")}, r"knows other classes \(person,car, not car,person\)"),
    ],
)
def test_who_cannot_teach(tmp_path: Path, other: dict[str, object], words: str) -> None:
    file = teacher(tmp_path / "x.pt", **other)  # type: ignore[arg-type]
    with pytest.raises(WeightsError, match=words):
        open_teachers([file], NAMES, "cpu")


def test_no_teacher_is_none() -> None:
    assert open_teachers([], NAMES, "cpu") is None


def test_pictures_without_labels_know_of_no_class(frames: Path) -> None:
    found = read_unlabelled([frames], [], 2)
    assert [(p.path.name, p.set_name, p.size) for p in found] == [
        ("a.png", "frames", (80, 60)),
        ("b.jpg", "frames", (64, 48)),
    ]
    assert all(len(p.boxes) == len(p.labels) == len(p.ignore) == 0 for p in found)
    assert not any(p.annotated.any() for p in found)


def test_what_is_labelled_or_named_twice_is_left_out(
    tmp_path: Path, frames: Path, make_set: Callable[..., Path]
) -> None:
    folder = make_set("tiny", [[{"category": "car", "bbox": [10, 30, 40, 24]}]], splits=("val",))
    labelled = read_sets([folder], "val", NAMES)
    assert read_unlabelled([folder], labelled, 2) == []
    found = read_unlabelled([frames, frames / "monday", folder / "images"], labelled, 2)
    assert [p.path.name for p in found] == ["a.png", "b.jpg"]
    cv2.imwrite(str(folder / "images" / "new.png"), np.zeros((40, 60, 3), np.uint8))
    with pytest.raises(UsageError, match="there is a labelled set 'tiny'"):
        read_unlabelled([folder / "images"], labelled, 2)


def test_a_set_of_weight_0_is_not_among_those_that_were_learnt_from(
    tmp_path: Path, frames: Path, make_set: Callable[..., Path]
) -> None:
    folder = make_set("tiny", [[{"category": "car", "bbox": [10, 30, 40, 24]}]])
    asked = {"teachers": (teacher(tmp_path / "teacher.pt"),), "unlabelled": (frames,), "data": (folder,)}
    for weights, names in (({}, ["frames", "tiny"]), ({"frames": 0.0}, ["tiny"])):
        train(request(tmp_path / "mine", set_weights=weights, overwrite=True, **asked), lambda *_: None)
        assert read_manifest(tmp_path / "manifest.toml")["mine"]["data"] == names


def test_labels_may_be_there_to_measure_alone(
    tmp_path: Path, frames: Path, make_set: Callable[..., Path]
) -> None:
    folder = make_set("tiny", [[{"category": "car", "bbox": [10, 30, 40, 24]}]], splits=("val",))
    asked = {"teachers": (teacher(tmp_path / "teacher.pt"),), "unlabelled": (frames,), "data": (folder,)}
    precisions = train(request(tmp_path / "mine", **asked), lambda *_: None)
    assert precisions
    assert precisions["car"].boxes == 1
    alone = {name: value for name, value in asked.items() if name != "data"}
    with pytest.raises(UsageError, match="--measure-every: there is no val split"):
        train(request(tmp_path / "alone", measure_every=1.0, **alone), lambda *_: None)


def test_pictures_that_cannot_be_read(tmp_path: Path, frames: Path) -> None:
    (frames / "monday" / "b.jpg").unlink()
    with pytest.raises(DataError, match=r"no picture in or below --unlabelled .*monday"):
        read_unlabelled([frames / "monday"], [], 2)
    (frames / "c.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"c\.png is damaged"):
        read_unlabelled([frames], [], 2)


def request(out: Path, **more: object) -> Request:
    fields: dict[str, object] = {
        "data": (),
        "schedule": Schedule(steps=2, batch=2, warmup=1),
        "class_names": NAMES,
        "input_size": SIZE,
        "backbone": "smaller_vgg_rep_nano",
        "device": "cpu",
        "precision": "fp32",
        "workers": 0,
    }
    return Request(out=out, **(fields | more))  # type: ignore[arg-type]


def test_a_training_without_any_label(tmp_path: Path, frames: Path, make_set: Callable[..., Path]) -> None:
    file = teacher(tmp_path / "teacher.pt")
    asked = {"teachers": (file,), "unlabelled": (frames,)}
    training = prepare(request(tmp_path / "mine", **asked))
    rows: list[dict[str, float]] = []
    training.run(lambda _, losses: rows.append(losses))
    assert len(rows) == 2
    assert all(row["loss_box"] == 0 < row["loss_soft_class"] for row in rows)

    other = teacher(tmp_path / "other.pt", 1)
    with pytest.raises(UsageError, match="begun with another --teacher"):
        prepare(request(tmp_path / "mine", resume=True, teachers=(other,), unlabelled=(frames,)))
    folder = make_set("tiny", [[{"category": "car", "bbox": [10, 30, 40, 24]}]])
    labelled = request(tmp_path / "mine", resume=True, data=(folder,))
    with pytest.raises(UsageError, match=r"begun with another --teacher .*, not none"):
        prepare(labelled)


def test_labels_and_teachers_speak_together(
    tmp_path: Path, frames: Path, make_set: Callable[..., Path]
) -> None:
    folder = make_set("tiny", [[{"category": "car", "bbox": [10 + 20 * n, 30, 40, 24]}] for n in range(3)])
    asked = {"teachers": (teacher(tmp_path / "teacher.pt"),), "unlabelled": (frames,)}
    training = prepare(request(tmp_path / "mine", data=(folder,), **asked))
    assert sorted({p.set_name for p in training.examples.pictures}) == ["frames", "tiny"]
    rows: list[dict[str, float]] = []
    training.run(lambda _, losses: rows.append(losses))
    assert list(rows[0]) == ["loss_class", "loss_box", "loss_soft_class", "loss_soft_box"]

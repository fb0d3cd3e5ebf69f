"""``track train detector`` from the command line: bad options are one line, good ones become weights."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from detectors.dataset import ROAD_USERS

Track = Callable[..., Any]
QUICK = ("--batch", "1", "--device", "cpu", "--precision", "fp32", "--threads", "1", "--workers", "0")


@pytest.fixture(autouse=True)
def _own_random_numbers() -> Iterator[None]:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    yield
    torch.set_rng_state(state)
    torch.set_num_threads(threads)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a set with one picture of one car."""
    folder = tmp_path / "road"
    (folder / "images").mkdir(parents=True)
    image = np.full((72, 128, 3), 90, np.uint8)
    image[30:50, 40:80] = (200, 60, 40)
    cv2.imwrite(str(folder / "images" / "0.png"), image)
    content = {
        "images": [{"id": 0, "file_name": "0.png", "width": 128, "height": 72, "split": "train"}],
        "annotations": [{"id": 0, "image_id": 0, "category_id": 0, "bbox": [40, 30, 40, 20]}],
        "categories": [{"id": 0, "name": "car"}],
    }
    (folder / "labels.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def train(track: Track, tmp_path: Path) -> Track:
    """Return the command with data that are not there: a bad option is said before they are looked for."""
    return lambda *more: track("train", "detector", "--data", tmp_path / "no data", "--out", "mine", *more)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "either --minutes or --steps"),
        (("--steps", "5", "--minutes", "1"), "either --minutes or --steps"),
        (("--steps", "0"), "--steps must be above 0"),
        (("--steps", "1", "--size", "512"), "--size takes WIDTHxHEIGHT"),
        (("--steps", "1", "--size", "500x288"), "multiples of 32"),
        (("--steps", "1", "--head", "one_stag"), "did you mean one_stage"),
        (("--steps", "1", "--backbone", "vgg"), "unknown backbone 'vgg'"),
        (("--minutes", "nan"), "--minutes must be above 0, not nan"),
        (("--minutes", "-1"), "--minutes must be above 0"),
        (("--steps", "1", "--rate", "nan"), "--rate must be above 0"),
        (("--steps", "1", "--batch", "0"), "--batch must be above 0"),
        (("--steps", "1", "--threads", "0"), "--threads must be above 0"),
        (("--steps", "1", "--workers", "-1"), "--workers must be at least 0"),
        (("--steps", "1", "--seed", "-1"), "--seed must be at least 0"),
        (("--steps", "1", "--mosaic", "1.5"), "--mosaic must lie in [0, 1]"),
        (("--steps", "1", "--paste", "-0.1"), "--paste must lie in [0, 1]"),
        (("--steps", "1", "--cut-out", "2"), "--cut-out must lie in [0, 1]"),
        (("--steps", "1", "--plain", "nan"), "--plain must lie in [0, 1]"),
        (("--steps", "1", "--score", "-0.1"), "--score must lie in [0, 1]"),
        (("--steps", "1", "--weight", "rain=-1"), "--weight rain must be at least 0"),
        (("--steps", "1", "--weight", "rain"), "--weight takes SET=NUMBER, not 'rain'"),
        (("--steps", "1", "--weight", "=1"), "--weight takes SET=NUMBER, not '=1'"),
        (("--steps", "1", "--weight", "rain=much"), "--weight takes SET=NUMBER, not 'rain=much'"),
        (("--steps", "1", "--device", "gpu"), "unknown device 'gpu': there is auto, cpu, cuda"),
        (("--steps", "1", "--precision", "fp16"), "unknown precision 'fp16': there is auto, fp32, bf16"),
        (("--steps", "1", "--out", "file/mine"), "file is a file, not a folder"),
        (("--steps", "1", "--out", "/proc/1/mine"), "cannot write into /proc/1"),
        (("--steps", "1", "--out", "."), "names no file"),
        (("--steps", "1", "--resume"), "nothing to --resume"),
        (("--steps", "1", "--resume", "--overwrite"), "leave out one"),
        (("--steps", "1", "--unlabelled", "file"), "nobody says what is on --unlabelled pictures"),
        (
            ("--steps", "1", "--head", "faster_rcnn", "--teacher", "x.pt"),
            "--teacher teaches --head one_stage",
        ),
        (("--steps", "1", "--teacher", "smaller_vgg_rep_medium_int8"), "give smaller_vgg_rep_medium"),
    ],
)
def test_wrong_options(train: Track, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    (tmp_path / "file").touch()
    done = train(*arguments)
    assert done.code == 2
    assert words in done.complaint
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_cuda_where_there_is_no_card(train: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    done = train("--steps", "1", "--device", "cuda")
    assert done.code == 2
    assert "no CUDA device here: use --device cpu or auto" in done.complaint


def test_data_that_are_not_there(train: Track, tmp_path: Path) -> None:
    done = train("--steps", "1", *QUICK)
    assert done.code == 1
    assert "no labels.json in or below" in done.complaint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("classes", ["car,", "car,car", "car,vehicle", ""])
def test_classes_that_cannot_be(train: Track, classes: str) -> None:
    done = train("--steps", "1", "--classes", classes, *QUICK)
    assert done.code == 2
    assert "--classes" in done.complaint


def test_weights_that_are_not_there_are_no_beginning(train: Track) -> None:
    done = train("--steps", "1", "--from", "gone.pt", *QUICK)
    assert done.code == 1
    assert "weights gone.pt are missing" in done.complaint


def test_weights_are_made_named_resumed_and_used(
    track: Track, tmp_path: Path, data: Path, tiny_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The precision is bf16, which a processor may be asked for too."""
    command = ("train", "detector", "--data", data, "--out", "my weights/mine.pt", "--size", "96x64", *QUICK)
    done = track(*command, "--precision", "bf16", "--steps", "1")
    assert done.code == 0, done.err
    says = "my weights/mine.pt; use it with track --video road.mp4 --detector 'my weights/mine.pt'"
    assert done.out.splitlines()[-1] == says
    folder = tmp_path / "my weights"
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.toml", "mine.pt", "mine.training"]
    entry = tomllib.loads((folder / "manifest.toml").read_text())["mine"]
    assert (entry["file"], tuple(entry["classes"])) == ("mine.pt", ROAD_USERS)

    for more, words in (
        (("--steps", "2"), "mine.training holds a training: --resume it"),
        (("--steps", "2", "--resume", "--batch", "2"), "begun with --batch 1"),
        (("--minutes", "1", "--resume"), "begun with --steps"),
        (("--steps", "2", "--resume", "--seed", "1"), "begun with another --seed (0, not 1)"),
        (("--steps", "2", "--resume", "--weight", "raod=2"), "did you mean road?"),
    ):
        refused = track(*command, *more)
        assert refused.code == 2
        assert words in refused.complaint
    again = (*command, "--steps", "2", "--resume")
    monkeypatch.setattr(sys, "argv", ["track", *map(str, again)])
    assert track(*again).code == 0
    entry = tomllib.loads((folder / "manifest.toml").read_text())["mine"]
    assert entry["pictures_seen"] == 2
    assert entry["command"] == shlex.join(["track", *map(str, command), "--steps", "2"])
    assert "measured_by" not in entry, "there is no val split"

    shutil.rmtree(folder / "mine.training")
    weights = (folder / "mine.pt").read_bytes()
    refused = track(*command, "--steps", "1")
    assert refused.code == 2
    assert "mine.pt exists: give another --out, or replace it with --overwrite" in refused.complaint
    assert (folder / "mine.pt").read_bytes() == weights

    once = ("--trigger", "interval", "--interval", "9", "--propagate", "kalman", "--no-video")
    used = track("--video", tiny_video, "--detector", folder / "mine.pt", "--device", "cpu", *once)
    assert used.code == 0, used.err


def test_the_same_command_goes_on(track: Track, data: Path, tmp_path: Path) -> None:
    """The network comes from the checkpoint, whether ``--from`` is said again or not."""
    first = ("--backbone", "smaller_vgg_rep_nano", "--size", "96x64", "--data", data, *QUICK)
    assert track("train", "detector", *first, "--out", "first", "--steps", "1").code == 0
    command = (
        "train",
        "detector",
        "--data",
        data,
        "--from",
        "first.pt",
        "--out",
        "mine",
        "--size",
        "96x64",
        *QUICK,
    )
    assert track(*command, "--steps", "1").code == 0
    again = track(*command, "--steps", "2", "--resume")
    assert again.code == 0, again.err
    (tmp_path / "first.pt").unlink()
    for rest in (command, tuple(word for word in command if word not in ("--from", "first.pt"))):
        done = track(*rest, "--steps", "2", "--resume")
        assert done.code == 0, done.err
    entry = tomllib.loads((tmp_path / "manifest.toml").read_text())["mine"]
    assert (entry["backbone"], entry["pictures_seen"]) == ("smaller_vgg_rep_nano", 2)


def test_another_network_is_trained_and_runs(track: Track, data: Path, tmp_path: Path) -> None:
    network = ("--head", "one_stage", "--backbone", "smaller_vgg_rep_nano", "--size", "96x64")
    done = track("train", "detector", "--data", data, "--out", "rep", "--steps", "1", *network, *QUICK)
    assert done.code == 0, done.err
    entry = tomllib.loads((tmp_path / "manifest.toml").read_text())["rep"]
    assert (entry["architecture"], entry["backbone"]) == ("one_stage", "smaller_vgg_rep_nano")
    assert entry["input_size"] == [96, 64]
    looked = track("--video", data / "images", "--detector", "rep.pt", "--no-video", "--out", "run")
    assert looked.code == 0, looked.err

    # and it teaches another one, on pictures without labels alone
    asked = ("--teacher", "rep.pt", "--unlabelled", data / "images", "--out", "pupil", "--steps", "1")
    taught = track("train", "detector", *asked, *network, *QUICK)
    assert taught.code == 0, taught.err
    assert "no val split in the data: the weights were not measured" in taught.out
    entry = tomllib.loads((tmp_path / "manifest.toml").read_text())["pupil"]
    assert (entry["data"], entry["pictures_seen"]) == (["road"], 1)

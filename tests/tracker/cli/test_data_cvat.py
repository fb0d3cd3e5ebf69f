"""The circle as a user goes it: track, export to CVAT, correct, import, train, evaluate; and its slips."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from detectors.dataset import ROAD_USERS
from detectors.zoo._weights import Description, build_network, save_weights
from tracker.cli.app import run_app

Track = Callable[..., Any]
QUICK = ("--device", "cpu", "--precision", "fp32", "--threads", "1", "--workers", "0")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_video: Path, tiny_boxes: Path) -> Path:
    """Return the folder of a run of the tiny video."""
    folder = tmp_path_factory.mktemp("run")
    words = ("--video", tiny_video, "--detector", f"replay:{tiny_boxes}", "--no-video", "--out", folder)
    named = ("--set", "detector.replay.class_name=car")
    looks = ("--trigger", "always", "--propagate", "none")
    assert run_app([str(word) for word in (*words, *named, *looks)]) == 0
    return folder


def boxes_of(file: Path) -> Counter[str]:
    content = json.loads(file.read_text())
    names = {category["id"]: category["name"] for category in content["categories"]}
    return Counter(names[annotation["category_id"]] for annotation in content["annotations"])


def test_from_tracks_to_better_weights(track: Track, run: Path, tmp_path: Path, tiny_video: Path) -> None:
    done = track("export", "cvat", "--run", run, "--out", "tiny.cvat.xml")
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "tiny.cvat.xml"
    tree = ET.parse("tiny.cvat.xml")
    first, second, _third = tree.getroot().findall("track")
    assert len(first.findall("box")) <= 5  # of 50: it moves in a straight line
    first.set("label", "bus")
    tree.getroot().remove(second)
    labels = tree.getroot().find("meta/task/labels")
    assert labels is not None
    ET.SubElement(ET.SubElement(labels, "label"), "name").text = "bus"
    tree.write("corrected.xml", encoding="utf-8")

    done = track(
        "data", "import-cvat", "corrected.xml", "--video", tiny_video, "--out", "set", "--every", 0.25
    )
    assert done.code == 0, done.err
    assert "8 pictures (6 train, 2 val)" in done.out
    assert boxes_of(tmp_path / "set" / "labels.json") == {"bus": 8, "car": 8}
    assert not list(tmp_path.glob(".frames-*"))

    state = torch.get_rng_state()
    description = Description("one_stage", "smaller_vgg_rep_nano", ROAD_USERS, (0,) * 6, (64, 48), 0.4)
    save_weights(tmp_path / "old.pt", build_network(description), description)
    backbone = ("--backbone", "smaller_vgg_rep_nano", "--size", "64x64", "--batch", 2)
    done = track(
        *("train", "detector", "--data", "set", "--from", "old.pt", "--steps", 2, "--out", "new.pt"),
        *(*backbone, *QUICK),
    )
    torch.set_rng_state(state)
    assert done.code == 0, done.err
    chosen = ("--detector", "new.pt", "--set", "runtime=torch", "--set", "precision=fp32")
    done = track("evaluate", "detector", "--data", "set", *chosen, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["pictures"] == 2


def test_pictures_of_a_video_as_cvat_exports_them(track: Track, run: Path, tmp_path: Path) -> None:
    import cv2

    track("export", "cvat", "--run", run, "--out", "tiny.xml")
    (tmp_path / "images").mkdir()
    for number in (0, 10, 20, 30, 40):
        image = 100 + number + torch.zeros(120, 160, 3, dtype=torch.uint8).numpy()
        cv2.imwrite(f"images/frame_{number:06d}.PNG", image)
    done = track("data", "import-cvat", "tiny.xml", "--pictures", "images", "--out", "set")
    assert done.code == 0, done.err
    assert "5 pictures (4 train, 1 val); boxes: 15 car" in done.out


def test_frames_are_extracted_with_a_proposal(
    track: Track, run: Path, tmp_path: Path, tiny_video: Path
) -> None:
    done = track("data", "extract", tiny_video, "--out", "frames", "--count", 4, "--run", run)
    assert done.code == 0, done.err
    assert "4 frames; left out: 0 blurred or blank" in done.out
    files = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert files[:2] == ["frames.csv", "proposal.cvat.xml"]
    assert len(files) == 6
    done = track("data", "import-cvat", "frames/proposal.cvat.xml", "--pictures", "frames", "--out", "set")
    assert done.code == 0, done.err
    assert boxes_of(tmp_path / "set" / "labels.json") == {"car": 12}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("export", "cvat", "--run", "gone", "--out", "a.xml"), 1, "gone is no run"),
        (("export", "cvat", "--run", "RUN", "--out", "there.xml"), 2, "there.xml is there already"),
        (("export", "cvat", "--run", "RUN", "--out", "."), 1, "it is a folder"),
        (("export", "cvat", "--run", "RUN", "--out", "a.xml", "--share", "2"), 2, "--share is a share"),
        (("data", "import-cvat", "there.xml", "--out", "s"), 2, "give either --video"),
        (
            ("data", "import-cvat", "there.xml", "--out", "s", "--video", "VIDEO"),
            1,
            "begins with <annotation>",
        ),
        (("data", "import-cvat", "gone.xml", "--out", "s", "--video", "VIDEO"), 1, "cannot read gone.xml"),
        (
            ("data", "import-cvat", "a.xml", "--out", "s", "--pictures", ".", "--every", "2"),
            2,
            "--every chooses frames of a --video",
        ),
        (
            ("data", "import-cvat", "a.xml", "--out", "s", "--pictures", ".", "--val", "1"),
            2,
            "--val must lie",
        ),
        (("data", "import-cvat", "a.xml", "--out", ".", "--pictures", "."), 2, "is no set"),
        (("data", "extract", "gone.mp4", "--out", "f"), 1, "gone.mp4"),
        (("data", "extract", "VIDEO", "--out", "f", "--count", "0"), 2, "--count must be 1"),
        (("data", "extract", "VIDEO", "--out", "."), 2, "has no frames.csv"),
        (("data", "extract", "VIDEO", "--out", "f", "--run", "gone"), 1, "gone is no run"),
        (("data", "extract", "road.mp4", "--out", "f", "--run", "RUN"), 2, "not among the videos"),
    ],
)
def test_slips(
    track: Track,
    run: Path,
    tmp_path: Path,
    tiny_video: Path,
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    (tmp_path / "there.xml").write_text("<annotation><filename>a.jpg</filename></annotation>")
    real = {"RUN": run, "VIDEO": tiny_video}
    done = track(*(real.get(word, word) for word in arguments))
    assert done.code == code
    assert words in done.complaint
    assert done.out == ""
    assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob(".frames-*"))

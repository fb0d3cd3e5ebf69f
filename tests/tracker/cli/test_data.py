"""``track data``: from somebody's labels to a set that the trainer takes, and what is said on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

Track = Callable[..., Any]


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    cv2.imwrite(str(path), cv2.resize(coarse, (64, 48), interpolation=cv2.INTER_CUBIC))


@pytest.fixture
def kitti(tmp_path: Path) -> Path:
    """Write ten labelled pictures as KITTI has them."""
    for number in range(10):
        picture(tmp_path / f"kitti/image_2/{number}.png", number)
        label = tmp_path / f"kitti/label_2/{number}.txt"
        label.parent.mkdir(exist_ok=True)
        names = ("Car", "Pedestrian", "DontCare", "Van")[: 2 + number % 3]
        label.write_text(
            "".join(f"{name} 0 0 0 {4 + 9 * i} 6 {30 + 9 * i} 20\n" for i, name in enumerate(names))
        )
    return tmp_path / "kitti"


def test_import_then_check_then_view(track: Track, kitti: Path, tmp_path: Path) -> None:
    done = track(
        "data", "import", "--from", kitti, "--out", "set", "--rename", "Pedestrian=person",
        "--rename", "Car=car", "--rename", "Van=", "--classes", "car,person,bus",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "read as kitti: 10 pictures (8 train, 2 val)" in done.out
    assert "10 car, 10 person, 0 bus; 6 ignored" in done.out
    content = json.loads((tmp_path / "set/labels.json").read_text())
    assert content["info"]["labelled_classes"] == ["car", "person", "bus"]
    assert "Van" not in {category["name"] for category in content["categories"]}

    done = track("data", "check", "set", "--out", "report.json")
    assert done.code == 0, done.err
    assert "warning: 1 classes without pictures" in done.out
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["errors"] == []
    assert [found["kind"] for found in report["warnings"]] == ["no_pictures"]
    assert report["classes"]["car"]["val"] == {"pictures": 2, "boxes": 2}

    done = track("data", "view", "set", "--split", "val", "--classes", "car")
    assert done.code == 0, done.err
    assert "2 pictures: sheet.png" in done.out
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None


def test_a_leak_is_an_error(track: Track, tmp_path: Path) -> None:
    for split in ("train", "val"):
        picture(tmp_path / f"roses/{split}/red/1.png", 1)
        picture(tmp_path / f"roses/{split}/white [wild]/2.png", 2 + len(split))
    done = track("data", "check", "roses")
    assert done.code == 1
    assert "error: 1 pictures with a copy in another split" in done.out
    assert "white [wild]" in done.out
    assert done.err == ""


def test_class_folders_become_a_set_of_those_classes(track: Track, tmp_path: Path) -> None:
    for number, name in enumerate(["rose", "rose", "tulip", "weed"]):
        picture(tmp_path / f"flowers/{name}/{number}.png", number)
    done = track("data", "import", "--from", "flowers", "--out", "set", "--classes", "rose,tulip", "--val", 0)
    assert done.code == 0, done.err
    assert "read as folders: 3 pictures (3 train)" in done.out
    assert "no picture is for validation" in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rename", "Pedestrain=person"), "did you mean Pedestrian?"),
        (("--rename", "Tram=bus"), "no box has the class Tram: there is Car, DontCare, Pedestrian, Van"),
        (("--rename", "Car"), "--rename takes OLD=NEW"),
        (("--classes", "cars"), "did you mean Car?"),
        (("--classes", ","), "--classes names no class"),
        (("--format", "cocoa"), "unknown format 'cocoa': did you mean coco"),
        (("--val", "1"), "share for val"),
        (("--out", "kitti"), "kitti is there already and is no set"),
    ],
)
def test_slips(track: Track, kitti: Path, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = track("data", "import", "--from", kitti, "--out", "set", *arguments)
    assert done.code == 2
    assert words in done.complaint
    assert [path.name for path in tmp_path.iterdir()] == ["kitti"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "label_2/3.txt").write_text("Car 0 0 0 1\n"), "3.txt, line 1: 5 columns"),
        (lambda folder: (folder / "image_2/3.png").unlink(), "3.txt: picture 3 is missing"),
        (lambda folder: (folder / "image_2/3.png").write_bytes(b"\x89PNG"), "3.png is damaged"),
    ],
)
def test_what_cannot_be_imported(
    track: Track, kitti: Path, tmp_path: Path, damage: Callable[[Path], Any], words: str
) -> None:
    damage(kitti)
    done = track("data", "import", "--from", kitti, "--out", "set", "--format", "kitti")
    assert done.code == 1
    assert words in done.complaint
    assert [path.name for path in tmp_path.iterdir()] == ["kitti"]


def test_files_are_not_replaced_unasked(track: Track, kitti: Path, tmp_path: Path) -> None:
    for name in ("x.json", "x.png"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/labels.json").write_text("mine")
    for words in (
        ("check", "set", "--out", "x.json"),
        ("view", "set", "--out", "x.png"),
        ("import", "--from", kitti, "--out", "set"),
    ):
        done = track("data", *words)
        assert done.code == 2
        assert "--overwrite" in done.complaint
        assert (tmp_path / str(words[-1])).is_dir() or (tmp_path / str(words[-1])).read_text() == "mine"
    assert (tmp_path / "set/labels.json").read_text() == "mine"
    assert track("data", "import", "--from", kitti, "--out", "set", "--overwrite", "--link").code == 0
    assert (tmp_path / "set/images/3.png").samefile(kitti / "image_2/3.png")
    assert track("data", "check", "set", "--out", "x.json", "--overwrite").code == 0
    assert json.loads((tmp_path / "x.json").read_text())["pictures"] == {"train": 8, "val": 2}
    done = track("data", "view", "set", "--out", "sheet.jpg")
    assert done.code == 2
    assert ".png" in done.complaint


def test_a_folder_that_is_none(track: Track) -> None:
    done = track("data", "check", "gone")
    assert done.code == 1
    assert "gone is no folder" in done.complaint
    done = track("data", "import", "--from", "gone", "--out", "set")
    assert done.code == 1
    assert "gone does not exist" in done.complaint


def test_a_set_of_ones_own_keeps_what_it_is_about(track: Track, kitti: Path, tmp_path: Path) -> None:
    """A class that was not looked for in one of two sets is there unlabelled: they must not become one."""
    classes = {"a": "Car,Van,Tram", "b": "Car"}
    for name, chosen in classes.items():
        done = track("data", "import", "--from", kitti, "--out", f"sets/{name}", "--classes", chosen)
        assert done.code == 0, done.err
    renames = ("--rename", "Van=car", "--rename", "Car=car")
    done = track("data", "import", "--from", "sets/a", "--out", "c", *renames)
    assert done.code == 0, done.err
    content = json.loads((tmp_path / "c/labels.json").read_text())
    assert content["info"] == {"labelled_classes": ["car", "Tram"]}
    done = track("data", "import", "--from", "sets", "--out", "d")
    assert done.code == 1
    assert "not about the same classes" in done.complaint
    assert not (tmp_path / "d").exists()

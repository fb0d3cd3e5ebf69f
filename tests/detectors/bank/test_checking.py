"""Every kind of finding is found where it is, and nowhere else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detectors.bank.banks import open_banks
from detectors.bank.checking import Share, check
from detectors.bank.labels import Box, Labelled
from detectors.bank.writing import write_set
from detectors.errors import DataError

Draw = Callable[..., Path]
CAR, BUS = Box("car", (4.0, 6.0, 24.0, 16.0)), Box("bus", (4.0, 6.0, 24.0, 16.0))


@pytest.fixture
def good(draw: Draw, tmp_path: Path) -> Path:
    """Write a set in which nothing is wrong: two pictures in either split."""
    names = [("1.png", "train", CAR), ("2.png", "train", BUS), ("3.png", "val", CAR), ("4.png", "val", BUS)]
    labelled = [Labelled(draw(f"raw/{name}"), name, (box,), split) for name, split, box in names]
    return write_set(labelled, tmp_path / "good").folder


def changed(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads((folder / "labels.json").read_text())
    change(content)
    (folder / "labels.json").write_text(json.dumps(content))


def kinds(*paths: Path) -> dict[str, tuple[bool, tuple[str, ...]]]:
    return {f.kind: (f.is_error, f.places) for f in check(open_banks(paths)).findings}


def test_a_good_set(good: Path) -> None:
    report = check(open_banks([good]))
    assert report.findings == ()
    assert report.pictures == {"train": 2, "val": 2}
    assert report.classes["car"] == {"train": Share(1, 1), "val": Share(1, 1)}


def box(*bbox: float) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["annotations"][0].update(bbox=bbox)


@pytest.mark.parametrize(
    ("kind", "is_error", "change"),
    [
        ("area", True, box(4, 6, 0, 10)),
        ("area", True, box(4, 6, 10, -1)),
        ("area", True, box(float("nan"), 6, 10, 10)),
        ("outside", True, box(64, 6, 10, 10)),
        ("outside", True, box(-20, 6, 20, 10)),
        ("border", False, box(50, 6, 16, 10)),
        ("size", True, lambda content: content["images"][0].update(width=640)),
        (
            "empty",
            False,
            lambda content: content["annotations"].append(content["annotations"].pop(0) | {"image_id": 3}),
        ),
    ],
)
def test_boxes(good: Path, kind: str, is_error: bool, change: Callable[[dict[str, Any]], None]) -> None:
    changed(good, change)
    found = kinds(good)
    found.pop("one_split", None)
    assert found.keys() == {kind}
    assert found[kind][0] is is_error
    assert len(found[kind][1]) == 1
    assert found[kind][1][0].startswith("good/1.png")


def test_a_box_that_is_rounded_over_the_border_is_none(good: Path) -> None:
    changed(good, box(50, 6, 15, 10))
    assert kinds(good) == {}


def test_files(good: Path, draw: Draw) -> None:
    (good / "images/1.png").write_bytes(b"")
    (good / "images/2.png").unlink()
    shutil.copy(draw("5.png"), good / "images")
    found = kinds(good)
    assert {"1.png", "2.png"} == {place.split()[1].rsplit("/", 1)[-1] for place in found["broken"][1]}
    assert found["unlabelled"] == (False, ("good/5.png",))


def test_classes(good: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["info"]["labelled_classes"].append("tram")
        content["annotations"][3]["category_id"] = content["annotations"][2]["category_id"]

    changed(good, change)
    found = kinds(good)
    assert found.keys() == {"no_pictures", "one_split"}
    assert found["no_pictures"][1] == ("tram",)
    assert found["one_split"][1] == ("bus: train",)


def test_a_set_without_val_and_a_picture_twice(good: Path) -> None:
    changed(good, lambda content: [image.pop("split") for image in content["images"]])
    assert kinds(good)["no_val"][1] == ("all pictures are train",)
    changed(good, lambda content: content["images"][1].update(file_name="1.png"))
    assert kinds(good)["name"] == (True, ("good/1.png (2 times)",))


def test_leaks_between_splits_also_of_two_sets(good: Path, draw: Draw, tmp_path: Path) -> None:
    first = draw("a.png", seed=1)
    near = draw("b.png", seed=1, brighter=9)
    shutil.copy(first, tmp_path / "c.png")
    train = [Labelled(first, "a.png", (CAR,), "train")]
    val = [Labelled(path, path.name, (CAR,), "val") for path in (near, tmp_path / "c.png")]
    write_set(train, tmp_path / "one")
    write_set(val, tmp_path / "two")
    found = kinds(tmp_path / "one", tmp_path / "two", good)
    assert found.keys() == {"leak", "near_leak", "near"}
    assert found["leak"] == (True, ("one/a.png = two/c.png",))
    assert found["near_leak"][1][0].startswith("val: two/b.png ~ train: one/a.png (")
    assert kinds(tmp_path)["leak"] == found["leak"]  # a folder of sets


def test_copies_and_look_alikes_of_class_folders(draw: Draw, tmp_path: Path) -> None:
    draw("roses/red/1.png", seed=1)
    draw("roses/red/2.png", seed=1)
    draw("roses/white/3.png", seed=2)
    draw("roses/red/3.png", seed=2)
    draw("roses/white/4.png", seed=3)
    draw("roses/red/4.png", seed=3, brighter=9)
    report = check(open_banks([tmp_path / "roses"]))
    found = {f.kind: f for f in report.findings}
    assert found.keys() == {"contradiction", "copy", "near_contradiction", "near"}
    assert found["contradiction"].places == ("roses/red/3.png = roses/white/3.png",)
    assert found["contradiction"].is_error
    assert len(found["copy"].places) == 2
    assert found["near_contradiction"].places == ("roses/red/4.png = roses/white/4.png",)
    assert report.classes == {"red": {"all": Share(4, 4)}, "white": {"all": Share(2, 2)}}


def test_a_damaged_picture_in_a_class_folder_is_found_too(draw: Draw, tmp_path: Path) -> None:
    draw("roses/red/1.png")
    (tmp_path / "roses/red/2.jpg").write_bytes(b"\xff\xd8")
    assert kinds(tmp_path / "roses").keys() == {"broken"}


def test_a_set_without_pictures(good: Path) -> None:
    changed(good, lambda content: content.update(images=[], annotations=[]))
    assert kinds(good)["hollow"] == (True, ("good",))


def test_what_is_no_set(tmp_path: Path, good: Path) -> None:
    with pytest.raises(DataError, match="is no folder"):
        open_banks([tmp_path / "gone"])
    (good / "labels.json").write_text("[")
    with pytest.raises(DataError, match=r"labels.json, line 1: not JSON"):
        open_banks([good])

"""Labelled sets are read as they are annotated, and what is wrong with one is said in a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.dataset import ROAD_USERS, Picture, read_sets, sampling_weights
from detectors.errors import DataError

SetMaker = Callable[..., Path]


def row(category: str, *xywh: float, **more: object) -> dict[str, object]:
    return {"category": category, "bbox": xywh, **more}


def test_a_partly_annotated_set(make_set: SetMaker) -> None:
    annotations = [
        [
            row("car", 10, 20, 30, 40),
            row("vehicle", 1, 2, 3, 4),
            row("other_vehicle", 5, 5, 10, 10, ignore=1),
            row("bus", 50, 50, 20, 20, iscrowd=1),
            row("truck", 60, 10, 20, 20),
        ],
        [],
    ]
    folder = make_set("cams", annotations, labelled=["car", "truck", "bus"])
    first, second = read_sets([folder], "train")
    assert first.boxes.tolist() == [[10, 20, 40, 60], [1, 2, 4, 6], [60, 10, 80, 30]]
    assert first.labels.tolist() == [0, len(ROAD_USERS), 2]
    assert first.ignore.tolist() == [[5, 5, 15, 15], [50, 50, 70, 70]]
    assert first.annotated.tolist() == [True, True, True, False, False, False]
    assert (first.set_name, first.size, first.path) == ("cams", (128, 96), folder / "images" / "0.png")
    assert second.boxes.shape == second.ignore.shape == (0, 4)
    assert second.labels.shape == (0,)
    assert (first.boxes.dtype, second.labels.dtype) == (np.float32, np.int64)


def test_sets_are_found_below_a_folder_and_once(make_set: SetMaker) -> None:
    one, two = make_set("one", [[]], splits=("train", "val")), make_set("two", [[], []])
    assert len(read_sets([one.parent], "train")) == 3
    assert len(read_sets([one, one.parent, two], "train")) == 3
    assert [picture.set_name for picture in read_sets([one.parent], "val")] == ["one"]


def test_without_a_list_all_categories_are_annotated(make_set: SetMaker) -> None:
    (picture,) = read_sets([make_set("full", [[]], labelled=None)], "train")
    assert picture.annotated.all()


def test_unknown_vehicles_are_ignored_where_no_class_is_a_vehicle(make_set: SetMaker) -> None:
    folder = make_set("people", [[row("vehicle", 1, 2, 3, 4), row("person", 5, 6, 7, 8)]])
    (picture,) = read_sets([folder], "train", ("person",))
    assert picture.labels.tolist() == [0]
    assert picture.ignore.tolist() == [[1, 2, 4, 6]]


def change(folder: Path, edit: Callable[[Any], object]) -> None:
    file = folder / "labels.json"
    content = json.loads(file.read_text())
    edit(content)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "edit",
    [
        lambda c: c.pop("images"),
        lambda c: c.pop("categories"),
        lambda c: c["images"][0].pop("width"),
        lambda c: c["annotations"][0].update(bbox=[1, 2, 3]),
        lambda c: c["annotations"][0].update(bbox="wide"),
        lambda c: c["annotations"][0].update(category_id=99),
        lambda c: c.update(images=["0.png"]),
        lambda c: c.update(info=["car"]),
    ],
    ids=[
        "no images",
        "no categories",
        "no width",
        "short box",
        "box of letters",
        "unknown category",
        "images as names",
        "info as a list",
    ],
)
def test_what_is_no_coco_file(make_set: SetMaker, edit: Callable[[Any], object]) -> None:
    folder = make_set("bad", [[row("car", 1, 2, 3, 4)]])
    change(folder, edit)
    with pytest.raises(DataError, match=r"labels\.json is not a COCO label file") as caught:
        read_sets([folder], "train")
    assert "\n" not in str(caught.value)


def test_broken_json_missing_files_and_empty_splits(make_set: SetMaker, tmp_path: Path) -> None:
    folder = make_set("set", [[]])
    with pytest.raises(DataError, match="no pictures of split 'val' in 1 set"):
        read_sets([folder], "val")
    with pytest.raises(DataError, match=r"no labels\.json in or below .*nowhere"):
        read_sets([tmp_path / "nowhere"], "train")
    (folder / "images" / "0.png").unlink()
    with pytest.raises(DataError, match=r"names a picture that is not there: .*0\.png"):
        read_sets([folder], "train")
    for text in ('{"images": [', "[]", "\x00"):
        (folder / "labels.json").write_text(text)
        with pytest.raises(DataError, match="not a COCO label file"):
            read_sets([folder], "train")
    (folder / "labels.json").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not a COCO label file"):
        read_sets([folder], "train")


def picture(name: str, labels: list[int]) -> Picture:
    number = len(labels)
    boxes = np.tile(np.float32([0, 0, 9, 9]), (number, 1))
    none = np.zeros((0, 4), np.float32)
    return Picture(Path("x.png"), name, (9, 9), boxes, np.array(labels, np.int64), none, np.ones(2, bool))


def test_rare_classes_and_chosen_sets_are_drawn_more_often() -> None:
    pictures = [picture("a", [0])] * 9 + [picture("b", [1, 0, 2])]  # label 2: vehicle of unknown class
    plain = sampling_weights(pictures, 2)
    assert plain.sum() == pytest.approx(1)
    assert plain[9] / plain[0] == pytest.approx((0.3 / 0.1) ** 0.5)
    chosen = sampling_weights(pictures, 2, {"b": 0.5, "elsewhere": 3.0})
    assert chosen[9] / chosen[0] == pytest.approx(0.5 * 3**0.5)
    assert sampling_weights([picture("a", [])] * 4, 2) == pytest.approx(0.25)


@pytest.mark.parametrize("weight", [0.0, -1.0])
def test_weights_that_leave_nothing(weight: float) -> None:
    with pytest.raises(DataError, match="weights of the sets"):
        sampling_weights([picture("a", [0])], 2, {"a": weight})

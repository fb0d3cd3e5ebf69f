"""Each format as its usual tools write it, and files that are not what they seem."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detectors.bank.formats import FORMATS, guess, read_labelled
from detectors.bank.labels import Box, Labelled
from detectors.errors import DataError, UnknownNameError

Draw = Callable[..., Path]
Write = Callable[[str, str], Path]


def coco(names: list[str], size: tuple[int, int] = (64, 48), **more: Any) -> dict[str, Any]:
    images = [
        {"id": i, "file_name": name, "width": size[0], "height": size[1]} for i, name in enumerate(names, 1)
    ]
    first = {"id": 1, "image_id": 1, "category_id": 3, "bbox": [4, 6, 20, 10]}
    return {
        "images": images,
        "annotations": [first, first | {"id": 2, "category_id": 7, "iscrowd": 1}],
        "categories": [{"id": 3, "name": "car"}, {"id": 7, "name": "person"}],
        **more,
    }


COCO_BOXES = (Box("car", (4, 6, 24, 16)), Box("person", (4, 6, 24, 16), ignore=True))


def by_name(labelled: list[Labelled]) -> dict[str, Labelled]:
    assert len({one.name for one in labelled}) == len(labelled)
    return {one.name: one for one in labelled}


def test_coco_of_one_file(draw: Draw, write: Write, tmp_path: Path) -> None:
    draw("images/day/1.png")
    draw("images/2.png")
    file = write("labels.json", json.dumps(coco(["day\\1.png", "2.png"])))
    found = by_name(read_labelled(file))
    assert found["day/1.png"] == Labelled(tmp_path / "images/day/1.png", "day/1.png", COCO_BOXES)
    assert found["2.png"].boxes == ()


def test_coco_as_it_comes_with_its_years_and_captions(draw: Draw, write: Write, tmp_path: Path) -> None:
    for split in ("train2017", "val2017"):
        draw(f"{split}/1.png")
        write(f"annotations/instances_{split}.json", json.dumps(coco(["1.png"])))
        write(f"annotations/captions_{split}.json", json.dumps(coco(["1.png"])))
    found = by_name(read_labelled(tmp_path))
    assert {name: one.split for name, one in found.items()} == {"train/1.png": "train", "val/1.png": "val"}
    assert found["val/1.png"].path == tmp_path / "val2017/1.png"


def test_coco_as_roboflow_exports_it(draw: Draw, write: Write, tmp_path: Path) -> None:
    for split in ("train", "valid"):
        draw(f"{split}/a.png")
        write(f"{split}/_annotations.coco.json", json.dumps(coco(["a.png"])))
    assert {one.split for one in read_labelled(tmp_path)} == {"train", "val"}


def test_coco_polygons_without_a_bbox(draw: Draw, write: Write) -> None:
    draw("1.png")
    content = coco(["1.png"])
    polygon = [[10, 10, 30, 12, 20, 40], [5, 20, 8, 22]]
    content["annotations"] = [{"id": 1, "image_id": 1, "category_id": 3, "segmentation": polygon}]
    assert read_labelled(write("x.json", json.dumps(content)))[0].boxes == (Box("car", (5, 10, 30, 40)),)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{\n\n  nonsense", "line 3: not JSON"),
        ("[]", "a list, not an object"),
        (json.dumps({"images": []}), "not a COCO label file: KeyError 'categories'"),
        (json.dumps(coco(["gone.png"])), "gone.png is missing"),
        (json.dumps(coco(["1.png"], (640, 480))), "labels are for 640x480 pixels, the picture has 64x48"),
        (json.dumps(coco(["1.png"], (48, 64))), "turned"),
        (json.dumps(coco(["1.png"], categories=[])), "annotation 1: there is no category 3"),
        (json.dumps(coco([], images=[])), "there is no image 1"),
        (
            json.dumps(coco(["1.png"], annotations=[{"id": 9, "image_id": 1, "category_id": 3}])),
            "annotation 9",
        ),
    ],
)
def test_coco_that_is_none(draw: Draw, write: Write, content: str, words: str) -> None:
    draw("1.png")
    with pytest.raises(DataError, match=r"x\.json") as caught:
        read_labelled(write("x.json", content))
    assert words in str(caught.value)


def voc(name: str, size: str = "<size><width>64</width><height>48</height></size>", more: str = "") -> str:
    box = "<bndbox><xmin>5</xmin><ymin>7</ymin><xmax>24</xmax><ymax>16</ymax></bndbox>"
    return (
        f"<annotation><filename>{name}</filename>{size}<object><name>car</name>{box}</object>"
        f"<object><name>bus</name><difficult>1</difficult>{box}</object>{more}</annotation>"
    )


def test_voc_with_its_lists(draw: Draw, write: Write, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        draw(f"JPEGImages/{number}.png")
        write(f"Annotations/{number}.xml", voc(f"{number}.jpg"))  # a picture that was converted later
    write("ImageSets/Main/train.txt", "1\n")
    write("ImageSets/Main/val.txt", "2  1\n\n")
    found = by_name(read_labelled(tmp_path))
    assert {name: one.split for name, one in found.items()} == {
        "1.png": "train",
        "2.png": "val",
        "3.png": None,
    }
    # pixels are counted from 1, and the last one belongs to the box
    assert found["1.png"].boxes == (Box("car", (4, 6, 24, 16)), Box("bus", (4, 6, 24, 16), ignore=True))
    assert by_name(read_labelled(tmp_path / "Annotations"))["2.png"].split == "val"


def test_voc_beside_its_pictures_in_folders_of_splits(draw: Draw, write: Write, tmp_path: Path) -> None:
    for split in ("train", "valid"):
        draw(f"{split}/a.png")
        write(f"{split}/a.xml", voc("a.png", size=""))
    assert {one.name: one.split for one in read_labelled(tmp_path)} == {
        "train/a.png": "train",
        "valid/a.png": "val",
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<annotation>\n<object>\n</annotation>", "a.xml, line 3: not XML"),
        ("<annotations/>", "begins with <annotations>"),
        (voc("gone.png"), "picture gone.png is missing"),
        (voc("1.png", more="<object><name>x</name></object>"), "a.xml, object 3: no xmin"),
        (voc("1.png", more="<object/>"), "a.xml, object 3: no name"),
        (voc("1.png").replace(">24<", ">wide<"), "object 1: xmax is 'wide', not a number"),
        (voc("1.png", "<size><width>9</width><height>9</height></size>"), "labels are for 9x9"),
    ],
)
def test_voc_that_is_none(draw: Draw, write: Write, content: str, words: str) -> None:
    draw("1.png")
    with pytest.raises(DataError) as caught:
        read_labelled(write("a.xml", content), name="voc")
    assert words in str(caught.value)


def test_voc_in_two_lists(draw: Draw, write: Write, tmp_path: Path) -> None:
    draw("JPEGImages/1.png")
    write("Annotations/1.xml", voc("1.png"))
    write("ImageSets/Main/train.txt", "1\n")
    write("ImageSets/Main/val.txt", "0\n1\n")
    with pytest.raises(DataError, match=r"val.txt, line 2: 1 is in train.txt"):
        read_labelled(tmp_path)


KITTI = "Pedestrian 0.00 0 -0.20 4.0 6.00 24.5 16.25 1.89 0.48 1.20 1.84 1.47 8.41 0.01\n"
DONT_CARE = "DontCare -1 -1 -10 30.00 1.00 40.00 9.00 -1 -1 -1 -1000 -1000 -1000 -10\n"


def test_kitti_with_its_calibration_beside(draw: Draw, write: Write, tmp_path: Path) -> None:
    draw("training/image_2/000007.png")
    write("training/label_2/000007.txt", KITTI + DONT_CARE)
    write("training/calib/000007.txt", "P0: 7.07e+02 0 6.04e+02\n")
    (one,) = read_labelled(tmp_path)
    assert one.boxes == (
        Box("Pedestrian", (4, 6, 24.5, 16.25)),
        Box("DontCare", (30, 1, 40, 9), ignore=True),
    )
    assert (one.name, one.split) == ("000007.png", None)  # its "training" is no split


def test_kitti_below_a_folder_that_is_called_labels_too(draw: Draw, write: Write, tmp_path: Path) -> None:
    draw("labels/image_2/1.png")
    write("labels/label_2/1.txt", KITTI)
    for folder in ("labels", "labels/label_2"):
        (one,) = read_labelled(tmp_path / folder)
        assert (one.path, one.name) == (tmp_path / "labels/image_2/1.png", "1.png")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 0.5 0.5 0.1 0.1", "line 2: 5 columns"),
        ("Car x 0 0 1 1 2 2", "line 2: not a KITTI label"),
    ],
)
def test_kitti_that_is_none(draw: Draw, write: Write, tmp_path: Path, line: str, words: str) -> None:
    draw("images/1.png")
    write("labels/1.txt", KITTI + line)
    with pytest.raises(DataError, match=r"1\.txt") as caught:
        read_labelled(tmp_path, name="kitti")
    assert words in str(caught.value)


def test_kitti_without_a_picture(write: Write, tmp_path: Path) -> None:
    write("label_2/1.txt", KITTI)
    with pytest.raises(DataError, match=r"1.txt: picture 1 is missing in .*image_2"):
        read_labelled(tmp_path)


def test_class_folders_with_and_without_splits(draw: Draw, tmp_path: Path) -> None:
    draw("a/rose/1.png")
    draw("a/tulip/deep/1.png")
    draw("b/train/rose/1.png")
    draw("b/val/rose/1.png")
    plain = by_name(read_labelled(tmp_path / "a"))
    assert plain["tulip/deep/1.png"].boxes == (Box("tulip", (0, 0, 64, 48)),)
    assert {one.split for one in plain.values()} == {None}
    assert {name: one.split for name, one in by_name(read_labelled(tmp_path / "b")).items()} == {
        "train/rose/1.png": "train",
        "val/rose/1.png": "val",
    }


def test_class_folders_that_are_none(draw: Draw, tmp_path: Path) -> None:
    draw("a/1.png")
    with pytest.raises(DataError, match="lies in no class folder"):
        read_labelled(tmp_path / "a", name="folders")
    with pytest.raises(DataError, match="looks like none of coco, cvat, voc, kitti, yolo, folders"):
        read_labelled(tmp_path / "a")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no picture"):
        read_labelled(tmp_path / "empty", name="folders")


@pytest.mark.parametrize("cut", [0, 30, -20], ids=["empty", "head", "tail"])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_picture_that_breaks_off(draw: Draw, tmp_path: Path, suffix: str, cut: int) -> None:
    path = draw(f"rose/1.{suffix}")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=rf"1.{suffix} is damaged"):
        read_labelled(tmp_path)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_says_that_a_folder_holds_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=tmp_path.name):
        read_labelled(tmp_path, name=name)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone does not exist"):
        read_labelled(tmp_path / "gone")
    with pytest.raises(UnknownNameError, match="did you mean coco"):
        read_labelled(tmp_path, name="cocoa")


def test_other_json_beside_class_folders_is_no_coco(draw: Draw, write: Write, tmp_path: Path) -> None:
    draw("rose/1.png")
    write("notes.json", '{"items": []}')
    write("README.txt", "ten roses")
    assert guess(tmp_path) == "folders"

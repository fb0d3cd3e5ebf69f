"""YOLO labels in the folders of several tools, and files that are not what they seem."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from detectors.bank.formats import read_labelled
from detectors.bank.labels import Box, Labelled
from detectors.errors import DataError

Draw = Callable[..., Path]
Write = Callable[[str, str], Path]


def by_name(labelled: list[Labelled]) -> dict[str, Labelled]:
    assert len({one.name for one in labelled}) == len(labelled)
    return {one.name: one for one in labelled}


YOLO_BOX = Box("bus", (16.0, 12.0, 48.0, 36.0))


def test_yolo_as_ultralytics_has_it(draw: Draw, write: Write, tmp_path: Path) -> None:
    write("data.yaml", "path: .\ntrain: images/a  # mine\nval: images/b\nnames:\n  0: car\n  1: bus\n")
    for folder in "ab":
        draw(f"images/{folder}/1.png")
        write(f"labels/{folder}/1.txt", "1 0.5 0.5 0.5 0.5\n")
    draw("images/a/empty.png")
    found = by_name(read_labelled(tmp_path))
    assert {n: o.split for n, o in found.items()} == {
        "a/1.png": "train",
        "a/empty.png": "train",
        "b/1.png": "val",
    }
    assert found["a/1.png"].boxes == (YOLO_BOX,)
    assert found["a/empty.png"].boxes == ()


@pytest.mark.parametrize(
    ("said", "split"),
    [
        ("train: images/train\nval: images/train\n", None),  # as in Ultralytics' coco128.yaml
        ("train: images/train\ntest: images/train\n", None),
        ("train: images/train\n", "train"),
        ("val: images/train\ntest: images/train\n", "val"),
    ],
)
def test_what_is_learnt_from_validates_nothing(
    said: str, split: str | None, draw: Draw, write: Write, tmp_path: Path
) -> None:
    """The folder's own name says nothing either, where the YAML file says it is both."""
    write("data.yaml", f"path: .\n{said}names: [car, bus]\n")
    draw("images/train/1.png")
    write("labels/train/1.txt", "1 0.5 0.5 0.5 0.5\n")
    assert [one.split for one in read_labelled(tmp_path)] == [split]


def test_yolo_as_roboflow_exports_it(draw: Draw, write: Write, tmp_path: Path) -> None:
    """Its paths in ``data.yaml`` lead nowhere: the folders' names say the split."""
    write("data.yaml", "names: ['car', \"bus\"]\nnc: 2\ntrain: ../train/images\nval: ../valid/images\n")
    for split in ("train", "valid"):
        draw(f"{split}/images/1.png")
        write(f"{split}/labels/1.txt", "1 0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75\n")  # a polygon
    found = by_name(read_labelled(tmp_path))
    assert {one.split for one in found.values()} == {"train", "val"}
    assert all(one.boxes == (YOLO_BOX,) for one in found.values())


def test_yolo_as_darknet_and_labelimg_have_it(draw: Draw, write: Write, tmp_path: Path) -> None:
    write("classes.txt", "car\nbus\n")
    draw("1.png")
    write("1.txt", "1 0.5 0.5 0.5 0.5\n")
    (one,) = read_labelled(tmp_path)
    assert (one.name, one.boxes, one.split) == ("1.png", (YOLO_BOX,), None)


def test_yolo_with_pictures_elsewhere(draw: Draw, write: Write, tmp_path: Path) -> None:
    write("labels/classes.txt", "car\nbus\n")
    draw("pictures/day/1.png")
    write("labels/day/1.txt", "1 0.5 0.5 0.5 0.5\n")
    (one,) = read_labelled(tmp_path / "labels", tmp_path / "pictures")
    assert (one.name, one.boxes) == ("day/1.png", (YOLO_BOX,))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2 0.5 0.5 0.5 0.5", "1.txt, line 2: class 2, but there are names for 0 to 1 only"),
        ("car 0.5 0.5 0.5 0.5", "line 2: not a YOLO label"),
        ("0 0.5 0.5 0.5 0.5 0.9", "line 2: 6 columns"),
        ("0 32 24 10 10", "line 2: numbers must be shares"),
        ("0 nan 0.5 0.5 0.5", "line 2: numbers must be shares"),
    ],
)
def test_yolo_that_is_none(draw: Draw, write: Write, tmp_path: Path, line: str, words: str) -> None:
    write("classes.txt", "car\nbus\n")
    draw("1.png")
    write("1.txt", "0 0.5 0.5 0.5 0.5\n" + line)
    with pytest.raises(DataError) as caught:
        read_labelled(tmp_path)
    assert words in str(caught.value)


def test_yolo_without_names_or_labels(draw: Draw, write: Write, tmp_path: Path) -> None:
    draw("1.png")
    with pytest.raises(DataError, match="numbers only"):
        read_labelled(tmp_path, name="yolo")
    write("classes.txt", "car\n")
    with pytest.raises(DataError, match="no label file beside any of the 1 pictures"):
        read_labelled(tmp_path)


def test_yolo_that_is_no_text(draw: Draw, write: Write, tmp_path: Path) -> None:
    write("classes.txt", "car\n")
    draw("1.png")
    for content in (b"0 0.5 0.5 0.5 0.5\x00", b"\xff\xfe"):
        (tmp_path / "1.txt").write_bytes(content)
        with pytest.raises(DataError, match=r"1\.txt is not text"):
            read_labelled(tmp_path)

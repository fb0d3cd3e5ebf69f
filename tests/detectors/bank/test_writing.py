"""Sets that are written: read as they were, split fairly, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.bank.coco import read_coco
from detectors.bank.labels import Box, Labelled
from detectors.bank.splitting import split
from detectors.bank.writing import write_set
from detectors.dataset import read_sets
from detectors.errors import DataError, UsageError

Draw = Callable[..., Path]
CAR = Box("car", (4.0, 6.0, 24.0, 16.0))


def labelled(path: Path, *boxes: Box, split: str | None = None) -> Labelled:
    return Labelled(path, path.name, boxes, split)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def left(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_trainer_reads_what_was_written(draw: Draw, out: Path) -> None:
    crowd = Box("person", (0, 0, 9, 9), ignore=True)
    pictures = [
        labelled(draw("1.png"), CAR, crowd, split="train"),
        labelled(draw("2.png"), Box("Van", (1, 2, 3, 4)), split="val"),
    ]
    written = write_set(pictures, out, class_names=("car", "bus"))
    assert written.boxes == {"car": 1, "bus": 0}
    assert (written.pictures, written.ignored) == ({"train": 1, "val": 1}, 2)
    (train,) = read_sets([out], "train", ("car", "bus", "person"))
    assert train.boxes.tolist() == [[4, 6, 24, 16]]
    assert train.ignore.tolist() == [[0, 0, 9, 9]]
    assert train.annotated.tolist() == [True, True, False]
    (val,) = read_sets([out], "val", ("car", "bus"))
    assert val.ignore.tolist() == [[1, 2, 3, 4]]  # a van is neither found nor a false alarm
    assert val.path.read_bytes() == pictures[1].path.read_bytes()


CORNER = st.tuples(st.floats(0, 62, width=32), st.floats(0, 46, width=32))
BOX = st.builds(
    lambda corner, size, label, ignore: Box(
        label, (*corner, min(corner[0] + size[0], 64.0), min(corner[1] + size[1], 48.0)), ignore
    ),
    CORNER,
    st.tuples(st.floats(1, 64), st.floats(1, 48)),
    st.sampled_from(["car", "Süd-Bus", "a b"]),
    st.booleans(),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(BOX, max_size=4), st.sampled_from(["train", "val", "test"]))
def test_round_trip(draw: Draw, out: Path, boxes: list[Box], own: str) -> None:
    picture = Labelled(draw("1.png", seed=1), "day 1/ä.png", tuple(boxes), own)
    write_set([picture], out, overwrite=True)
    (read,) = read_coco(out, None)
    assert (read.name, read.split, len(read.boxes)) == (picture.name, own, len(boxes))
    for before, after in zip(boxes, read.boxes, strict=True):
        assert (before.label, before.ignore) == (after.label, after.ignore)
        np.testing.assert_allclose(before.xyxy, after.xyxy, atol=0.011)


def test_boxes_are_cut_at_the_border_and_those_of_no_area_left_out(draw: Draw, out: Path) -> None:
    boxes = [
        Box("car", (-5, 6, 24, 99)),
        Box("car", (70, 6, 90, 16)),
        Box("car", (9, 9, 9, 20)),
        Box("car", (float("nan"), 0, 9, 9)),
        CAR,
    ]
    written = write_set([labelled(draw("1.png"), *boxes)], out)
    assert (written.cut, written.dropped, written.boxes) == (1, 3, {"car": 2})
    assert [box.xyxy for box in read_coco(out, None)[0].boxes] == [(0, 6, 24, 48), CAR.xyxy]


@pytest.mark.parametrize("name", ["../1.png", "/etc/1.png", "a/../../1.png", ""])
def test_no_name_leads_out_of_the_set(draw: Draw, out: Path, name: str) -> None:
    with pytest.raises(DataError, match="no name inside a set"):
        write_set([Labelled(draw("1.png"), name, ())], out)
    assert not out.exists()


def test_what_stops_before_anything_is_written(draw: Draw, out: Path, tmp_path: Path) -> None:
    good, broken = labelled(draw("1.png")), labelled(draw("2.png"))
    broken.path.write_bytes(b"none")
    for pictures, words in [
        ([], "no picture"),
        ([good, broken], "2.png is damaged"),
        ([good, labelled(tmp_path / "gone.png")], "gone.png cannot be read"),
        ([good, good], "two pictures are called 1.png"),
    ]:
        with pytest.raises(DataError, match=words):
            write_set(pictures, out)
    with pytest.raises(UsageError, match="share for val"):
        write_set([good], out, val_share=1.0)
    assert left(tmp_path) == {"1.png", "2.png"}


def test_what_is_there_is_kept(draw: Draw, out: Path) -> None:
    picture = labelled(draw("1.png"), CAR)
    write_set([picture], out)
    with pytest.raises(UsageError, match="--overwrite"):
        write_set([picture], out)
    own = labelled(out / "images" / "1.png")
    with pytest.raises(UsageError, match="out itself"):
        write_set([own], out, overwrite=True)
    write_set([labelled(draw("2.png"))], out, overwrite=True)
    assert left(out) == {"labels.json", "images/2.png"}
    (out / "labels.json").unlink()
    with pytest.raises(UsageError, match="is no set"):
        write_set([picture], out, overwrite=True)
    assert left(out) == {"images/2.png"}


def test_an_earlier_set_stays_when_writing_fails(
    draw: Draw, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set([labelled(draw("1.png"))], out)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(DataError, match="out: No space left"):
        write_set([labelled(draw("2.png"))], out, overwrite=True)
    assert left(out) == {"labels.json", "images/1.png"}
    assert not (tmp_path / "out.part").exists()


def test_links(draw: Draw, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = labelled(draw("1.png"))
    assert write_set([picture], out, link=True).linked == 1
    assert (out / "images/1.png").samefile(picture.path)

    def refused(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refused)
    assert write_set([picture], out, link=True, overwrite=True).linked == 0
    assert not (out / "images/1.png").samefile(picture.path)
    assert write_set([picture], out, overwrite=True).linked == 0


def pictures(labels: Sequence[str], splits: Sequence[str | None] | None = None) -> list[Labelled]:
    """Pictures that are not looked at: their hashes are given."""
    return [
        Labelled(Path(f"{n}.png"), f"{n}.png", (Box(label, (0, 0, 9, 9)),) if label else (), own)
        for n, (label, own) in enumerate(zip(labels, splits or [None] * len(labels), strict=True))
    ]


def far(number: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 2**63, number, np.uint64)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.1, 0.2, 0.5]))
def test_each_class_has_its_share_and_videos_stay_together(seed: int, share: float) -> None:
    labels = ["car"] * 200 + ["bus"] * 60 + ["tram"] * 20
    hashes = far(len(labels))
    video = np.arange(len(labels)) // 2  # two frames each, one bit apart
    hashes = hashes[video] ^ (np.arange(len(labels)) % 2).astype(np.uint64)
    splits = split(pictures(labels), hashes, share, seed)
    assert splits == split(pictures(labels), hashes, share, seed)
    assert splits[0::2] == splits[1::2]
    for label, number in Counter(labels).items():
        own = sum(s == "val" for s, name in zip(splits, labels, strict=True) if name == label)
        assert abs(own - share * number) <= 2


def test_other_seeds_choose_others() -> None:
    one = pictures(["car"] * 40)
    assert len({tuple(split(one, far(40), 0.25, seed)) for seed in range(4)}) == 4


def test_a_split_that_is_said_stays_and_takes_its_look_alikes_along() -> None:
    splits = ["val", "train", "test", None, None, None, *[None] * 20]
    hashes = far(26)
    hashes[3:6] = hashes[:3]
    found = split(pictures(["car"] * 26, splits), hashes, 0.3, 0)
    assert found[:6] == ["val", "train", "test"] * 2
    assert 4 <= found[6:].count("val") <= 8
    assert split(pictures(["car"] * 26, splits), hashes, 0.0, 0)[3:] == ["train"] * 23


def test_frames_of_one_video_are_all_for_training() -> None:
    assert split(pictures(["car"] * 9), np.zeros(9, np.uint64), 0.2, 0) == ["train"] * 9


def test_the_file_is_what_other_tools_read(draw: Draw, out: Path) -> None:
    write_set([labelled(draw("1.png"), CAR)], out)
    content = json.loads((out / "labels.json").read_text())
    assert content["images"] == [{"id": 1, "file_name": "1.png", "width": 64, "height": 48, "split": "train"}]
    (annotation,) = content["annotations"]
    assert annotation["bbox"] == [4, 6, 20, 10]
    assert annotation["area"] == 200
    assert content["categories"] == [{"id": 1, "name": "car"}]

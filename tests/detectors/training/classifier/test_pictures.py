"""Folders of pictures: found, read, checked, split."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.errors import DataError, UnknownNameError, UsageError
from detectors.training.classifier.augment import NONE, USUAL, Augment, augmentation
from detectors.training.classifier.batches import batches
from detectors.training.classifier.pictures import Pictures, Read, read_samples, split_pictures
from detectors.training.classifier.samples import find_samples
from detectors.training.distributed import Group

SHAPES = ("disc", "frame", "stripes")


def read(folder: Path, skip_bad: bool = False) -> Read:
    samples, names = find_samples(folder)
    return read_samples(samples, names, 16, skip_bad=skip_bad)


def test_a_folder_a_class(shapes: Callable[..., Path]) -> None:
    folder = shapes(count=5)
    (folder / "disc" / "Thumbs.db").write_text("no picture")
    (folder / ".hidden").mkdir()
    found = read(folder)
    assert found.pictures.class_names == SHAPES
    assert found.pictures.images.shape == (15, 3, 16, 16)
    assert found.pictures.labels.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    train, val = split_pictures(found, 0.2, seed=0)
    assert (len(train), len(val)) == (12, 3)
    assert sorted(val.labels) == [0, 1, 2]


def test_folders_of_train_and_val(shapes: Callable[..., Path], tmp_path: Path) -> None:
    shapes("set/train", 4)
    shapes("set/val", 2, first=4)
    train, val = split_pictures(read(tmp_path / "set"), 0.5, seed=0)
    assert (len(train), len(val)) == (12, 6)
    assert all(path.parent.parent.name == "val" for path in val.paths)
    shutil.rmtree(tmp_path / "set" / "val")
    assert len(split_pictures(read(tmp_path / "set"), 0.25, seed=0)[1]) == 3


def test_the_boxes_of_a_labelled_set(make_set: Callable[..., Path]) -> None:
    boxes = [
        [{"category": "car", "bbox": [10, 20, 40, 24]}, {"category": "bus", "bbox": [60, 20, 60, 60]}],
        [{"category": "car", "bbox": [20, 30, 40, 24]}, {"category": "bus", "bbox": [0, 0, 60, 60]}],
        [{"category": "car", "bbox": [1, 1, 4, 4]}],
    ]
    samples, names = find_samples(make_set("road", boxes))
    assert names == ("car", "bus")
    assert Counter(sample.label for sample in samples) == {0: 2, 1: 2}, "what is too small is left out"
    found = read_samples(samples, names, 16)
    assert len(set(found.digests)) == 4
    assert found.splits == (None,) * 4
    with pytest.raises(DataError, match="holds labelled sets: name one of them"):
        find_samples(samples[0].path.parents[2])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("unreadable", "disc/0.png cannot be read; correct that, or leave such pictures out with --skip-bad"),
        ("mislabelled", "disc/0.png and .*frame/x.png are the same picture, once disc and once frame"),
        ("empty", "class 'empty' of .* has no pictures"),
        ("one", "class 'one' of .* has one picture"),
        ("one class", "holds one class, disc: there must be a folder for each class"),
        ("nothing", "holds no class folders"),
        ("no folder", "is no folder"),
    ],
)
def test_what_is_wrong_is_one_line(shapes: Callable[..., Path], damage: str, words: str) -> None:
    folder = shapes(count=2)
    if damage == "unreadable":
        (folder / "disc" / "0.png").write_bytes(b"no picture")
    elif damage == "mislabelled":
        shutil.copy(folder / "disc" / "0.png", folder / "frame" / "x.png")
    elif damage in ("empty", "one"):
        (folder / damage).mkdir()
        if damage == "one":
            shutil.copy(folder / "disc" / "0.png", folder / "one")
    elif damage in ("one class", "nothing"):
        for name in SHAPES[damage == "one class" :]:
            shutil.rmtree(folder / name)
    else:
        shutil.rmtree(folder)
    with pytest.raises(DataError, match=words) as caught:
        read(folder)
    assert "\n" not in str(caught.value)


def test_bad_pictures_can_be_left_out(shapes: Callable[..., Path]) -> None:
    folder = shapes(count=4)
    (folder / "disc" / "0.png").write_bytes(b"no picture")
    shutil.copy(folder / "disc" / "1.png", folder / "frame" / "x.png")
    found = read(folder, skip_bad=True)
    assert found.left_out == 3
    assert Counter(found.pictures.labels.tolist()) == {0: 2, 1: 4, 2: 4}
    assert found.fingerprint != read(shapes("other", 4)).fingerprint


def test_the_fingerprint_is_of_pixels_and_labels(shapes: Callable[..., Path], tmp_path: Path) -> None:
    one = read(shapes(count=3)).fingerprint
    shutil.move(tmp_path / "shapes", tmp_path / "elsewhere")
    assert read(tmp_path / "elsewhere").fingerprint == one
    (tmp_path / "elsewhere" / "disc").rename(tmp_path / "elsewhere" / "circle")
    assert read(tmp_path / "elsewhere").fingerprint != one


@st.composite
def many(draw: st.DrawFn) -> Read:
    """Labels with at least two different pictures each; some pictures are there several times."""
    digests, labels = [], []
    for label in range(draw(st.integers(2, 4))):
        for number in range(draw(st.integers(2, 9))):
            copies = draw(st.integers(1, 3))
            digests += [f"{label}-{number}"] * copies
            labels += [label] * copies
    images = np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1)
    paths = tuple(Path(digest) for digest in digests)
    names = tuple(str(label) for label in range(max(labels) + 1))
    pictures = Pictures(images, np.array(labels, np.int64), paths, names)
    groups = np.unique(digests, return_inverse=True)[1]
    return Read(pictures, (None,) * len(labels), tuple(digests), groups, 0)


@settings(max_examples=40, deadline=None)
@given(many(), st.floats(0.05, 0.95), st.integers(0, 99), st.floats(0.01, 1.0))
def test_a_split_divides_each_class_and_keeps_copies_together(
    read: Read, share: float, seed: int, used: float
) -> None:
    train, val = split_pictures(read, share, seed)
    assert len(train) + len(val) == len(read.digests)
    assert not set(train.paths) & set(val.paths)
    for side in (train, val):
        assert set(side.labels.tolist()) == set(range(len(read.pictures.class_names)))
    few, same = split_pictures(read, share, seed, used)
    assert same.paths == val.paths, "with fewer pictures it is measured on the same ones"
    assert set(few.paths) <= set(train.paths)


def test_pictures_that_look_alike_stay_on_one_side(shapes: Callable[..., Path]) -> None:
    """As frames of one video do; where a class has nothing else, only copies are kept together."""
    folder = shapes(count=6)
    for number in range(6, 12):
        picture = cv2.imread(str(folder / "disc" / "0.png"))
        cv2.imwrite(str(folder / "disc" / f"{number}.png"), np.clip(picture.astype(int) + number, 0, 255))
    alike = {folder / "disc" / f"{number}.png" for number in (0, *range(6, 12))}
    for seed in range(8):
        train, val = split_pictures(read(folder), 0.4, seed)
        assert [len(alike & set(side.paths)) for side in (train, val)] in ([7, 0], [0, 7])
    for number in range(1, 6):
        (folder / "disc" / f"{number}.png").unlink()
    train, val = split_pictures(read(folder), 0.4, 0)
    assert (sum(train.labels == 0), sum(val.labels == 0)) == (4, 3)


def test_shares_out_of_range(shapes: Callable[..., Path]) -> None:
    found = read(shapes(count=2))
    for arguments in ((0.0, 0, 1.0), (1.0, 0, 1.0), (0.5, 0, 0.0), (0.5, 0, 1.5)):
        with pytest.raises(UsageError):
            split_pictures(found, *arguments)


@pytest.mark.parametrize("world", [1, 2])
def test_processes_together_see_what_one_alone_would_see(shapes: Callable[..., Path], world: int) -> None:
    pictures = read(shapes(count=5)).pictures
    altered = Augment(USUAL, 16)
    streams = [
        list(batches(pictures, altered, 3, 1, 4, group=Group(rank, world, rank, world)))
        for rank in range(world)
    ]
    alone = list(batches(pictures, altered, 3, 1, 4))
    for number, parts in enumerate(zip(*streams, strict=True)):
        images = torch.empty_like(alone[number][0])
        for rank, (part, _) in enumerate(parts):
            images[rank::world] = part
        assert torch.equal(images, alone[number][0])
    assert sum(len(labels) for _, labels in alone) == 15
    other = next(iter(batches(pictures, altered, 3, 2, 4)))
    assert not torch.equal(other[0], alone[0][0]), "another epoch has another order"


def test_alterations_are_the_seeds_and_touch_no_other_random_numbers() -> None:
    image = torch.randint(0, 255, (3, 16, 16), dtype=torch.uint8)
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    alter = Augment(USUAL, 16)
    one, again, other = alter(image, 1), alter(image, 1), alter(image, 2)
    assert torch.equal(torch.rand(3), wanted)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert (one.shape, one.dtype) == (image.shape, torch.uint8)
    assert Augment(NONE, 16)(image, 1) is image
    flipped = Augment(augmentation({"flip": 1.0}, NONE), 16)(image, 1)
    assert torch.equal(flipped, image.flip(2))


def test_alterations_that_cannot_be() -> None:
    with pytest.raises(UnknownNameError, match="did you mean rotate"):
        augmentation({"rotat": 3}, NONE)
    for name, value in (("flip", 1.5), ("rotate", -1), ("crop", 0.0), ("shift", float("nan"))):
        with pytest.raises(UsageError, match=f"--augment {name} must lie in"):
            augmentation({name: value}, NONE)

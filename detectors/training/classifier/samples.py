"""Pictures with a class each, found in a folder; nothing of them is read yet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from detectors.dataset import read_sets
from detectors.errors import DataError, EmptySplitError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
SPLITS = ("train", "val")
#: Boxes of a labelled set that are smaller show nothing that could be named, and are left out.
SMALLEST_BOX_PX = 12


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture, or one box of it, with its class.

    Attributes:
        path: of the picture file.
        label: 0-based class.
        split: "train" or "val"; None where the folder does not say.
        box: xyxy in pixels; None for the whole picture.
    """

    path: Path
    label: int
    split: str | None = None
    box: tuple[float, float, float, float] | None = None


def find_samples(folder: Path) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """Return the samples of a folder, and the names of their classes.

    It holds a folder a class with pictures in it; or ``train`` and ``val`` with such folders; or
    ``labels.json``, and then each labelled box is a sample.

    Raises:
        DataError: there are no such folders, fewer than two classes, or a class without pictures.
    """
    if not folder.is_dir():
        raise DataError(f"--data {folder} is no folder")
    sets = sorted(file.parent.name for file in folder.glob("*/labels.json"))
    if sets:  # whose names are no classes
        raise DataError(f"{folder} holds labelled sets: name one of them, such as {folder / sets[0]}")
    if (folder / "labels.json").is_file():
        samples, names = _boxes_of_set(folder)
    elif (folder / "train").is_dir():
        samples, names = _split_folders(folder)
    else:
        names = _class_folders(folder)
        samples = [s for label, name in enumerate(names) for s in _in_class(folder / name, label, None)]
    if len(names) < 2:
        have = f"one class, {names[0]}" if names else "no class folders"
        raise DataError(f"{folder} holds {have}: there must be a folder for each class, with its pictures")
    counts = np.bincount([sample.label for sample in samples], minlength=len(names))
    for name, count in zip(names, counts, strict=True):
        if count < 2:
            have = "no pictures" if not count else "one picture"
            raise DataError(f"class '{name}' of {folder} has {have}: two at least, to train and to validate")
    return tuple(samples), names


def _class_folders(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(f.name for f in folder.iterdir() if f.is_dir() and not f.name.startswith(".")))


def _in_class(folder: Path, label: int, split: str | None) -> Iterator[Sample]:
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            yield Sample(path, label, split)


def _split_folders(folder: Path) -> tuple[list[Sample], tuple[str, ...]]:
    names = _class_folders(folder / "train")
    place = next((name for name in ("val", "valid", "validation") if (folder / name).is_dir()), None)
    if place is None:  # then a share of the training pictures is put aside
        return [
            s for label, name in enumerate(names) for s in _in_class(folder / "train" / name, label, None)
        ], names
    surplus = sorted(set(_class_folders(folder / place)) - set(names))
    if surplus:
        raise DataError(f"{folder / place} has a class '{surplus[0]}' that {folder / 'train'} has not")
    return [
        sample
        for where, split in (("train", "train"), (place, "val"))
        for label, name in enumerate(names)
        for sample in _in_class(folder / where / name, label, split)
    ], names


def _boxes_of_set(folder: Path) -> tuple[list[Sample], tuple[str, ...]]:
    try:
        names = tuple(str(c["name"]) for c in json.loads((folder / "labels.json").read_text())["categories"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise DataError(f"{folder / 'labels.json'} is not a COCO label file: {exc}") from exc
    found = []
    for split in SPLITS:
        try:
            pictures = read_sets([folder], split, names)
        except EmptySplitError:
            continue
        found += [
            Sample(picture.path, int(label), split, tuple(map(float, box)))  # type: ignore[arg-type]
            for picture in pictures
            for box, label in zip(picture.boxes, picture.labels, strict=True)
            if label < len(names) and min(box[2] - box[0], box[3] - box[1]) >= SMALLEST_BOX_PX
        ]
    if not any(sample.split == "val" for sample in found):
        found = [replace(sample, split=None) for sample in found]
    used = sorted({sample.label for sample in found})
    place = {label: row for row, label in enumerate(used)}
    return [replace(s, label=place[s.label]) for s in found], tuple(names[label] for label in used)

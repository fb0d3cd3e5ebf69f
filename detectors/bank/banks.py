"""What ``data check`` and ``data view`` look at: sets of the project's own, and folders of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from detectors.bank import coco, folders
from detectors.bank.entries import Entry
from detectors.bank.pictures import find_pictures
from detectors.errors import DataError


@dataclass(frozen=True, slots=True)
class Bank:
    """The pictures of one set, or of one folder of class folders.

    Attributes:
        name: of its folder.
        entries: its pictures as labelled, whether they are there or not.
        class_names: that it says to be about.
        unlabelled: pictures that lie in it, and of which its labels say nothing.
        by_folder: it has a folder for each class, and no boxes.
    """

    name: str
    entries: tuple[Entry, ...]
    class_names: tuple[str, ...]
    unlabelled: tuple[Path, ...]
    by_folder: bool


def open_banks(paths: Sequence[Path]) -> list[Bank]:
    """Read sets, folders of sets, and folders of class folders.

    Raises:
        DataError: one is none of these, or its labels are damaged.
    """
    return [bank for path in paths for bank in _open(path)]


def _open(path: Path) -> list[Bank]:
    if not path.is_dir():
        raise DataError(f"{path} is no folder: name a set, or a folder of class folders")
    own = path / "labels.json"
    files = [own] if own.is_file() else sorted(path.glob("*/labels.json"))
    if files:
        return [_set(file) for file in files]
    entries = folders.entries(path)
    names = sorted({box.label for entry in entries for box in entry.labelled.boxes})
    return [Bank(path.resolve().name, tuple(entries), tuple(names), (), by_folder=True)]


def _set(file: Path) -> Bank:
    images = file.parent / "images"
    entries = coco.entries(file, images, split="train")  # as in training: who says no split is for training
    content = coco.read_json(file)
    names = coco.labelled_classes(content) or [c["name"] for c in content["categories"]]
    named = {entry.labelled.path for entry in entries}
    rest = tuple(path for path in find_pictures(images) if path not in named)
    return Bank(file.parent.resolve().name, tuple(entries), tuple(map(str, names)), rest, by_folder=False)

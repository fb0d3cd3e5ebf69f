"""KITTI object labels: a text file a picture, one object a line.

Geiger et al., Are we ready for Autonomous Driving? The KITTI Vision Benchmark Suite, CVPR 2012.
"""

from __future__ import annotations

from pathlib import Path

from detectors.bank.entries import Entry, agreed
from detectors.bank.labels import Box, Labelled
from detectors.bank.pictures import place, split_named
from detectors.bank.text import read_lines
from detectors.errors import DataError

#: Folders of pictures beside those of labels.
_PICTURES = {"label_2": "image_2", "labels": "images", "label": "image"}
_LEAST = 8  # columns: class, truncated, occluded, alpha, left, top, right, bottom; the rest is about depth
_MOST = 16  # with a score behind
_IGNORED = "DontCare"


def read_kitti(path: Path, pictures: Path | None) -> list[Labelled]:
    """Read a folder of label files, or one that holds ``label_2`` and ``image_2``; a DontCare is ``ignore``.

    KITTI has no split: its folder ``training`` holds all that is labelled.

    Args:
        path: of the folder.
        pictures: folder of the pictures; looked for beside the labels without it.

    Raises:
        DataError: a line is no KITTI label, or a picture is missing or damaged.
    """
    root = path.parent if path.is_file() else path
    files = [path] if path.is_file() else label_files(path)
    if not files:
        raise DataError(f"no label file (.txt) in or below {path}")
    return agreed([_entry(file, root, pictures) for file in files])


def label_files(path: Path) -> list[Path]:
    """Return the label files below a folder: those in ``label_2`` and the like, or all text files."""
    files = sorted(path.rglob("*.txt"))
    # calibrations and lists of names lie beside
    own = [file for file in files if not _PICTURES.keys().isdisjoint(file.relative_to(path).parts[:-1])]
    return own or files


def _entry(file: Path, root: Path, pictures: Path | None) -> Entry:
    folders = [pictures] if pictures else [_beside(file.parent, root), _beside(file.parent, root.parent)]
    found = place(f"{file.stem}.png", [*folders, file.parent], file.stem)
    if found is None:
        where = " or ".join(dict.fromkeys(map(str, folders)))
        raise DataError(f"{file}: picture {file.stem} is missing in {where}")
    parts = [part for part in file.parent.relative_to(root).parts if part not in _PICTURES]
    parts = [part for part in parts if part != "training"]
    boxes = tuple(box_of(line, f"{file}, line {number}") for number, line in read_lines(file))
    labelled = Labelled(found, "/".join((*parts, found.name)), boxes, split_named(parts))
    return Entry(labelled, None, str(file))


def _beside(labels: Path, base: Path) -> Path:
    """Return where the pictures are if ``base`` is above both kinds of folders."""
    return base.joinpath(*(_PICTURES.get(part, part) for part in labels.relative_to(base).parts))


def box_of(line: str, where: str) -> Box:
    """Return the box of a line.

    Raises:
        DataError: it is none; the message begins with ``where``.
    """
    words = line.split()
    if not _LEAST <= len(words) <= _MOST:
        raise DataError(f"{where}: {len(words)} columns, a KITTI label has 15")
    try:
        x1, y1, x2, y2 = (float(word) for word in words[4:8])
        float(words[1])
    except ValueError as exc:
        raise DataError(f"{where}: not a KITTI label: {exc}") from exc
    return Box(words[0], (x1, y1, x2, y2), words[0] == _IGNORED)

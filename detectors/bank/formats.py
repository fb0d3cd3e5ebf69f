"""The formats of labels that can be read, and which one a folder has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from detectors.bank import coco, kitti, yolo
from detectors.bank.folders import read_folders
from detectors.bank.labels import Labelled
from detectors.bank.pictures import find_pictures
from detectors.bank.text import read_lines
from detectors.bank.voc import read_voc
from detectors.errors import DataError, UnknownNameError

#: Takes the labels' file or folder, and the folder of the pictures or None.
Reader = Callable[[Path, Path | None], list[Labelled]]

FORMATS: dict[str, Reader] = {
    "coco": coco.read_coco,
    "voc": read_voc,
    "kitti": kitti.read_kitti,
    "yolo": yolo.read_yolo,
    "folders": read_folders,
}


def read_labelled(path: Path, pictures: Path | None = None, name: str | None = None) -> list[Labelled]:
    """Read labelled pictures of any format.

    Args:
        path: file or folder of the labels.
        pictures: folder of the pictures, where they do not lie beside the labels.
        name: of the format; guessed without it.

    Raises:
        DataError: a file is missing, damaged or not of the format, or there is no picture at all.
        UnknownNameError: there is no such format.
    """
    for given in (path, *([pictures] if pictures else [])):
        if not given.exists():
            raise DataError(f"{given} does not exist")
    chosen = name or guess(path)
    if chosen not in FORMATS:
        raise UnknownNameError("format", chosen, FORMATS)
    found = FORMATS[chosen](path, pictures)
    if not found:
        raise DataError(f"no picture in {path}, read as {chosen}")
    return found


def guess(path: Path) -> str:
    """Return the name of the format that a file or folder has.

    Raises:
        DataError: it looks like none.
    """
    by_suffix = {".json": "coco", ".xml": "voc", ".yaml": "yolo", ".yml": "yolo", ".txt": "kitti"}
    if path.is_file():
        if path.suffix.lower() in by_suffix:
            return by_suffix[path.suffix.lower()]
    elif coco.label_files(path):
        return "coco"
    elif next(path.rglob("*.xml"), None):
        return "voc"
    elif yolo.yaml_file(path) or yolo.names_file(path):
        return "yolo"
    elif any(_is_kitti(file) for file in kitti.label_files(path)[:5]):
        return "kitti"
    elif any(len(file.relative_to(path).parts) > 1 for file in find_pictures(path)):
        return "folders"
    raise DataError(f"{path} looks like none of {', '.join(FORMATS)}: name its format with --format")


def _is_kitti(file: Path) -> bool:
    try:
        lines = read_lines(file)
        return bool(lines) and all(kitti.box_of(line, "") for _, line in lines)
    except DataError:
        return False

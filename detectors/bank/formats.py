"""The formats of labels that can be read, and which one a folder has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from detectors.bank import coco, kitti, yolo
from detectors.bank.cvat import read_cvat
from detectors.bank.cvat_xml import is_cvat
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
    "cvat": lambda path, pictures: read_cvat(_only_xml(path), pictures),
    "voc": read_voc,
    "kitti": kitti.read_kitti,
    "yolo": yolo.read_yolo,
    "folders": read_folders,
}


_BY_SUFFIX = {".json": "coco", ".xml": "voc", ".yaml": "yolo", ".yml": "yolo", ".txt": "kitti"}


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
    if path.is_file():
        name = _BY_SUFFIX.get(path.suffix.lower(), "")
        return _guessed(path, "cvat" if name == "voc" and is_cvat(path) else name)
    labels = next(path.rglob("*.xml"), None)
    if coco.label_files(path):
        return "coco"
    if labels:
        return "cvat" if is_cvat(labels) else "voc"
    return _guessed(path, _other_folder(path))


def _guessed(path: Path, name: str) -> str:
    if not name:
        raise DataError(f"{path} looks like none of {', '.join(FORMATS)}: name its format with --format")
    return name


def _other_folder(path: Path) -> str:
    """Return the format of a folder that has neither JSON nor XML; empty where it is none."""
    if yolo.yaml_file(path) or yolo.names_file(path):
        return "yolo"
    if any(_is_kitti(file) for file in kitti.label_files(path)[:5]):
        return "kitti"
    deep = any(len(file.relative_to(path).parts) > 1 for file in find_pictures(path))
    return "folders" if deep else ""


def _only_xml(path: Path) -> Path:
    """Return CVAT's one file of a folder; ``annotations.xml`` where there are several."""
    if not path.is_dir():
        return path
    files = sorted(path.rglob("*.xml"))
    if len(files) > 1:
        files = [file for file in files if file.name == "annotations.xml"]
    if len(files) != 1:
        raise DataError(f"{path} holds {len(files)} files of CVAT's: name one of them")
    return files[0]


def _is_kitti(file: Path) -> bool:
    try:
        lines = read_lines(file)
        return bool(lines) and all(kitti.box_of(line, "") for _, line in lines)
    except DataError:
        return False

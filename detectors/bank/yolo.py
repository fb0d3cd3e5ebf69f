"""YOLO labels: a text file a picture, a line an object: class number, then centre and size as shares.

The format of Redmon's darknet, with the folders and the data.yaml of Ultralytics:
https://docs.ultralytics.com/datasets/detect/
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from detectors.bank.data_yaml import Value, read_data_yaml
from detectors.bank.entries import Entry, agreed
from detectors.bank.labels import Box, Labelled
from detectors.bank.pictures import find_pictures, looks, split_named
from detectors.bank.text import read_lines
from detectors.errors import DataError

_NAMES = ("classes.txt", "obj.names", "names.txt", "_darknet.labels")
_SPLIT_KEYS = {"train": "train", "val": "val", "valid": "val", "test": "test"}
_OVER = 0.01  # so far shares may reach across the border: tools round


def read_yolo(path: Path, pictures: Path | None) -> list[Labelled]:
    """Read a folder with a ``data.yaml`` or ``classes.txt``, or such a YAML file.

    A picture without a label file is empty: that is what the format says. Polygons become the boxes around
    them.

    Args:
        path: of the folder, or of its YAML file.
        pictures: folder of the pictures; those in and below ``path`` without it.

    Raises:
        DataError: there are no class names or no labels, a line is none, or a picture is damaged.
    """
    root = path.parent if path.is_file() else path
    names, splits = class_names(path), _split_folders(path)
    files = find_pictures(pictures or root)
    labels = {file: _label_file(file, root, pictures) for file in files}
    if not any(label.is_file() for label in labels.values()):
        where = f"the {len(files)} pictures in {pictures or root}"
        raise DataError(f"no label file beside any of {where}: --pictures says where others lie")
    found = []
    for file, seen in zip(files, looks(files), strict=True):
        label = labels[file]
        rows = read_lines(label) if label.is_file() else []
        boxes = tuple(_box(line, names, seen.size, f"{label}, line {number}") for number, line in rows)
        parts = [part for part in file.relative_to(pictures or root).parts[:-1] if part != "images"]
        said = [split for folder, split in splits.items() if folder in file.resolve().parents]
        split = said[0] if said else split_named(parts)
        found.append(Labelled(file, "/".join((*parts, file.name)), boxes, split))
    return agreed([Entry(labelled, None, str(labels[labelled.path])) for labelled in found])


def yaml_file(path: Path) -> Path | None:
    """Return the YAML file with class names that is ``path`` or lies in it; None if there is none."""
    if path.is_file():
        return path
    files = sorted([*path.glob("*.yaml"), *path.glob("*.yml")], key=lambda f: (f.stem != "data", f.name))
    return next((file for file in files if "names" in read_data_yaml(file)), None)


def names_file(path: Path) -> Path | None:
    """Return the text file of class names in a folder or just below it; None if there is none."""
    if not path.is_dir():
        return None
    below = sorted(folder for folder in path.iterdir() if folder.is_dir())
    places = (folder / name for folder in (path, *below) for name in _NAMES)
    return next((file for file in places if file.is_file()), None)


def class_names(path: Path) -> dict[int, str]:
    """Return the names of the classes by their numbers.

    Raises:
        DataError: no file says them.
    """
    file = yaml_file(path)
    if file is not None:
        names = read_data_yaml(file).get("names")
        if not names or isinstance(names, str):
            raise DataError(f"{file} has no list of names")
        return names if isinstance(names, dict) else dict(enumerate(names))
    listed = names_file(path)
    if listed is None:
        raise DataError(f"no data.yaml and no classes.txt in {path}: YOLO labels are numbers only")
    return {index: name for index, (_, name) in enumerate(read_lines(listed))}


def _split_folders(path: Path) -> dict[Path, str | None]:
    """Return the split of each folder that the YAML file names, if it is there.

    None for one that is said to be for training and for validation, as in many a first YAML file: what was
    learnt from validates nothing, so that is no split.
    """
    file = yaml_file(path)
    if file is None:
        return {}
    content: Mapping[str, Value] = read_data_yaml(file)
    base = file.parent / str(content.get("path", ""))
    found: dict[Path, str | None] = {}
    for key, split in _SPLIT_KEYS.items():
        value = content.get(key, "")
        for word in [value] if isinstance(value, str) else value if isinstance(value, list) else []:
            folders = [(start / word).resolve() for start in (base, file.parent) if word]
            for folder in folders:
                if folder.is_dir() and found.setdefault(folder, split) == "train" != split:
                    found[folder] = None
    return found


def _label_file(picture: Path, root: Path, pictures: Path | None) -> Path:
    """Return where the labels of a picture are: ``labels`` for ``images``, or beside it."""
    if pictures is not None:
        inside = picture.relative_to(pictures).with_suffix(".txt")
        places = [root / inside, root / "labels" / inside]
    else:
        inside = picture.relative_to(root).with_suffix(".txt")
        parts = list(inside.parts)
        if "images" in parts:
            last = len(parts) - 1 - parts[::-1].index("images")
            parts[last] = "labels"
        places = [root.joinpath(*parts), root / inside, root / "labels" / inside]
    return next((file for file in places if file.is_file()), places[0])


def _box(line: str, names: Mapping[int, str], size: tuple[int, int], where: str) -> Box:
    words = line.split()
    try:
        number, values = int(words[0]), [float(word) for word in words[1:]]
    except ValueError as exc:
        raise DataError(f"{where}: not a YOLO label: {exc}") from exc
    if number not in names:
        raise DataError(f"{where}: class {number}, but there are names for {_range(names)} only")
    if len(values) == 4:
        x, y, w, h = values
        corners = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
    elif len(values) >= 6 and len(values) % 2 == 0:
        corners = [min(values[0::2]), min(values[1::2]), max(values[0::2]), max(values[1::2])]
    else:
        raise DataError(f"{where}: {len(words)} columns, a box has 5")
    if not all(-_OVER <= value <= 1 + _OVER for value in values):
        raise DataError(f"{where}: numbers must be shares of the picture in [0, 1], not pixels")
    x1, y1, x2, y2 = (value * size[i % 2] for i, value in enumerate(corners))
    return Box(names[number], (x1, y1, x2, y2))


def _range(names: Mapping[int, str]) -> str:
    return f"{min(names)} to {max(names)}" if names else "none"

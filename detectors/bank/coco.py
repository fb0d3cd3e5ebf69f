"""COCO JSON: one file, one a split, or a set of the project's own.

Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014; https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from detectors.bank.entries import Entry, agreed
from detectors.bank.labels import Box, Labelled
from detectors.bank.pictures import place, split_named
from detectors.errors import DataError


def read_coco(path: Path, pictures: Path | None) -> list[Labelled]:
    """Read a COCO file, or all those in or just below a folder; the split is said in them or by their names.

    Args:
        path: of the file or folder.
        pictures: folder of the pictures; looked for beside the labels without it.

    Raises:
        DataError: a file is no COCO file, or a picture is missing, damaged or of another size than it says.
    """
    files = label_files(path)
    if not files:
        raise DataError(f"no COCO file (JSON with images, annotations and categories) in {path}")
    found = []
    for file in files:
        inside = () if file == path else file.relative_to(path).parts[:-1]
        named = split_named([*inside, *reversed(file.stem.split("_"))])
        # two files may each have a picture 0001.jpg
        prefix = f"{named or '/'.join(inside) or file.stem}/" if len(files) > 1 else ""
        found += entries(file, pictures, named, prefix)
    return agreed(found)


def label_files(path: Path) -> list[Path]:
    """Return the COCO files of boxes in a folder and just below it; a file that is named is taken as one."""
    if path.is_file():
        return [path]
    files = [file for file in sorted([*path.glob("*.json"), *path.glob("*/*.json")]) if _is_coco(file)]
    own = [file for file in files if file.name == "labels.json"]
    # COCO's own folder holds captions and key points of the same pictures, too
    return own or [file for file in files if file.name.startswith("instances")] or files


def declared_classes(path: Path) -> list[str] | None:
    """Return the classes that sets of the project's own say to be about; None where nothing is said.

    A category of other COCO files may never have been looked for: that it is listed says nothing.

    Raises:
        DataError: sets differ in it, and would be wrong as one: what one did not label is there in it.
    """
    said = {file: labelled_classes(read_json(file)) for file in label_files(path)}
    first = next(iter(said), None)
    for file, names in said.items():
        if set(names or ()) != set(said[first] or ()):  # type: ignore[index]
            raise DataError(
                f"{first} and {file} are not about the same classes: import them one by one "
                "(training takes several sets), or say with --classes what all are about"
            )
    return said[first] if first else None


def labelled_classes(content: Mapping[str, Any]) -> list[str] | None:
    """Return ``info.labelled_classes`` of a label file; None where it is not said."""
    info = content.get("info")
    names = info.get("labelled_classes") if isinstance(info, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else None


def _is_coco(file: Path) -> bool:
    try:
        text = file.read_bytes()
    except OSError as exc:
        raise DataError(f"{file} cannot be read: {exc.strerror}") from exc
    return all(f'"{key}"'.encode() in text for key in ("images", "annotations", "categories"))


def entries(file: Path, pictures: Path | None, split: str | None = None, prefix: str = "") -> list[Entry]:
    """Read what one file says.

    Args:
        file: of the labels.
        pictures: folder of the pictures, or None.
        split: of those pictures whose entry says none.
        prefix: for the pictures' names.

    Raises:
        DataError: it is no COCO file.
    """
    content = read_json(file)
    folders = [pictures] if pictures else _folders(file, split)
    try:
        categories = {c["id"]: str(c["name"]) for c in content["categories"]}
        boxes: dict[Any, list[Box]] = {image["id"]: [] for image in content["images"]}
        for annotation in content["annotations"]:
            where = f"{file}, annotation {annotation.get('id', '?')}"
            if annotation["image_id"] not in boxes:
                raise DataError(f"{where}: there is no image {annotation['image_id']}")
            boxes[annotation["image_id"]].append(_box(annotation, categories, where))
        if len(boxes) < len(content["images"]):
            raise DataError(f"{file}: two images have the same id")
        found = []
        for image in content["images"]:
            name = str(image["file_name"]).replace("\\", "/")
            path = place(name, folders) or folders[0] / name
            own = image.get("split") or split or split_named(name.split("/")[:-1])
            labelled = Labelled(path, prefix + _inside(name), tuple(boxes[image["id"]]), own)
            found.append(Entry(labelled, _size(image), str(file)))
        return found
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise DataError(f"{file} is not a COCO label file: {type(exc).__name__} {exc}") from exc


def read_json(file: Path) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Raises:
        DataError: it cannot be read or holds something else.
    """
    try:
        content = json.loads(file.read_text("utf-8-sig"))
    except OSError as exc:
        raise DataError(f"{file} cannot be read: {exc.strerror}") from exc
    except json.JSONDecodeError as exc:
        raise DataError(f"{file}, line {exc.lineno}: not JSON: {exc.msg}") from exc
    except ValueError as exc:
        raise DataError(f"{file} is not JSON: {exc}") from exc
    if not isinstance(content, dict):
        raise DataError(f"{file} is not a COCO label file: a {type(content).__name__}, not an object")
    return content


def _folders(file: Path, split: str | None) -> list[Path]:
    """Return where pictures of a label file may lie, in the usual arrangements."""
    word = file.stem.rsplit("_", 1)[-1]  # instances_train2017.json goes with train2017/
    words = dict.fromkeys(("images", "", word, *([split] if split else [])))
    bases = (file.parent, file.parent.parent)
    return [base / middle / word for base in bases for middle in ("", "images") for word in words]


def _size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    width, height = int(image.get("width") or 0), int(image.get("height") or 0)
    return (width, height) if width and height else None


def _inside(name: str) -> str:
    """Return a name without what would lead out of the set: a drive, a root, a folder above."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..") and not part.endswith(":")]
    return "/".join(parts[-1:] if name.startswith("/") or ":" in name else parts)


def _box(annotation: Mapping[str, Any], categories: Mapping[Any, str], where: str) -> Box:
    category = annotation["category_id"]
    if category not in categories:
        raise DataError(f"{where}: there is no category {category}")
    x, y, width, height = annotation.get("bbox") or _around(annotation.get("segmentation"), where)
    ignore = bool(annotation.get("iscrowd") or annotation.get("ignore"))
    return Box(categories[category], (float(x), float(y), float(x + width), float(y + height)), ignore)


def _around(polygons: object, where: str) -> tuple[float, float, float, float]:
    """Return x, y, width and height of what some polygons cover: some tools write no box beside them."""
    if not isinstance(polygons, list) or not polygons:
        raise DataError(f"{where}: neither a bbox nor a polygon")
    xs: Iterable[float] = [x for polygon in polygons for x in polygon[0::2]]
    ys: Iterable[float] = [y for polygon in polygons for y in polygon[1::2]]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)

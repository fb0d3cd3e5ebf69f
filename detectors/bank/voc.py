"""Pascal VOC: an XML file a picture, as LabelImg and others write it too.

Everingham et al., The Pascal Visual Object Classes Challenge, IJCV 2010.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from detectors.bank.entries import Entry, agreed
from detectors.bank.labels import Box, Labelled
from detectors.bank.pictures import place, split_named
from detectors.errors import DataError

_PICTURES = ("JPEGImages", "images", "Images", "")


def read_voc(path: Path, pictures: Path | None) -> list[Labelled]:
    """Read an XML file, or all in and below a folder; ``ImageSets/Main`` or a folder's name says the split.

    VOC counts pixels from 1 and the last one belongs to the box: the left and top edges move by one pixel.

    Args:
        path: of the file or folder.
        pictures: folder of the pictures; looked for beside the labels without it.

    Raises:
        DataError: a file is no VOC file, or a picture is missing, damaged or of another size than it says.
    """
    root = path.parent if path.is_file() else path
    files = [path] if path.is_file() else sorted(path.rglob("*.xml"))
    if not files:
        raise DataError(f"no XML file in or below {path}")
    splits = _listed_splits(root)
    return agreed([_entry(file, root, pictures, splits) for file in files])


def _listed_splits(root: Path) -> dict[str, str]:
    """Return the split of the pictures that ``ImageSets/Main/train.txt`` and its neighbours name."""
    found: dict[str, str] = {}
    top = root.parent if root.name == "Annotations" else root
    for split in ("train", "val", "test"):
        for file in sorted(top.rglob(f"ImageSets/Main/{split}.txt")):
            for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1):
                stem = line.split()[0] if line.split() else ""
                if stem and found.setdefault(stem, split) != split:
                    raise DataError(f"{file}, line {number}: {stem} is in {found[stem]}.txt, too")
    return found


def _entry(file: Path, root: Path, pictures: Path | None, splits: dict[str, str]) -> Entry:
    tree = _parsed(file)
    above = file.parent.relative_to(root)
    name = (tree.findtext("filename") or f"{file.stem}.jpg").strip().replace("\\", "/")
    bases = [pictures] if pictures else [file.parent.parent / sub for sub in _PICTURES]
    sub = above.relative_to(above.parts[0]) if above.parts else Path()  # Annotations/day1 and JPEGImages/day1
    deeper = [] if pictures or not sub.parts else [root / word / sub for word in _PICTURES]
    # tools forget the name when a file is renamed: the label file's own name is the surer one
    folders = [*deeper, *([] if pictures else [file.parent]), *bases]
    found = place(f"{file.stem}{Path(name).suffix}", folders, file.stem) or place(name, folders)
    if found is None:
        raise DataError(f"{file}: picture {name} is missing" + (f" in {pictures}" if pictures else ""))
    parts = above.parts[1:] if above.parts[:1] == ("Annotations",) else above.parts
    split = splits.get(file.stem) or split_named(parts)
    boxes = tuple(_box(o, f"{file}, object {n}") for n, o in enumerate(tree.iter("object"), 1))
    labelled = Labelled(found, "/".join((*parts, found.name)), boxes, split)
    width, height = (_number(tree.find("size"), key, f"{file}, size", 0) for key in ("width", "height"))
    return Entry(labelled, (int(width), int(height)) if width and height else None, str(file))


def _parsed(file: Path) -> ElementTree.Element:
    try:
        tree = ElementTree.parse(file).getroot()
    except OSError as exc:
        raise DataError(f"{file} cannot be read: {exc.strerror}") from exc
    except ElementTree.ParseError as exc:
        raise DataError(f"{file}, line {exc.position[0]}: not XML: {exc.msg}") from exc
    if tree.tag != "annotation":
        raise DataError(f"{file} is not Pascal VOC: it begins with <{tree.tag}>, not with <annotation>")
    return tree


def _box(node: ElementTree.Element, where: str) -> Box:
    label = (node.findtext("name") or "").strip()
    if not label:
        raise DataError(f"{where}: no name")
    corners = node.find("bndbox")
    x1, y1, x2, y2 = (_number(corners, key, where) for key in ("xmin", "ymin", "xmax", "ymax"))
    difficult = _number(node, "difficult", where, 0) != 0
    return Box(label, (x1 - 1, y1 - 1, x2, y2), difficult)


def _number(node: ElementTree.Element | None, key: str, where: str, otherwise: float | None = None) -> float:
    text = node.findtext(key) if node is not None else None
    if text is None or not text.strip():
        if otherwise is None:
            raise DataError(f"{where}: no {key}")
        return otherwise
    try:
        return float(text)
    except ValueError as exc:
        raise DataError(f"{where}: {key} is '{text.strip()}', not a number") from exc

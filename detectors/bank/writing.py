"""Labelled pictures as a set of the project's own: ``labels.json`` and ``images``, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from detectors.bank.classes import labels_of
from detectors.bank.labels import Box, Labelled
from detectors.bank.pictures import Look, looks
from detectors.bank.splitting import split
from detectors.errors import DataError, UsageError

_LEAST_PX = 0.01  # boxes are written with two digits


@dataclass(frozen=True, slots=True)
class Written:
    """What a new set holds.

    Attributes:
        folder: of the set.
        class_names: that it is about.
        pictures: number by split.
        boxes: number by class, those to be ignored left out.
        ignored: boxes that are neither a hit nor a false alarm.
        cut: boxes that reached out of their picture and were cut at its border.
        dropped: boxes of no area, or wholly outside of their picture, that were left out.
        linked: pictures that are hard links and not copies.
    """

    folder: Path
    class_names: tuple[str, ...]
    pictures: Mapping[str, int]
    boxes: Mapping[str, int]
    ignored: int
    cut: int
    dropped: int
    linked: int


def write_set(
    labelled: Sequence[Labelled],
    out: Path,
    *,
    class_names: Sequence[str] | None = None,
    val_share: float = 0.0,
    seed: int = 0,
    link: bool = False,
    overwrite: bool = False,
) -> Written:
    """Write a set that ``detectors.dataset.read_sets`` reads; all is checked before anything is written.

    Args:
        labelled: the pictures.
        out: folder of the set.
        class_names: what was labelled (``info.labelled_classes``): of other classes, boxes become ``ignore``.
            Without it all that have a box.
        val_share: share in [0, 1) of the pictures without a split for "val"; the others are "train".
        seed: of the choice.
        link: make hard links where the file system can, and not copies.
        overwrite: replace an earlier set.

    Raises:
        DataError: there is no picture, one is missing or damaged, two have one name, or the disk is full.
        UsageError: ``out`` is there already, or ``val_share`` is no share.
    """
    if not 0 <= val_share < 1:
        raise UsageError(f"the share for val must lie in [0, 1), not {val_share:g}")
    if not labelled:
        raise DataError("there is no picture to write")
    check_out(out, [one.path for one in labelled], overwrite)
    _check_names(labelled)
    names = tuple(dict.fromkeys(_labelled_classes(labelled) if class_names is None else class_names))
    seen = looks([one.path for one in labelled])
    counts: Counter[str] = Counter()
    fitted = [_fitted(one, look, names, counts) for one, look in zip(labelled, seen, strict=True)]
    splits = split(fitted, np.array([look.phash for look in seen], np.uint64), val_share, seed)
    content = _content(fitted, seen, splits, names)
    linked = _write(fitted, content, out, link)
    boxes = Counter(box.label for one in fitted for box in one.boxes if not box.ignore)
    return Written(
        folder=out,
        class_names=names,
        pictures=dict(sorted(Counter(splits).items())),
        boxes={name: boxes[name] for name in names},
        ignored=counts["ignored"],
        cut=counts["cut"],
        dropped=counts["dropped"],
        linked=linked,
    )


def check_out(out: Path, pictures: Sequence[Path], overwrite: bool) -> None:
    """See that a set can be written to a folder, and that nothing else is lost by it.

    Raises:
        UsageError: something is there that must not be replaced.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / "labels.json").is_file():
        raise UsageError(f"{out} is there already and is no set: choose another --out")
    if not overwrite:
        raise UsageError(f"{out} is there already: choose another --out, or give --overwrite")
    inside = out.resolve()
    if any(path.resolve().is_relative_to(inside) for path in pictures):
        raise UsageError(f"the pictures lie in {out} itself, which would be replaced: choose another --out")


def _check_names(labelled: Sequence[Labelled]) -> None:
    seen: dict[str, Path] = {}
    for one in labelled:
        name = PurePosixPath(one.name)
        if name.is_absolute() or ".." in name.parts or not name.parts:
            raise DataError(f"picture {one.path}: '{one.name}' is no name inside a set")
        if str(name) in seen:
            raise DataError(f"two pictures are called {name}: {seen[str(name)]} and {one.path}")
        seen[str(name)] = one.path


def _labelled_classes(labelled: Sequence[Labelled]) -> list[str]:
    return sorted({box.label for one in labelled for box in one.boxes if not box.ignore})


def _fitted(one: Labelled, look: Look, names: Sequence[str], counts: Counter[str]) -> Labelled:
    """Return a picture with its boxes cut at its borders."""
    boxes = []
    width, height = look.size
    for box in one.boxes:
        x1, y1, x2, y2 = box.xyxy
        cut = (max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height)))
        if not (min(cut[2] - cut[0], cut[3] - cut[1]) >= _LEAST_PX and np.isfinite(box.xyxy).all()):
            counts["dropped"] += 1
            continue
        counts["cut"] += cut != box.xyxy
        counts["ignored"] += (ignore := box.ignore or box.label not in names)
        boxes.append(Box(box.label, cut, ignore))
    return replace(one, boxes=tuple(boxes))


def _content(
    labelled: Sequence[Labelled], seen: Sequence[Look], splits: Sequence[str], names: Sequence[str]
) -> dict[str, Any]:
    """Return the content of ``labels.json``."""
    categories = list(dict.fromkeys([*names, *labels_of(labelled)]))
    number = {name: index for index, name in enumerate(categories, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image, (one, look, own) in enumerate(zip(labelled, seen, splits, strict=True), 1):
        size = {"width": look.size[0], "height": look.size[1]}
        images.append({"id": image, "file_name": one.name, **size, "split": own})
        for box in one.boxes:
            x1, y1, x2, y2 = (round(value, 2) for value in box.xyxy)
            bbox = [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)]
            about = {"category_id": number[box.label], "bbox": bbox, "area": round(bbox[2] * bbox[3], 2)}
            flags = {"iscrowd": 0, "ignore": int(box.ignore)}
            annotations.append({"id": len(annotations) + 1, "image_id": image, **about, **flags})
    return {
        "info": {"labelled_classes": list(names)},
        "categories": [{"id": index, "name": name} for name, index in number.items()],
        "images": images,
        "annotations": annotations,
    }


def _write(labelled: Sequence[Labelled], content: dict[str, Any], out: Path, link: bool) -> int:
    """Write all beside ``out`` and give it its name when it is whole; return how many pictures are links."""
    draft = out.with_name(out.name + ".part")
    try:
        shutil.rmtree(draft, ignore_errors=True)  # of an attempt that was broken off
        draft.mkdir(parents=True)
        linked = sum(_place(one.path, draft / "images" / one.name, link) for one in labelled)
        (draft / "labels.json").write_text(json.dumps(content, indent=1), "utf-8")
        if out.exists():
            shutil.rmtree(out)
        draft.rename(out)
    except OSError as exc:
        raise DataError(f"cannot write {out}: {exc.strerror or exc}") from exc
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return linked


def _place(source: Path, target: Path, link: bool) -> bool:
    """Link or copy one file; return whether it is a link."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if link:
        try:
            os.link(source.resolve(), target)
        except OSError:  # another file system, or one without links
            pass
        else:
            return True
    shutil.copyfile(source, target)
    return False

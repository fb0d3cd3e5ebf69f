"""Labelled road pictures: COCO-style sets, each with the classes that it annotates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import xywh_to_xyxy
from detectors.errors import DataError, EmptySplitError
from detectors.opencv import load_cv2

cv2 = load_cv2()

#: The classes of the released detectors, in the order of their labels.
ROAD_USERS = ("car", "bus", "truck", "motorbike", "bicycle", "person")
#: Classes that a box of the category ``vehicle`` (class not known) may be.
VEHICLES = ("car", "bus", "truck")
#: Label of a vehicle whose class is not known; one behind the last class.
UNKNOWN_VEHICLE = "vehicle"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One labelled picture.

    Attributes:
        path: of the picture file.
        set_name: of the data set's folder.
        size: width and height in pixels.
        boxes: float32 (N, 4) xyxy.
        labels: int64 (N,), 0-based class; C for a vehicle of unknown class.
        ignore: float32 (M, 4) xyxy: here neither a hit nor a false alarm.
        annotated: bool (C,): the classes that were annotated at all.
    """

    path: Path
    set_name: str
    size: tuple[int, int]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    ignore: NDArray[np.float32]
    annotated: NDArray[np.bool_]


def read_sets(folders: Sequence[Path], split: str, class_names: Sequence[str] = ROAD_USERS) -> list[Picture]:
    """Read one split of all sets in or below ``folders`` (a folder with ``labels.json`` is a set).

    Raises:
        DataError: no set is found, or a file is damaged.
        EmptySplitError: the split is empty.
    """
    files = sorted({f for folder in folders for f in _label_files(folder)})
    if not files:
        raise DataError(f"no labels.json in or below {', '.join(map(str, folders))}")
    pictures = [picture for file in files for picture in _read_set(file, split, class_names)]
    if not pictures:
        raise EmptySplitError(f"no pictures of split '{split}' in {len(files)} set(s)")
    return pictures


def _label_files(folder: Path) -> list[Path]:
    own = folder / "labels.json"
    return [own] if own.is_file() else sorted(folder.glob("*/labels.json"))


def _read_set(file: Path, split: str, class_names: Sequence[str]) -> list[Picture]:
    try:
        content = json.loads(file.read_text())
        images = [image for image in content["images"] if image.get("split", "train") == split]
        categories = {c["id"]: str(c["name"]) for c in content["categories"]}
        by_image: dict[int, list[dict[str, object]]] = {image["id"]: [] for image in images}
        for annotation in content["annotations"]:
            if annotation["image_id"] in by_image:
                by_image[annotation["image_id"]].append(annotation)
        labelled = content.get("info", {}).get("labelled_classes", list(categories.values()))
        annotated = np.array([name in labelled for name in class_names])
        return [
            _picture(file.parent, image, by_image[image["id"]], categories, annotated, class_names)
            for image in images
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise DataError(f"{file} is not a COCO label file: {type(exc).__name__} {exc}") from exc


def _picture(
    folder: Path,
    image: dict[str, object],
    annotations: list[dict[str, object]],
    categories: dict[int, str],
    annotated: NDArray[np.bool_],
    class_names: Sequence[str],
) -> Picture:
    label_of = {name: index for index, name in enumerate(class_names)}
    if not set(VEHICLES).isdisjoint(class_names):
        label_of[UNKNOWN_VEHICLE] = len(class_names)
    names = [categories[a["category_id"]] for a in annotations]  # type: ignore[index]
    boxes = xywh_to_xyxy(np.array([a["bbox"] for a in annotations], np.float32).reshape(-1, 4))
    known = np.array(
        [
            n in label_of and not (a.get("ignore") or a.get("iscrowd"))
            for n, a in zip(names, annotations, strict=True)
        ],
        bool,
    )
    path = folder / "images" / str(image["file_name"])
    if not path.is_file():  # said now, not after an hour of training
        raise DataError(f"{folder / 'labels.json'} names a picture that is not there: {path}")
    return Picture(
        path=path,
        set_name=folder.name,
        size=(int(image["width"]), int(image["height"])),  # type: ignore[call-overload]
        boxes=boxes[known],
        labels=np.array([label_of[n] for n, k in zip(names, known, strict=True) if k], np.int64),
        ignore=boxes[~known],
        annotated=annotated,
    )


def read_picture(picture: Picture) -> NDArray[np.uint8]:
    """Return the picture's pixels, uint8 (H, W, 3) BGR.

    Raises:
        DataError: the file is missing or damaged.
    """
    image = cv2.imread(str(picture.path), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(f"picture {picture.path} is missing or damaged")
    return np.asarray(image, np.uint8)


def sampling_weights(
    pictures: Sequence[Picture], class_count: int, set_weights: dict[str, float] | None = None
) -> NDArray[np.float64]:
    """Return the probability (P,) of drawing each picture: by set, and by the rarest class in it.

    The repeat factor is sqrt(0.3 / share of pictures with the class), at least 1 (Gupta et al., LVIS,
    CVPR 2019). Pictures in which nothing was annotated have no part in the shares.

    Raises:
        DataError: a weight is negative, or all are 0.
    """
    present = np.zeros((len(pictures), class_count), bool)
    for row, picture in enumerate(pictures):
        present[row, picture.labels[picture.labels < class_count]] = True
    annotated = np.array([picture.annotated.any() for picture in pictures])
    share = np.maximum(present[annotated].mean(0) if annotated.any() else 0.0, 1e-6)
    factor = np.maximum(1.0, np.sqrt(0.3 / share))
    repeat = np.where(present, factor, 1.0).max(1)
    by_set = np.array([(set_weights or {}).get(p.set_name, 1.0) for p in pictures])
    weight = repeat * by_set
    if (by_set < 0).any() or not weight.sum() > 0:
        raise DataError("the weights of the sets must not be negative, and must leave a picture to draw")
    return np.asarray(weight / weight.sum(), np.float64)

"""Pictures that an int8 model's ranges are measured on: never those that accuracy is measured on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.dataset import read_sets
from detectors.errors import DataError, UsageError
from detectors.opencv import load_cv2

cv2 = load_cv2()

LABELS = "labels.json"
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")


def calibration_files(folder: Path, most: int) -> list[Path]:
    """Return picture files, spread evenly: of labelled sets the train split, of other folders all.

    Args:
        folder: with labelled sets in or anywhere below it, or with pictures.
        most: how many at most.

    Raises:
        UsageError: it is the inside of a labelled set, where the splits cannot be told apart.
        DataError: there are no pictures, or labels are damaged.
    """
    for above in folder.absolute().parents:
        if (above / LABELS).is_file():
            raise UsageError(f"{folder} is part of a labelled set: give --data {above}")
    sets = sorted(labels.parent for labels in folder.rglob(LABELS))
    if sets:
        files = [picture.path for picture in read_sets(sets, "train")]
    else:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f"no pictures in {folder}")
    places = np.linspace(0, len(files) - 1, min(most, len(files))).round().astype(int)
    return [files[place] for place in places]


def read_file(path: Path) -> NDArray[np.uint8]:
    """Return the picture, uint8 (H, W, 3) BGR.

    Raises:
        DataError: the file is damaged.
    """
    image: NDArray[np.uint8] | None = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(f"picture {path} cannot be read")
    return image

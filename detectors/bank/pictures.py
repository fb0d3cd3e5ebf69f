"""Picture files: which there are, whether they are whole, their size and what they look like."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from detectors.bank.hashing import perceptual_hash
from detectors.errors import DataError
from detectors.opencv import load_cv2

cv2 = load_cv2()

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a picture file that could be read.

    Attributes:
        size: width and height in pixels, turned as its camera says (EXIF), as in training.
        digest: of its bytes: the same in exact copies only.
        phash: its perceptual hash.
    """

    size: tuple[int, int]
    digest: str
    phash: np.uint64


def find_pictures(folder: Path) -> list[Path]:
    """Return the picture files in and below a folder, sorted; hidden ones are left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def look(path: Path) -> Look:
    """Read a picture; one that was read already and has not changed is remembered.

    Raises:
        DataError: it is missing or damaged, such as a JPEG that breaks off.
    """
    try:
        state = path.stat()
        return _look(path, state.st_mtime_ns, state.st_size)
    except OSError as exc:
        raise DataError(f"picture {path} cannot be read: {exc.strerror}") from exc


@cache
def _look(path: Path, _changed_ns: int, _size: int) -> Look:
    data = path.read_bytes()
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:  # such as more pixels than OpenCV reads
        image = None
    if image is None or _breaks_off(data):
        raise DataError(f"picture {path} is damaged")
    height, width = image.shape[:2]
    return Look((width, height), hashlib.blake2b(data, digest_size=16).hexdigest(), perceptual_hash(image))


def _breaks_off(data: bytes) -> bool:
    """Return whether the end of a JPEG or PNG is missing: OpenCV makes a grey area of it and says nothing."""
    if data.startswith(b"\xff\xd8"):  # end of image behind the last start of scan
        return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")
    return data.startswith(b"\x89PNG") and b"IEND" not in data[-1024:]


def look_all(paths: Sequence[Path]) -> list[Look | DataError]:
    """Look at many pictures, on all cores; those that cannot be read give their errors."""

    def one(path: Path) -> Look | DataError:
        try:
            return look(path)
        except DataError as exc:
            return exc

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, paths))


def looks(paths: Sequence[Path]) -> list[Look]:
    """Look at many pictures, on all cores.

    Raises:
        DataError: one of them is missing or damaged.
    """
    found = look_all(paths)
    bad = next((one for one in found if isinstance(one, DataError)), None)
    if bad is not None:
        raise bad
    return [one for one in found if isinstance(one, Look)]


def split_named(words: Iterable[str]) -> str | None:
    """Return the split that the first of some folder or file names says, such as ``valid`` or ``train2017``.

    ``training`` says none: it is what KITTI calls everything that has labels.
    """
    for word in words:
        match = re.fullmatch(r"([a-z]+?)[-_]?\d*", word.lower())
        if match and match[1] in _SPLITS:
            return _SPLITS[match[1]]
    return None


def place(name: str, folders: Sequence[Path], stem: str | None = None) -> Path | None:
    """Return the first file ``name``, or else picture called ``stem``, in some folders, or None.

    A name that another system wrote, with its folders, is looked for without them, too.
    """
    for candidate in dict.fromkeys((name, name.rsplit("/", 1)[-1])):
        found = next((folder / candidate for folder in folders if (folder / candidate).is_file()), None)
        if found is not None:
            return found
    named = (folder / (stem + end) for folder in folders for end in _ENDS) if stem else ()
    return next((path for path in named if path.is_file()), None)


_ENDS = (*SUFFIXES, *(suffix.upper() for suffix in SUFFIXES))

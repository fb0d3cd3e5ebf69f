"""A folder or glob of pictures, in natural order (``9.jpg`` before ``10.jpg``), at a nominal rate."""

from __future__ import annotations

import glob
import os
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2
from tracker.errors import SourceError
from tracker.sources._kinds import PICTURES, VIDEOS, matches, natural, why_no_file
from tracker.sources._notes import Notes
from tracker.sources._source import Opened, Picture, Source
from tracker.types import SourceInfo

Image = NDArray[np.uint8]
Numbered = tuple[int, Image]


@dataclass(frozen=True)
class Config:
    """What can be set.

    Attributes:
        path: a folder (not what lies in folders below it), a glob, or one picture.
        rate_fps: pictures a second; picture number i is at i / rate_fps.
        cuts: mark the first picture of every new shot.
    """

    path: str
    rate_fps: float = 25.0
    cuts: bool = True

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: there is no path, or the rate is not positive.
        """
        if not self.path:
            raise ValueError("path is empty")
        if not 0 < self.rate_fps < float("inf"):
            raise ValueError(f"rate_fps must be greater than 0, not {self.rate_fps}")


def build(config: Config) -> Source:
    """Return the source; nothing is opened before it is entered."""
    return Source(config.path, partial(_open, config), config.cuts)


def _open(config: Config, notes: Notes) -> Opened:
    load_cv2()
    paths = _list(config.path)
    readable = _readable(paths, notes)
    first = next(readable, None)
    if first is None:
        raise SourceError(f"{config.path}: not one of the {len(paths)} pictures can be read")
    height, width = first[1].shape[:2]
    info = SourceInfo(config.path, width, height, config.rate_fps, len(paths), len(paths) / config.rate_fps)
    return Opened(info, _pictures(chain([first], readable), info, config.rate_fps, notes), _nothing_to_close)


def _nothing_to_close() -> None:
    """Pictures are read one by one: no file stays open."""


def _list(spec: str) -> list[Path]:
    """Return the pictures that are meant, in natural order.

    Raises:
        SourceError: there is none.
    """
    if os.path.isfile(spec):
        return [Path(spec)]
    if os.path.isdir(spec):
        return _in_folder(Path(spec))
    if not glob.has_magic(spec):
        raise SourceError(f"{spec}: {why_no_file(spec)} (looked from {Path.cwd()}); check the path")
    found = matches(spec)
    pictures = [p for p in found if p.suffix.lower() in PICTURES]
    if not pictures:
        what = f"matches {len(found)} files, but no picture" if found else "matches no file"
        raise SourceError(f"{spec}: {what} ({' '.join(sorted(PICTURES))}; looked from {Path.cwd()})")
    return pictures


def _in_folder(folder: Path) -> list[Path]:
    try:
        files = [p for p in folder.iterdir() if os.path.isfile(p) and not p.name.startswith(".")]
    except OSError as exc:
        raise SourceError(f"{folder}: cannot be read ({exc.strerror}); check its permissions") from exc
    pictures = sorted((p for p in files if p.suffix.lower() in PICTURES), key=natural)
    if not pictures:
        raise SourceError(f"{folder}: has no pictures in it; {_instead(folder, files)}")
    return pictures


def _instead(folder: Path, files: list[Path]) -> str:
    """Return what to give in place of a folder that has these files, but no pictures."""
    videos = [p.suffix for p in files if p.suffix.lower() in VIDEOS]
    if not videos:
        return "check the path"
    return (
        f"for the videos in it give a glob in quotes, such as '{folder / '*'}{max(videos, key=videos.count)}'"
    )


def _readable(paths: list[Path], notes: Notes) -> Generator[Numbered, None, None]:
    for index, path in enumerate(paths):
        image = _read(path)
        if image is None:
            notes.add("pictures that cannot be read, left out: {n}")
        else:
            yield index, image


def _read(path: Path) -> Image | None:
    """Return uint8 (H, W, 3) BGR, turned as its EXIF says, or None where it cannot be read."""
    cv2 = load_cv2()
    try:
        data = np.fromfile(path, np.uint8)
        image: Image | None = None if _has_no_pixels(data) else cv2.imdecode(data, cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        return None
    return image


def _has_no_pixels(data: NDArray[np.uint8]) -> bool:
    """Return whether a file is empty, or a PNG of 0 x N pixels, at which libpng prints lines of its own."""
    head = data[:24].tobytes()
    return not head or (head.startswith(b"\x89PNG") and bytes(4) in (head[16:20], head[20:24]))


def _pictures(
    readable: Iterable[Numbered], info: SourceInfo, rate_fps: float, notes: Notes
) -> Generator[Picture, None, None]:
    cv2 = load_cv2()
    for index, image in readable:
        upright = image
        if image.shape[:2] != (info.height, info.width):
            notes.add("pictures of another size than the first, scaled to it: {n}")
            upright = cv2.resize(image, (info.width, info.height), interpolation=cv2.INTER_AREA)
        yield Picture(upright, index, index / rate_fps)

"""A camera through OpenCV, with the wall clock's time stamps."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2
from tracker.errors import SourceError
from tracker.sources._kinds import is_url, shown_name
from tracker.sources._notes import Notes
from tracker.sources._source import Opened, Picture, Source
from tracker.types import SourceInfo

_MOST_FPS = 1000.0
_PATIENCE_S = 15.0  # V4L2 waits 10 s for a picture


@dataclass(frozen=True)
class Config:
    """What can be set.

    Attributes:
        device: number of the camera, a device such as ``/dev/video0``, or whatever else OpenCV opens. A
            file goes through the same code, but no frame of it is dropped.
    """

    device: int | str = 0

    def __post_init__(self) -> None:
        """Raise ValueError for a negative number or an empty name."""
        if self.device == "" or (isinstance(self.device, int) and self.device < 0):
            raise ValueError(f"device must be a number from 0 or a name, not {self.device!r}")


def build(config: Config) -> Source:
    """Return the source; nothing is opened before it is entered."""
    return Source(_name(config.device), partial(_open, config.device))


def _number(device: int | str) -> int | str:
    return int(device) if isinstance(device, str) and device.isdecimal() else device


def _name(device: int | str) -> str:
    number = _number(device)
    return f"camera {number}" if isinstance(number, int) else shown_name(number)


def _open(device: int | str, notes: Notes) -> Opened:
    cv2 = load_cv2()
    try:
        capture = cv2.VideoCapture(_number(device))
    except cv2.error as exc:
        raise SourceError(_missing(device)) from exc
    try:
        return _start(capture, device, notes)
    except BaseException:
        capture.release()
        raise


def _missing(device: int | str) -> str:
    return f"{_name(device)}: cannot be opened; is it plugged in, free, and may this user read /dev/video*?"


def _start(capture: Any, device: int | str, notes: Notes) -> Opened:
    cv2 = load_cv2()
    if not capture.isOpened():
        raise SourceError(_missing(device))
    first = _shot(capture, 0)
    if first is None:
        raise SourceError(f"{_name(device)}: opens but gives no picture; is another program using it?")
    height, width = first.image.shape[:2]
    rate = capture.get(cv2.CAP_PROP_FPS)
    rate_fps = float(rate) if 0 < rate <= _MOST_FPS else None
    info = SourceInfo(_name(device), width, height, rate_fps, live=_is_live(device))
    return Opened(info, _pictures(capture, first, info, notes), capture.release, _PATIENCE_S)


def _is_live(device: int | str) -> bool:
    number = _number(device)
    return isinstance(number, int) or number.startswith("/dev/") or is_url(number)


def _pictures(capture: Any, first: Picture, info: SourceInfo, notes: Notes) -> Generator[Picture, None, None]:
    picture: Picture | None = first
    start_s = first.time_s
    index = 0
    while picture is not None:
        arrival_s = picture.time_s
        yield Picture(picture.image, index, arrival_s - start_s, arrival_s, picture.wall_time)
        index += 1
        picture = _shot(capture, index)
    if info.live:
        notes.add(f"gave no more pictures after {index}: unplugged, or the line is down")


def _shot(capture: Any, index: int) -> Picture | None:
    """Take one picture; its ``time_s`` is the monotonic clock's."""
    good, image = capture.read()
    if not good:
        return None
    bgr: NDArray[np.uint8] = np.ascontiguousarray(image)
    return Picture(bgr, index, time.monotonic(), None, datetime.now(UTC))

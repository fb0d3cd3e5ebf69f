"""A camera through OpenCV, with the wall clock's time stamps."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2
from tracker.errors import SourceError
from tracker.sources._kinds import is_url, shown_name
from tracker.sources._ledger import Ledger
from tracker.sources._live import Reconnecting, Shot
from tracker.sources._notes import Notes
from tracker.sources._source import Opened, Source
from tracker.types import SourceInfo

_MOST_FPS = 1000.0
_PATIENCE_S = 15.0
_GONE = "no picture comes: unplugged, or the line is down"
#: V4L2 waits for a picture so long (seconds), by OpenCV's own default ten: then the camera is lost.
_SILENT = ("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "4")


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
    os.environ.setdefault(*_SILENT)
    capture = _capture(device)
    try:
        return _start(capture, device, notes)
    except BaseException:
        capture.release()
        raise


def _capture(device: int | str) -> Any:
    cv2 = load_cv2()
    try:
        return cv2.VideoCapture(_number(device))
    except cv2.error as exc:
        raise SourceError(_missing(device)) from exc


def _missing(device: int | str) -> str:
    return f"{_name(device)}: cannot be opened; is it plugged in, free, and may this user read /dev/video*?"


def _start(capture: Any, device: int | str, notes: Notes) -> Opened:
    cv2 = load_cv2()
    if not capture.isOpened():
        raise SourceError(_missing(device))
    live, ledger = _is_live(device), Ledger()
    line = _CameraLine(capture, ledger, _GONE if live else "")
    first = line.peek()
    if first is None:
        raise SourceError(f"{_name(device)}: opens but gives no picture; is another program using it?")
    height, width = first.image().shape[:2]
    rate = capture.get(cv2.CAP_PROP_FPS)
    rate_fps = float(rate) if 0 < rate <= _MOST_FPS else None
    info = SourceInfo(_name(device), width, height, rate_fps, live=live)
    reopen = partial(_reopen, device, ledger, (width, height))
    reader = Reconnecting(line, reopen, ledger, notes, live, rate_fps)
    return Opened(info, reader.pictures(), reader.finish, _PATIENCE_S, reader.stop, ledger)


def _is_live(device: int | str) -> bool:
    number = _number(device)
    return isinstance(number, int) or number.startswith("/dev/") or is_url(number)


def _reopen(device: int | str, ledger: Ledger, size: tuple[int, int]) -> _CameraLine:
    capture = _capture(device)
    line = _CameraLine(capture, ledger, _GONE, size)
    if not capture.isOpened() or line.peek() is None:
        line.close()
        raise SourceError(_missing(device))
    return line


class _CameraLine:
    """A ``Line`` through OpenCV; read and let go of in the reader's thread alone.

    Args:
        capture: that is open.
        ledger: in which every picture is entered.
        why: what to say when no more pictures come.
        size: width and height that pictures get; None for those of the first.
    """

    def __init__(self, capture: Any, ledger: Ledger, why: str, size: tuple[int, int] | None = None) -> None:
        self.why = why
        self._capture, self._ledger, self._size = capture, ledger, size
        self._lock = threading.Lock()
        self._closed = False
        self._first: Shot | None = None

    def peek(self) -> Shot | None:
        """Return the first picture, without taking it; None where there is none."""
        self._first = self._first or self._shot()
        return self._first

    def __iter__(self) -> Iterator[Shot]:
        shot, self._first = self.peek(), None
        while shot is not None:
            yield shot
            shot = self._shot()

    def close(self) -> None:
        self._closed = True
        with self._lock:  # OpenCV may not let go of a camera while it reads from it
            self._capture.release()

    def wait(self, timeout_s: float) -> None:
        """Return at once: it has no thread of its own."""

    def _shot(self) -> Shot | None:
        with self._lock:
            good, image = (False, None) if self._closed else self._capture.read()
        if not good:
            return None
        arrival_s = time.monotonic()
        self._ledger.receive(arrival_s)
        bgr = self._sized(np.ascontiguousarray(image))
        return Shot(lambda: bgr, None, arrival_s, datetime.now(UTC))

    def _sized(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        size = (image.shape[1], image.shape[0])
        self._size = self._size or size
        return image if size == self._size else load_cv2().resize(image, self._size)

"""A live source that comes back: whatever happens to the line, it is opened again, for ever."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Generator, Iterator
from datetime import datetime
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tracker.errors import SourceError
from tracker.sources._ledger import Ledger
from tracker.sources._live_clock import LiveClock
from tracker.sources._notes import Notes
from tracker.sources._source import DEFAULT_FPS, Picture

#: Seconds between two attempts; the last goes on for ever. With the time that an attempt may take they are
#: less than ten, so that a camera that is back is soon seen again.
_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0)
#: A connection that is closed may read on for so many seconds.
_FINISH_S = 2.0
#: A connection is new for so many seconds.
_FRESH_S = 3.0


class Shot(NamedTuple):
    """A picture as a line gives it.

    Attributes:
        image: makes the picture, uint8 (H, W, 3) BGR; only the pictures that are wanted are made.
        stamp_s: the camera's time stamp in seconds; None where it gave none.
        arrival_s: when it came, by the monotonic clock.
        wall_time: the same moment in UTC.
    """

    image: Callable[[], NDArray[np.uint8]]
    stamp_s: float | None
    arrival_s: float
    wall_time: datetime


class Line(Protocol):
    """One connection to a camera.

    Attributes:
        why: what broke it; empty where it came to its end.
    """

    why: str

    def __iter__(self) -> Iterator[Shot]:
        """Yield pictures until the line is lost, or closed by another thread."""
        ...

    def close(self) -> None:
        """Let go of the camera; may be called while another thread waits for a picture, and twice."""
        ...

    def wait(self, timeout_s: float) -> None:
        """Wait until nothing of it runs any more, after ``close``."""
        ...


class Reconnecting:
    """The pictures of a live source over all its connections.

    Args:
        first: a line that is open.
        reopen: opens another one; SourceError where it cannot.
        ledger: in which every picture is entered.
        notes: to which losses are added.
        again: open lost lines again; otherwise the source ends with the first.
        rate_fps: nominal rate; None where there is none.
    """

    def __init__(
        self,
        first: Line,
        reopen: Callable[[], Line],
        ledger: Ledger,
        notes: Notes,
        again: bool = True,
        rate_fps: float | None = None,
    ) -> None:
        """Read nothing yet."""
        self._step_s = 1 / (rate_fps or DEFAULT_FPS)
        self._since_s = time.monotonic()
        self._line: Line = first
        self._reopen, self._again = reopen, again
        self._ledger, self._notes = ledger, notes
        self._stop = threading.Event()
        self._first_why = ""

    def stop(self) -> None:
        """Let the reader come to its end; called by another thread."""
        self._stop.set()
        self._line.close()

    def finish(self) -> None:
        """Wait for what still runs, after ``stop``: a process that ends meanwhile would crash."""
        self._line.wait(_FINISH_S)

    def is_fresh(self) -> bool:
        """Return whether the line was opened a moment ago."""
        return time.monotonic() - self._since_s < _FRESH_S

    def pictures(self) -> Generator[Picture, None, None]:
        """Yield pictures for ever, or until ``stop``."""
        clock, place = LiveClock(self._step_s), itertools.count()
        self._since_s = time.monotonic()
        try:
            while True:
                for shot in self._line:
                    index = next(place) + self._ledger.skipped()
                    time_s = clock.place(shot.stamp_s, shot.arrival_s)
                    yield Picture(shot.image, index, time_s, shot.arrival_s, shot.wall_time)
                self._line.close()
                if self._stop.is_set() or not self._find_again():
                    return
                clock.reconnect()
        finally:
            self._line.close()
            self._ledger.end()

    def _find_again(self) -> bool:
        """Open the line again, however long that takes; return False where nobody waits for it."""
        why = self._line.why
        if not self._again:
            if why:
                self._notes.add(f"reading broke off ({why}): what came before it was processed")
            return False
        why = why or "the other side ended it"
        self._first_why = self._first_why or why
        self._ledger.lose(why)
        self._notes.add(f"lost the line: {{n}}, the first time: {self._first_why}")
        for pause_s in itertools.chain(_PAUSES_S, itertools.repeat(_PAUSES_S[-1])):
            if self._stop.wait(pause_s):
                return False
            try:
                self._line = self._reopen()
            except SourceError:
                continue
            self._since_s = time.monotonic()
            self._ledger.find()
            return not self._stop.is_set()
        raise AssertionError("never")

"""The one class behind every source: opens, reads ahead, marks cuts and gaps, hands out frames.

A component gives a function that opens its file, folder or camera and returns an ``Opened``; all that
sources have in common is here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame
from tracker.errors import SourceError
from tracker.sources._ahead import ReadAhead
from tracker.sources._cuts import mark_cuts
from tracker.sources._ledger import OVERTAKEN, Ledger
from tracker.sources._notes import Notes
from tracker.sources._timeline import gap_s
from tracker.types import SourceHealth, SourceInfo

FRAMES_AHEAD = 8
#: So many pictures of a live source may wait: enough for a frame that took longer, and none is old.
LIVE_AHEAD = 2
#: So much of its pictures (seconds) comes at once when a connection is new.
_BURST_S = 2.0
_BYTES_AHEAD = 64_000_000
_LEAST_AHEAD = 2  # with one, decoding and tracking would often wait for each other
DEFAULT_FPS = 25.0


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What a reader gives for each frame.

    Attributes:
        image: uint8 (H, W, 3), BGR, contiguous; or what makes it, where it may not be wanted at all.
        index: 0-based position in the source's order.
        time_s: presentation time in seconds.
        arrival_s: when a live picture came, by the monotonic clock; None where it comes from a file.
        wall_time: the same moment in UTC.
    """

    image: NDArray[np.uint8] | Callable[[], NDArray[np.uint8]]
    index: int
    time_s: float
    arrival_s: float | None = None
    wall_time: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A source that is open and known to give at least one picture.

    Attributes:
        info: what is known of it.
        pictures: reads it; runs in the reader's thread.
        close: lets go of the file or camera; called when nobody reads any more.
        patience_s: how long a single read may take before the reader counts as hung.
        stop: called first, by another thread than the reader's, which may be waiting for a picture.
        ledger: in which a live source enters what it reads.
        is_fresh: whether a live source was opened a moment ago; None where it never is.
    """

    info: SourceInfo
    pictures: Generator[Picture, None, None]
    close: Callable[[], None]
    patience_s: float = 30.0
    stop: Callable[[], None] | None = None
    ledger: Ledger = field(default_factory=Ledger)
    is_fresh: Callable[[], bool] | None = None


class Source:
    """A ``FrameSource``; see ``tracker.protocols``.

    Entered again it starts anew (a camera: goes on with what it sees now). Read ahead are at most 8
    frames, and no more than fit into 64 MB (but 2 always may wait). Of a live source 2 frames may wait: where
    its consumer is slow the older one is dropped, which ``index``, ``gap_s`` and ``health`` show. Any other
    waits for its consumer.

    Args:
        name: as it may be shown.
        opener: opens the source, given the notes to write warnings into.
        cuts: look for the first frame of a new shot (never in a live source).
    """

    def __init__(self, name: str, opener: Callable[[Notes], Opened], cuts: bool = False) -> None:
        """Remember what to open; nothing is opened yet."""
        self._name = name
        self._opener = opener
        self._cuts = cuts
        self._notes = Notes(name)
        self._info: SourceInfo | None = None
        self._opened: Opened | None = None
        self._ahead: ReadAhead[tuple[Picture, bool]] | None = None
        self._ledger: Ledger | None = None

    @property
    def info(self) -> SourceInfo:
        """What is known before the first frame; stays after the source is left.

        Raises:
            SourceError: the source was never entered.
        """
        if self._info is None:
            raise SourceError(f"{self._name}: not open yet; use it in a 'with' statement")
        return self._info

    @property
    def health(self) -> SourceHealth:
        """How it is doing; stays after the source is left.

        Raises:
            SourceError: the source was never entered.
        """
        if self._ledger is None:
            raise SourceError(f"{self._name}: not open yet; use it in a 'with' statement")
        return self._ledger.health()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was wrong so far, one line for each kind."""
        return self._notes.lines()

    def __enter__(self) -> Self:
        """Open the source and decode its first picture.

        Raises:
            SourceError: it cannot be opened or gives no picture.
        """
        self.__exit__(None, None, None)
        self._notes = Notes(self._name)
        self._opened = self._opener(self._notes)
        self._info, self._ledger = self._opened.info, self._opened.ledger
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Stop the reader and close the source."""
        opened, ahead = self._opened, self._ahead
        self._opened = self._ahead = None
        if opened is None:
            return
        if opened.stop is not None:
            opened.stop()
        # A reader that hangs in the network keeps what it reads from: closing it there would crash.
        if ahead is None or ahead.close(opened.patience_s):
            opened.close()
        opened.ledger.end()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames, once for each ``with``.

        Raises:
            SourceError: the source is not open, or was read already.
        """
        if self._opened is None:
            raise SourceError(f"{self._name}: not open; use it in a 'with' statement")
        if self._ahead is not None:
            raise SourceError(f"{self._name}: can be read only once; open it again to start anew")
        opened, live = self._opened, self._opened.info.live
        marked = mark_cuts(opened.pictures, _image, self._cuts and not live)
        drop = (lambda _: opened.ledger.drop(OVERTAKEN)) if live else None
        self._ahead = ReadAhead(marked, partial(frames_ahead, opened.info, opened.is_fresh), drop)
        return _frames(self._ahead, 1 / (opened.info.rate_fps or DEFAULT_FPS), self._notes, opened.ledger)


def frames_ahead(info: SourceInfo, is_fresh: Callable[[], bool] | None = None) -> int:
    """Return how many frames may wait: 8, or fewer where those would take more than 64 MB; live ones 2.

    While a connection is opened, the camera goes on: what it sent meanwhile comes at once, and is wanted.
    """
    frame_bytes = max(3 * info.width * info.height, 1)
    fitting = max(_LEAST_AHEAD, _BYTES_AHEAD // frame_bytes)
    if not info.live:
        return min(FRAMES_AHEAD, fitting)
    if is_fresh is None or not is_fresh():
        return LIVE_AHEAD
    return min(round(_BURST_S * (info.rate_fps or DEFAULT_FPS)), fitting)


def _image(picture: Picture) -> NDArray[np.uint8]:
    return picture.image() if callable(picture.image) else picture.image


def _frames(
    pictures: ReadAhead[tuple[Picture, bool]], nominal_s: float, notes: Notes, ledger: Ledger
) -> Iterator[Frame]:
    before_s: float | None = None
    first_gap = ""
    for picture, cut in pictures:
        # A camera's own clock may stand still while the line is down: a live gap is told by ours.
        now_s = picture.time_s if picture.arrival_s is None else picture.arrival_s
        step_s = 0.0 if before_s is None else now_s - before_s
        before_s = now_s
        unseen_s = gap_s(step_s, nominal_s)
        if unseen_s:
            # the first alone has its place told: all of them share one line
            first_gap = first_gap or f"{step_s:.1f} s before frame {picture.index} at {picture.time_s:.1f} s"
            notes.add(f"jumps ahead in time, with no frames between: {{n}}, the first by {first_gap}")
        if picture.arrival_s is None:
            ledger.receive()
        ledger.hand_on()
        yield Frame(
            _image(picture),
            picture.index,
            picture.time_s,
            unseen_s,
            cut,
            picture.wall_time,
            picture.arrival_s,
        )

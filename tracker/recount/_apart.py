"""Sinks in a process of their own: a day's results come faster than the core that finds them can write."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from operator import attrgetter
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame
from tracker.errors import SinkError
from tracker.protocols import Sink
from tracker.recount._cycles import SELDOM
from tracker.recount._row import Row
from tracker.types import Event, FrameResult, RunInfo, Track

#: Results that are sent at a time, and how many such parcels may be on their way.
_PARCEL, _AHEAD = 256, 8
_FIELDS = [field.name for field in dataclasses.fields(Event)]
_VALUES = attrgetter(*_FIELDS)
#: Which column holds the boxes.
_EVENT_BOX, _ROW_BOX = _FIELDS.index("box"), Row._fields.index("box")
Columns = list[Any]
#: Of each result index, time, gap, and how many tracks and events it has; and those of all, in columns.
Parcel = tuple[list[tuple[int, float, float, int, int]], Columns, Columns]


class Apart:
    """Opens, feeds and closes other sinks in another process; their failures are raised here.

    A failure to write is raised some results later. Of the frames the index, the time and the gap are sent;
    the first one's picture stands for all.

    Args:
        sinks: not yet opened; each can be pickled.
    """

    def __init__(self, sinks: Sequence[Sink]) -> None:
        """No process is started before ``open``."""
        self._sinks = list(sinks)
        self._pool: ProcessPoolExecutor | None = None
        self._sent: deque[Future[None]] = deque()
        self._results: list[FrameResult] = []
        self._picture: NDArray[np.uint8] | None = None

    def open(self, run: RunInfo) -> None:
        """Start the process and open the sinks.

        Raises:
            SinkError: one cannot be opened.
        """
        # not by fork: other threads of this process may hold locks that nobody would ever let go of there
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, context, initializer=_begin)
        self._send(_open, self._sinks, run)
        self._await(0)

    def write(self, result: FrameResult) -> None:
        """Take a result; send what has come together.

        Raises:
            SinkError: one of the sinks failed.
        """
        if self._picture is None:
            self._picture = result.frame.image
            self._send(_take_picture, self._picture)
        self._results.append(result)
        if len(self._results) >= _PARCEL:
            self._send_parcel()
            self._await(_AHEAD)

    def close(self, completed: bool) -> None:
        """Write the rest, close the sinks and end the process; a second time does nothing.

        Raises:
            SinkError: one of the sinks failed.
        """
        if self._pool is None:
            return
        first: Exception | None = None
        try:
            try:
                self._send_parcel()
                self._await(0)
            except Exception as exc:
                first = exc
            self._send(_close, completed and first is None)
            self._await(0)
        except Exception as exc:
            first = first or exc
        finally:
            self._pool.shutdown()
            self._pool = None
        if first is not None:
            raise first

    def _send_parcel(self) -> None:
        results, self._results = self._results, []
        if results:
            self._send(_write, _packed(results))

    def _send(self, work: Callable[..., None], *given: Any) -> None:
        assert self._pool is not None
        try:
            self._sent.append(self._pool.submit(work, *given))
        except BrokenProcessPool as exc:
            raise SinkError("the process that writes the results has died") from exc

    def _await(self, most: int) -> None:
        """Wait until no more than ``most`` parcels are on their way."""
        first: BaseException | None = None
        while len(self._sent) > most:
            failure = self._sent.popleft().exception()
            first = first or failure
            most = 0 if first else most
        if isinstance(first, BrokenProcessPool):
            raise SinkError("the process that writes the results has died") from first
        if first is not None:
            raise first


_opened: list[Sink] = []
_pictures: list[NDArray[np.uint8]] = []


def _begin() -> None:
    # Ctrl-C reaches both processes; this one writes what there is, as it is told by the other
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(SELDOM)


def _open(sinks: Sequence[Sink], run: RunInfo) -> None:
    for sink in sinks:
        _opened.append(sink)
        sink.open(run)


def _take_picture(picture: NDArray[np.uint8]) -> None:
    _pictures[:] = [picture]


def _write(parcel: Parcel) -> None:
    for result in _unpacked(parcel, _pictures[0]):
        for sink in _opened:
            sink.write(result)


def _close(completed: bool) -> None:
    """Close all; one that fails keeps no other open, and those after it are told."""
    first: Exception | None = None
    for sink in _opened:
        try:
            sink.close(completed and first is None)
        except Exception as exc:
            first = first or exc
    if first is not None:
        raise first


def _packed(results: Sequence[FrameResult]) -> Parcel:
    """Return results in columns of plain values: frozen dataclasses take five times as long to be sent."""
    heads = [
        (frame.index, frame.time_s, frame.gap_s, len(result.tracks), len(result.events))
        for result in results
        for frame in (result.frame,)
    ]
    rows = [track for result in results for track in cast("tuple[Row, ...]", result.tracks)]
    events = [_VALUES(event) for result in results for event in result.events]
    return heads, _columns(rows, _ROW_BOX), _columns(events, _EVENT_BOX)


def _columns(rows: Sequence[Sequence[Any]], box: int) -> Columns:
    """Return rows column by column; many small arrays take long, so that all boxes are one (N, 4)."""
    columns: Columns = list(zip(*rows, strict=True))
    if columns:
        columns[box] = np.array(columns[box], np.float32)
    return columns


def _unpacked(parcel: Parcel, picture: NDArray[np.uint8]) -> Iterator[FrameResult]:
    heads, rows, found = parcel
    tracks = iter(cast("list[Track]", list(map(Row, *rows)) if rows else []))
    events = iter(list(map(Event, *found)) if found else [])
    for index, time_s, gap_s, of_tracks, of_events in heads:
        own = tuple(itertools.islice(tracks, of_tracks)), tuple(itertools.islice(events, of_events))
        yield FrameResult(Frame(picture, index, time_s, gap_s), None, None, *own)

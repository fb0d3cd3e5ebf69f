"""Sinks in a process of their own: a day's results come faster than the core that finds them can write."""

from __future__ import annotations

import dataclasses
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame
from tracker.errors import SinkError
from tracker.protocols import Sink
from tracker.recount._row import Row
from tracker.types import Event, FrameResult, RunInfo, Track

#: Results that are sent at a time, and how many such parcels may be on their way.
_PARCEL, _AHEAD = 256, 8
_FIELDS = [field.name for field in dataclasses.fields(Event) if field.name != "box"]
Packed = tuple[tuple[int, float, float], list[Any], list[tuple[list[Any], list[float]]]]


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
        self._parcel: list[Packed] = []
        self._picture: NDArray[np.uint8] | None = None

    def open(self, run: RunInfo) -> None:
        """Start the process and open the sinks.

        Raises:
            SinkError: one cannot be opened.
        """
        # not by fork: other threads of this process may hold locks that nobody would ever let go of there
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, context, initializer=signal.signal, initargs=_NO_INTERRUPT)
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
        self._parcel.append(_packed(result))
        if len(self._parcel) >= _PARCEL:
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
        parcel, self._parcel = self._parcel, []
        if parcel:
            self._send(_write, parcel)

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


#: Ctrl-C reaches both processes; this one writes what there is, as it is told by the other.
_NO_INTERRUPT = (signal.SIGINT, signal.SIG_IGN)
_opened: list[Sink] = []
_pictures: list[NDArray[np.uint8]] = []


def _open(sinks: Sequence[Sink], run: RunInfo) -> None:
    for sink in sinks:
        _opened.append(sink)
        sink.open(run)


def _take_picture(picture: NDArray[np.uint8]) -> None:
    _pictures[:] = [picture]


def _write(parcel: Sequence[Packed]) -> None:
    for packed in parcel:
        result = _unpacked(packed, _pictures[0])
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


def _packed(result: FrameResult) -> Packed:
    """Return a result in plain values: arrays and frozen dataclasses take five times as long to be sent."""
    frame = result.frame
    tracks = [(*track[:1], track[1].tolist(), *track[2:]) for track in cast("tuple[Row, ...]", result.tracks)]
    events = [([getattr(event, name) for name in _FIELDS], event.box.tolist()) for event in result.events]
    return (frame.index, frame.time_s, frame.gap_s), tracks, events


def _unpacked(packed: Packed, picture: NDArray[np.uint8]) -> FrameResult:
    (index, time_s, gap_s), rows, found = packed
    tracks = [Row(row[0], np.array(row[1], np.float32), *row[2:]) for row in rows]
    events = [
        Event(**dict(zip(_FIELDS, values, strict=True)), box=np.array(box, np.float32))
        for values, box in found
    ]
    frame = Frame(picture, index, time_s, gap_s)
    return FrameResult(frame, None, None, cast("tuple[Track, ...]", tuple(tracks)), tuple(events))

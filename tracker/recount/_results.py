"""An earlier run's tracks past a scene, frame by frame, but only where something may happen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from detectors.frame import Frame
from tracker.analytics._lines import Ridden
from tracker.analytics._seen import Move
from tracker.analytics.scene import SceneObserver
from tracker.recount._block import Block, Carried
from tracker.recount._pieces import read_pieces
from tracker.recount._row import Row
from tracker.recount._seen_time import SeenTime
from tracker.types import Event, FrameResult, Track, TrackState

#: There is a result for so many seconds at least, so that sinks know that time passes.
_QUIET_S = 1.0
#: Index of the moment behind the last row at which the run ended.
_BEHIND = 2**31


@dataclass(frozen=True, slots=True)
class Course:
    """What is known of an earlier run beside its tracks.

    Attributes:
        size: width and height of the frames.
        names: of the classes, in the order of their labels.
        seen: the time that it saw.
        cuts_s: when new shots began.
    """

    size: tuple[int, int]
    names: tuple[str, ...]
    seen: SeenTime
    cuts_s: tuple[float, ...] = ()


def results_of(file: Path, run: Course, observer: SceneObserver) -> Iterator[FrameResult]:
    """Yield a result where something is reported, and one a second at least.

    Args:
        file: ``tracks.csv``.
        run: what else is known of it.
        observer: that reports.

    Raises:
        ResultError: the file cannot be read, or has rows that no run writes.
    """
    teller, seen = _Teller(_stand_in(run.size), observer), run.seen
    carried: Carried | None = None
    last_s = seen.begin_s
    for piece in read_pieces(file, run.names):
        cuts_s = [cut_s for cut_s in run.cuts_s if cut_s > last_s]
        block = Block(piece, len(run.names), observer, carried, cuts_s)
        gaps_s = seen.gaps_s(np.append(last_s, block.times_s)).tolist()
        for frame, gap_s in enumerate(gaps_s):
            yield from teller.take(block, frame, gap_s)
        carried, last_s = block.carried(), float(block.times_s[-1])
    left = carried.tracks if carried else []
    end: Frame | None = None
    if seen.end_s > last_s:
        gap_s = float(seen.gaps_s(np.array([last_s, seen.end_s]))[0])
        end = Frame(teller.picture, _BEHIND, seen.end_s, gap_s)
    yield from teller.finish(left, end)


class _Teller:
    """Shows the observer what it must see, and gathers what is to be told.

    Args:
        picture: of all frames.
        observer: that reports.
    """

    def __init__(self, picture: Any, observer: SceneObserver) -> None:
        self.picture, self._observer = picture, observer
        self._busy: set[int] = set()
        self._tracks: list[Row] = []
        self._told_s = float("-inf")
        self._last: tuple[int, float] | None = None
        self._held: FrameResult | None = None

    def take(self, block: Block, place: int, gap_s: float) -> Iterator[FrameResult]:
        """Take a frame; yield the result before it where another one is due."""
        rows = block.due(place, self._busy)
        frame: Frame | None = None
        events: list[Event] = []
        if rows or gap_s or self._observer.is_restless or block.ends_any(place) or place in block.cuts:
            frame = Frame(self.picture, *block.frames[place], gap_s, cut=place in block.cuts)
            events = self._look(frame, block, place, rows)
        self._last = block.frames[place]
        if events or gap_s or self._last[1] - self._told_s >= _QUIET_S:
            yield from self._tell(frame or Frame(self.picture, *self._last), events)

    def finish(self, left: Sequence[Row], end: Frame | None) -> Iterator[FrameResult]:
        """Let the run end, maybe with a frame behind the last row; yield what is still to be told."""
        if self._last is not None and self._last[1] > self._told_s:
            yield from self._tell(Frame(self.picture, *self._last), [])
        if end is not None:
            yield from self._tell(end, self._observed(end, (), [_over(row) for row in left], list))
        else:
            self._tracks += left
        if self._held is not None:
            tracks = (*self._held.tracks, *cast("list[Track]", self._tracks))
            yield replace(self._held, tracks=tracks, events=(*self._held.events, *self._observer.finish()))

    def _look(self, frame: Frame, block: Block, place: int, rows: list[int]) -> list[Event]:
        """Show a frame to the observer: the tracks that are over, and the rows that it must see."""
        moves = [block.move(row) for row in rows]
        self._tracks += (block.track(row) for row in rows if block.born(row))
        ended = block.ended(place)
        events = self._observed(frame, moves, ended, lambda: block.ridden(place))
        for move in moves:
            if self._observer.is_idle(move[0]):
                self._busy.discard(move[0])
            else:
                self._busy.add(move[0])
        return events

    def _observed(
        self, frame: Frame, moves: Sequence[Move], ended: Sequence[Row], ridden: Ridden
    ) -> list[Event]:
        self._tracks += ended
        over = [row.id for row in ended]
        self._busy.difference_update(over)
        return self._observer.advance(frame, moves, over, ridden)

    def _tell(self, frame: Frame, events: list[Event]) -> Iterator[FrameResult]:
        if self._held is not None:
            yield self._held
        tracks, self._tracks = self._tracks, []
        self._held = FrameResult(frame, None, None, cast("tuple[Track, ...]", tuple(tracks)), tuple(events))
        self._told_s = frame.time_s


def _over(row: Row) -> Row:
    return row._replace(state=TrackState.REMOVED)


def _stand_in(size: tuple[int, int]) -> Any:
    """Return a picture that is neither dark nor flat: the run has said which time it did not see."""
    column = (np.arange(size[0]) // 7 % 2 * 128 + 64).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(column[None, :, None], (size[1], size[0], 3)))

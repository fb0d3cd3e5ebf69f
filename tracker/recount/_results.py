"""An earlier run's tracks past a scene, frame by frame, but only where something may happen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np

from detectors.frame import Frame
from tracker.analytics._seen import Moment, made
from tracker.analytics.scene import SceneObserver
from tracker.recount._block import Block
from tracker.recount._row import Row
from tracker.recount._seen_time import SeenTime
from tracker.recount._sheet import Sheet
from tracker.types import Event, FrameResult, Track, TrackState

#: There is a result for so many seconds, with all that was reported in them.
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
    """

    size: tuple[int, int]
    names: tuple[str, ...]
    seen: SeenTime


def results_of(sheets: Iterable[Sheet], run: Course, observer: SceneObserver) -> Iterator[FrameResult]:
    """Yield a result a second, with what was reported since the one before, and one behind every gap.

    Args:
        sheets: of ``tracks.csv``.
        run: what else is known of it.
        observer: that reports.

    Raises:
        ResultError: the file cannot be read, or has rows that no run writes.
    """
    teller, seen = _Teller(_stand_in(run.size), observer), run.seen
    observer.begin(seen.begin_s)
    lasting: list[Row] = []
    last_s = seen.begin_s
    for sheet in sheets:
        block = Block(sheet, len(run.names), observer.ridden, lasting)
        gaps_s = seen.gaps_s(np.append(last_s, block.times_s)).tolist()
        for frame, gap_s in enumerate(gaps_s):
            result = teller.take(block, frame, gap_s)
            if result is not None:
                yield result
        lasting, last_s = block.lasting(), float(block.times_s[-1])
    end: Frame | None = None
    if seen.end_s > last_s:
        gap_s = float(seen.gaps_s(np.array([last_s, seen.end_s]))[0])
        end = Frame(teller.picture, _BEHIND, seen.end_s, gap_s)
    yield from teller.finish(lasting, end)


class _Teller:
    """Shows the observer what it must see, and gathers what is to be told.

    Args:
        picture: of all frames.
        observer: that reports.
    """

    def __init__(self, picture: Any, observer: SceneObserver) -> None:
        self.picture, self._observer = picture, observer
        self._busy: set[int] = set()
        self._asleep: dict[int, float] = {}
        self._wake_s = self._due_s = math.inf
        self._tracks: list[Row] = []
        self._events: list[Event] = []
        self._told_s = float("-inf")
        self._last: tuple[int, float] | None = None
        self._held: FrameResult | None = None

    def take(self, block: Block, place: int, gap_s: float) -> FrameResult | None:
        """Take a frame; return the result before it where another one is due."""
        last, cut = block.frames[place], place in block.cuts
        self._last, now_s = last, last[1]
        woken = self._wake(now_s) if now_s >= self._wake_s else []
        rows = block.due(place, self._busy)
        if woken:
            rows = [*block.left_behind(place, woken), *rows]
        if rows or gap_s or cut or block.ends_any(place) or now_s >= self._due_s:
            self._events += self._look(made(Moment, (now_s, gap_s, cut)), block, place, rows)
        if not gap_s and now_s - self._told_s < _QUIET_S:
            return None
        return self._tell(Frame(self.picture, *last, gap_s, cut))

    def finish(self, left: Sequence[Row], end: Frame | None) -> Iterator[FrameResult]:
        """Let the run end, maybe with a frame behind the last row; yield what is still to be told."""
        told: list[FrameResult | None] = []
        if self._last is not None and self._last[1] > self._told_s:
            told.append(self._tell(Frame(self.picture, *self._last)))
        if end is not None:
            self._tracks += map(_over, left)
            self._events = self._observer.advance(end, (), [row.id for row in left], list)
            told.append(self._tell(end))
        else:
            self._tracks += left
        yield from (result for result in told if result is not None)
        if self._held is not None:
            tracks = (*self._held.tracks, *cast("list[Track]", self._tracks))
            yield replace(self._held, tracks=tracks, events=(*self._held.events, *self._observer.finish()))

    def _look(self, moment: Moment, block: Block, place: int, rows: list[int]) -> list[Event]:
        """Show a frame to the observer: the tracks that are over, and the rows that it must see."""
        observer, busy = self._observer, self._busy
        moves = [block.move(row) for row in rows]
        self._tracks += [block.track(row) for row in rows if block.born(row)]
        over: list[int] = []
        if block.ends_any(place):
            ended = block.ended(place)
            self._tracks += ended
            over = [row.id for row in ended]
            for track_id in over:
                self._let_sleep(track_id, math.inf)
        events = observer.advance(moment, moves, over, partial(block.ridden, place))
        self._due_s = observer.due_s
        due_of, now_s, asleep = observer.due_of, moment.time_s, self._asleep
        for move in moves:
            track_id = move[0]
            due_s = due_of(track_id)
            if due_s <= now_s:
                busy.add(track_id)
            elif due_s < math.inf or track_id in busy or track_id in asleep:
                self._let_sleep(track_id, due_s)
        return events

    def _let_sleep(self, track_id: int, until_s: float) -> None:
        """Ask for no more rows of a track until something of it is due."""
        self._busy.discard(track_id)
        if until_s < math.inf:
            self._asleep[track_id] = until_s
            self._wake_s = min(self._wake_s, until_s)
        else:
            self._asleep.pop(track_id, None)

    def _wake(self, now_s: float) -> list[int]:
        """Ask for every row again of the tracks of which something is due; return who they are."""
        woken = [track_id for track_id, until_s in self._asleep.items() if until_s <= now_s]
        for track_id in woken:
            del self._asleep[track_id]
        self._busy.update(woken)
        self._wake_s = min(self._asleep.values(), default=math.inf)
        return woken

    def _tell(self, frame: Frame) -> FrameResult | None:
        """Hold a result back, as the run may end with it; return the one before it."""
        before, tracks, events = self._held, tuple(self._tracks), tuple(self._events)
        self._tracks, self._events, self._told_s = [], [], frame.time_s
        self._held = FrameResult(frame, None, None, cast("tuple[Track, ...]", tracks), events)
        return before


def _over(row: Row) -> Row:
    return row._replace(state=TrackState.REMOVED)


def _stand_in(size: tuple[int, int]) -> Any:
    """Return a picture that is neither dark nor flat: the run has said which time it did not see."""
    column = (np.arange(size[0]) // 7 % 2 * 128 + 64).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(column[None, :, None], (size[1], size[0], 3)))

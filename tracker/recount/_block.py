"""Some thousand rows of a file of tracks, and which few of them must be looked at one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tracker.analytics._seen import Move, Seen, Stretch, Trails, centre, made
from tracker.errors import ResultError
from tracker.recount._row import Columns, Life, Row
from tracker.track_rows import Piece
from tracker.types import Origin

#: A track without a row for this long (seconds) is over; frames may have been left out of a file.
ABSENT_S = 0.5
#: Times in files are rounded to a millisecond.
_ROUNDING_S = 5e-4

Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


class Scenery(Protocol):
    """What an observer says of the rows that it must see."""

    @property
    def ridden(self) -> Sequence[int]:
        """Labels of the tracks that it must see wherever it sees another one."""
        ...

    def stirred_by(self, trails: Trails) -> Flags:
        """Return bool (N,), which rows of tracks may mean something by themselves."""
        ...


class Carried:
    """The tracks that live on at the end of a block, in the order in which they were last seen.

    Args:
        rows: the last row of each, as the file has it.
        tracks: the same with what is known of the track's life.
    """

    def __init__(self, rows: Piece, tracks: list[Row]) -> None:
        """Keep both."""
        self.rows, self.tracks = rows, tracks


class Block:
    """Whole frames in order; inside, the rows of each track stand one behind the other.

    A row must be looked at where it may mean something at a line, zone or gate, and where its track begins,
    ends, is only predicted, or is found again.

    Args:
        piece: rows of the file, sorted by time, N at least 1.
        classes: number of classes.
        scenery: says what may mean something.
        before: what lived at the end of the block before; None for the first.
        cuts_s: moments behind the block before at which new shots begin: no track lives on behind one.

    Attributes:
        frames: index and time in seconds of each of the F frames.
        times_s: float64 (F,), the times alone.
        cuts: the frames with which a new shot begins, by their place.

    Raises:
        ResultError: a track has two rows on one frame.
    """

    def __init__(
        self,
        piece: Piece,
        classes: int,
        scenery: Scenery,
        before: Carried | None,
        cuts_s: Sequence[float] = (),
    ) -> None:
        """Sort the rows, and find out which matter."""
        changes = (np.diff(piece["frame"]) != 0) | (np.diff(piece["time_s"]) != 0)
        begins = np.concatenate([[0], np.flatnonzero(changes) + 1])
        self.times_s = piece["time_s"][begins]
        self.frames = list(zip(piece["frame"][begins].tolist(), self.times_s.tolist(), strict=True))
        cut_at = np.searchsorted(self.times_s, np.asarray(cuts_s, np.float64) - _ROUNDING_S)
        self.cuts = set(cut_at[cut_at < len(begins)].tolist())
        self._begins: list[int] = [*begins.tolist(), len(piece)]
        whole = piece if before is None else np.concatenate([before.rows, piece])
        self._old = len(whole) - len(piece)
        order = self._order = np.argsort(whole["track_id"], kind="stable")
        self._places = np.empty(len(whole), np.int64)
        self._places[order] = np.arange(len(whole))
        self._table = whole[order]
        self._refuse_twins()
        self._follow()
        self._columns = Columns(self._table, classes)
        self._make_lists(self._marks(scenery), begins, scenery.ridden)
        lives = zip(self._places[: self._old].tolist(), before.tracks if before else (), strict=True)
        self._earlier = dict(lives)
        self._taken = {track.id: place + 1 for place, track in self._earlier.items()}

    def due(self, frame: int, busy: Collection[int]) -> list[int]:
        """Return the places of a frame's rows that must be looked at.

        Args:
            frame: its place in the block.
            busy: the tracks of which every row must be looked at.
        """
        begin, end = self._begins[frame], self._begins[frame + 1]
        if busy:
            marked, ids = self._marked, self._ids
            return [self._at[row] for row in range(begin, end) if marked[row] or ids[row] in busy]
        if self._any_marked[frame]:
            return [self._at[row] for row in range(begin, end) if self._marked[row]]
        return []

    def move(self, place: int) -> Move:
        """Return what a row's track did since the row of it that was last asked for."""
        columns = self._columns
        track_id, label = columns.ids[place], columns.labels[place]
        begin = self._taken.get(track_id, place)
        self._taken[track_id] = place + 1
        stretch = None
        if begin < place:  # others were left out before it
            sides = self._extents[self._stretch[place]] if self._stirs[place] else self._sides(begin, place)
            stretch = made(Stretch, (columns.seen[begin:place], *sides))
        return made(Move, (track_id, label, columns.votes[label], columns.seen[place], stretch))

    def left_behind(self, frame: int, ids: Iterable[int]) -> list[int]:
        """Return the last row, if it was not asked for, of each of some tracks that have none on a frame."""
        here = set(self._ids[self._begins[frame] : self._begins[frame + 1]])
        columns, now_s, found = self._columns, self.times_s[frame], []
        for track_id in ids:
            if track_id in here:
                continue
            place = first = self._taken.get(track_id, len(columns.ids))
            while columns.ids[place : place + 1] == [track_id] and columns.times_s[place] <= now_s:
                place += 1
            if place > first:
                found.append(place - 1)
        return found

    def track(self, place: int) -> Row:
        """Return a track as it stands in the file."""
        return self._columns.row(place)

    def ridden(self, frame: int) -> list[tuple[int, Seen]]:
        """Return the tracks of a frame that somebody may ride, and where they are."""
        begin, end = self._begins[frame], self._begins[frame + 1]
        rows = (row for row in range(begin, end) if self._ridden[row])
        return [(self._ids[row], self._columns.seen[self._at[row]]) for row in rows]

    def ended(self, frame: int) -> list[Row]:
        """Return the tracks that are over with a frame, the earliest first."""
        places = self._ends.get(frame, ())
        return [self._columns.row(place, self._life(place), over=True) for place in places]

    def ends_any(self, frame: int) -> bool:
        """Return whether a track is over with a frame."""
        return frame in self._ends

    def born(self, place: int) -> bool:
        """Return whether a track begins with a row."""
        return self._births[place]

    def carried(self) -> Carried:
        """Return what lives on behind the block."""
        places = np.flatnonzero(self._last & ~self._gone)
        places = places[np.argsort(self._order[places])]
        rows = [self._columns.row(place, self._life(place)) for place in places.tolist()]
        return Carried(self._table[places], rows)

    def _refuse_twins(self) -> None:
        table = self._table
        same = [table[name][1:] == table[name][:-1] for name in ("track_id", "frame", "time_s")]
        twins = np.flatnonzero(np.logical_and.reduce(same))
        if len(twins):
            row = table[twins[0]]
            raise ResultError(f"track {row['track_id']} has two rows on frame {row['frame']}")

    def _follow(self) -> None:
        """Find where tracks begin and end, and the frame on which each is over."""
        times_s, changes = self._table["time_s"], np.diff(self._table["track_id"]) != 0
        self._last = np.append(changes, True)
        over = np.minimum(np.searchsorted(self.times_s - ABSENT_S, times_s, "left"), self._next_cut())
        next_s = np.where(self._last, np.inf, np.append(times_s[1:], np.inf))
        self._gone = np.append(self.times_s, np.inf)[over] < next_s
        starts = np.concatenate([[True], changes | self._gone[:-1]])
        # the row with which the life of each row's track began
        self._begun: list[int] = np.maximum.accumulate(np.where(starts, np.arange(len(starts)), 0)).tolist()
        self._starts = starts
        origins = self._table["origin"]
        known = origins != Origin.PREDICTED.value.encode()
        self._known: list[int] = np.maximum.accumulate(np.where(known, np.arange(len(starts)), 0)).tolist()
        self._looks: list[int] = np.cumsum(origins == Origin.DETECTED.value.encode()).tolist()
        self._ends: dict[int, list[int]] = defaultdict(list)
        gone = np.flatnonzero(self._gone)
        for place in gone[np.argsort(self._order[gone])].tolist():
            self._ends[int(over[place])].append(place)

    def _next_cut(self) -> Places:
        """Return the first frame behind each row with which a new shot begins; F where there is none."""
        number = len(self.times_s)
        frames = np.searchsorted(self.times_s, self._table["time_s"], "right") - 1
        cuts = np.array(sorted(self.cuts), np.int64)
        following: Places = np.append(cuts, number)[np.searchsorted(cuts, frames, "right")]
        return following

    def _marks(self, scenery: Scenery) -> Flags:
        predicted = self._table["origin"] == Origin.PREDICTED.value.encode()
        breaks = np.maximum.accumulate(np.where(predicted | self._starts, np.arange(len(predicted)), 0))
        trails = Trails(self._columns.boxes.astype(np.float64), self._table["time_s"], breaks)
        marks: Flags = self._starts | self._gone | self._last | predicted | scenery.stirred_by(trails)
        # of a row from the block before nobody knows here whether it was at the time of one before it
        marks[1:] |= (predicted | (self._order < self._old))[:-1]
        return marks

    def _make_lists(self, marks: Flags, begins: Places, ridden: Sequence[int]) -> None:
        """Turn columns into lists: millions of single values come out of them several times as fast."""
        at = self._places[self._old :]
        marked = marks[at]
        self._at: list[int] = at.tolist()
        self._marked: list[bool] = marked.tolist()
        self._any_marked: list[bool] = np.logical_or.reduceat(marked, begins).tolist()
        self._ridden: list[bool] = np.isin(self._table["class"][at], ridden).tolist()
        self._ids: list[int] = self._table["track_id"][at].tolist()
        self._births: list[bool] = (self._starts & (self._order >= self._old)).tolist()
        # from each marked row up to the next one
        firsts = np.flatnonzero(marks)
        self._stirs: list[bool] = marks.tolist()
        self._stretch: list[int] = (np.cumsum(marks) - 2).tolist()
        x, y = self._columns.centres().T
        least, most = np.minimum.reduceat, np.maximum.reduceat
        sides = (least(x, firsts), least(y, firsts), most(x, firsts), most(y, firsts))
        self._extents = list(zip(*(side.tolist() for side in sides), strict=True))

    def _sides(self, begin: int, end: int) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom of the middles of some rows of a track."""
        xs, ys = zip(*map(centre, self._columns.seen[begin:end]), strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    def _life(self, place: int) -> Life:
        """Return what a row's track was up to that row."""
        begun, columns = self._begun[place], self._columns
        earlier = self._earlier.get(begun)
        looks = self._looks[place] - self._looks[begun]
        if earlier is None:
            box, since_s, last_s = columns.boxes[begun], columns.times_s[begun], columns.times_s[begun]
            looks += columns.seen[begun].origin is Origin.DETECTED
        else:
            box, since_s, last_s = earlier.box, earlier.first_seen_s, earlier.last_seen_s
            looks += earlier.detections
        known = self._known[place]
        if known > begun:  # what was only predicted after that may be anywhere
            box, last_s = columns.boxes[known], columns.times_s[known]
        return made(Life, (box, since_s, last_s, looks))

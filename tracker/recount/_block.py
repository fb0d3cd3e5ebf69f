"""A sheet of a file's rows, taken apart into single values: what is looked at row by row."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from tracker.analytics._seen import Move, Seen, Stretch, centre, made
from tracker.recount._row import Columns, Life, Row
from tracker.recount._sheet import Sheet
from tracker.types import Origin


class Block:
    """Whole frames in order, the rows of which are asked for one by one.

    Args:
        sheet: the rows, and which of them must be looked at.
        classes: number of classes.
        ridden: labels of the tracks that somebody may ride.
        before: the tracks with which the block before ended.

    Attributes:
        frames: index and time in seconds of each of the F frames.
        times_s: float64 (F,), the times alone.
        cuts: the frames with which a new shot begins, by their place.
    """

    def __init__(self, sheet: Sheet, classes: int, ridden: Sequence[int], before: Sequence[Row]) -> None:
        """Turn arrays into lists: millions of single values come out of them several times as fast."""
        self._sheet, self._columns = sheet, Columns(sheet, classes)
        self.times_s = sheet.times_s
        self.frames = list(zip(sheet.frames.tolist(), sheet.times_s.tolist(), strict=True))
        self.cuts = set(sheet.cuts.tolist())
        self._begins: list[int] = sheet.begins.tolist()
        at, marked = sheet.at, sheet.marks[sheet.at]
        self._at: list[int] = at.tolist()
        self._marked: list[bool] = marked.tolist()
        self._any_marked: list[bool] = np.logical_or.reduceat(marked, sheet.begins[:-1]).tolist()
        self._ridden: list[int] = np.flatnonzero(np.isin(sheet.table["class"][at], ridden)).tolist()
        self._ids: list[int] = sheet.table["track_id"][at].tolist()
        self._births: list[bool] = sheet.births.tolist()
        self._stirs: list[bool] = sheet.marks.tolist()
        self._stretch: list[int] = (np.cumsum(sheet.marks) - 2).tolist()
        self._sides: list[list[float]] = sheet.sides.tolist()
        self._ends: dict[int, list[int]] = defaultdict(list)
        for place, over in sheet.ends.tolist():
            self._ends[over].append(place)
        self._earlier = dict(zip(sheet.old.tolist(), before, strict=True))
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
            sides = self._sides[self._stretch[place]] if self._stirs[place] else self._around(begin, place)
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
        ridden, ids, seen, at = self._ridden, self._ids, self._columns.seen, self._at
        first = bisect_left(ridden, self._begins[frame])
        rows = ridden[first : bisect_left(ridden, self._begins[frame + 1], first)]
        return [(ids[row], seen[at[row]]) for row in rows]

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

    def lasting(self) -> list[Row]:
        """Return the tracks that live on behind the block, in the order of being seen."""
        return [self._columns.row(place, self._life(place)) for place in self._sheet.lasting.tolist()]

    def _around(self, begin: int, end: int) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom of the middles of some rows of a track."""
        xs, ys = zip(*map(centre, self._columns.seen[begin:end]), strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    def _life(self, place: int) -> Life:
        """Return what a row's track was up to that row."""
        columns, looked = self._columns, self._sheet.looks
        begun, known = int(self._sheet.begun[place]), int(self._sheet.known[place])
        earlier = self._earlier.get(begun)
        looks = int(looked[place] - looked[begun])
        if earlier is None:
            box, since_s, last_s = columns.boxes[begun], columns.times_s[begun], columns.times_s[begun]
            looks += columns.seen[begun].origin is Origin.DETECTED
        else:
            box, since_s, last_s = earlier.box, earlier.first_seen_s, earlier.last_seen_s
            looks += earlier.detections
        if known > begun:  # what was only predicted after that may be anywhere
            box, last_s = columns.boxes[known], columns.times_s[known]
        return made(Life, (box, since_s, last_s, looks))

"""Some thousand rows of a file of tracks, sorted, with all that arrays alone can say of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tracker.analytics._seen import Trails
from tracker.errors import ResultError
from tracker.recount._pieces import read_pieces
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


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of F whole frames, N with the last ones of the tracks that live on from the sheet before.

    The rows of each track stand one behind the other, in the order of time.

    Attributes:
        table: the rows, sorted by track.
        boxes: float32 (N, 4) xyxy in pixels.
        origins: uint8 (N,), places in ``tuple(Origin)``.
        frames: int64 (F,), their numbers in the video.
        times_s: float64 (F,).
        cuts: places of the frames with which a new shot begins.
        begins: int64 (F + 1,), the first of each frame's rows in ``at``, and the end of the last one's.
        at: int64 (N - B,), where the rows of the frames are, in the order of the file.
        old: int64 (B,), where the rows are that the sheet before ended with, in the order of being seen.
        lasting: int64, where the rows are that this one ends with.
        marks: bool (N,), which rows must be looked at. That is where they may mean something at a line, zone
            or gate, and where their track begins, ends, is only predicted, or is found again.
        births: bool (N,), which rows begin a track.
        begun: int64 (N,), the row with which the life of each row's track began.
        known: int64 (N,), the last row up to each, of any track, that was not only predicted.
        looks: int64 (N,), detections up to each row, of all tracks.
        ends: int64 (E, 2), rows behind which their tracks are over, and the frame on which; in that order.
        sides: float64 (M, 4), left, top, right and bottom of the boxes' middles from each marked row up to
            the next one.
    """

    table: Piece
    boxes: NDArray[np.float32]
    origins: NDArray[np.uint8]
    frames: Places
    times_s: NDArray[np.float64]
    cuts: Places
    begins: Places
    at: Places
    old: Places
    lasting: Places
    marks: Flags
    births: Flags
    begun: Places
    known: Places
    looks: Places
    ends: Places
    sides: NDArray[np.float64]


def read_sheets(
    file: Path, names: tuple[str, ...], scenery: Scenery, cuts_s: Sequence[float], begin_s: float
) -> Iterator[Sheet]:
    """Yield the rows of a file of tracks, some thousands at a time.

    Args:
        file: as a run writes it.
        names: of the classes, in the order of their labels.
        scenery: says which rows may mean something.
        cuts_s: moments at which new shots begin: no track lives on behind one.
        begin_s: a cut before this moment is none.

    Raises:
        ResultError: the file cannot be read, or has rows that no run writes.
    """
    before: Piece | None = None
    for piece in read_pieces(file, names):
        sheet = _sheet_of(piece, before, scenery, [cut_s for cut_s in cuts_s if cut_s > begin_s])
        yield sheet
        before, begin_s = sheet.table[sheet.lasting], float(sheet.times_s[-1])


def _sheet_of(piece: Piece, before: Piece | None, scenery: Scenery, cuts_s: Sequence[float]) -> Sheet:
    changes = (np.diff(piece["frame"]) != 0) | (np.diff(piece["time_s"]) != 0)
    begins = np.concatenate([[0], np.flatnonzero(changes) + 1])
    times_s = piece["time_s"][begins]
    cuts = np.unique(np.searchsorted(times_s, np.asarray(cuts_s, np.float64) - _ROUNDING_S))
    cuts = cuts[cuts < len(begins)]
    whole = piece if before is None else np.concatenate([before, piece])
    number = len(whole) - len(piece)
    order = np.argsort(whole["track_id"], kind="stable")
    places = np.empty(len(whole), np.int64)
    places[order] = np.arange(len(whole))
    table = whole[order]
    _refuse_twins(table)
    starts, gone, last, over = _lives(table, times_s, cuts)
    boxes = np.stack([table[side] for side in ("x1", "y1", "x2", "y2")], axis=1).astype(np.float32)
    predicted, detected = (table["origin"] == o.value.encode() for o in (Origin.PREDICTED, Origin.DETECTED))
    exact = boxes.astype(np.float64)
    trails = Trails(exact, table["time_s"], _latest(predicted | starts))
    marks: Flags = starts | gone | last | predicted | scenery.stirred_by(trails)
    # of a row from the sheet before nobody knows here whether it was at the time of one before it
    marks[1:] |= (predicted | (order < number))[:-1]
    ends, lasting = (some[np.argsort(order[some])] for some in map(np.flatnonzero, (gone, last & ~gone)))
    return Sheet(
        table=table,
        boxes=boxes,
        origins=_numbers(table["origin"]),
        frames=piece["frame"][begins],
        times_s=times_s,
        cuts=cuts,
        begins=np.append(begins, len(piece)),
        at=places[number:],
        old=places[:number],
        lasting=lasting,
        marks=marks,
        births=starts & (order >= number),
        begun=_latest(starts),
        known=_latest(~predicted),
        looks=np.cumsum(detected),
        ends=np.stack([ends, over[ends]], axis=1),
        sides=_sides((exact[:, :2] + exact[:, 2:]) / 2, np.flatnonzero(marks)),
    )


def _refuse_twins(table: Piece) -> None:
    same = [table[name][1:] == table[name][:-1] for name in ("track_id", "frame", "time_s")]
    twins = np.flatnonzero(np.logical_and.reduce(same))
    if len(twins):
        row = table[twins[0]]
        raise ResultError(f"track {row['track_id']} has two rows on frame {row['frame']}")


def _lives(table: Piece, frames_s: NDArray[np.float64], cuts: Places) -> tuple[Flags, Flags, Flags, Places]:
    """Return bool (N,), where tracks begin, where they end, and where their rows do; and when they are over.

    That is the frame (N,) on which a track would be over if it had no more rows: F for none of these.
    """
    times_s, changes = table["time_s"], np.diff(table["track_id"]) != 0
    last = np.append(changes, True)
    at = np.searchsorted(frames_s, times_s, "right") - 1
    next_cut = np.append(cuts, len(frames_s))[np.searchsorted(cuts, at, "right")]
    over = np.minimum(np.searchsorted(frames_s - ABSENT_S, times_s, "left"), next_cut)
    next_s = np.where(last, np.inf, np.append(times_s[1:], np.inf))
    gone = np.append(frames_s, np.inf)[over] < next_s
    starts = np.concatenate([[True], changes | gone[:-1]])
    return starts, gone, last, over


def _latest(flags: Flags) -> Places:
    """Return the last place up to each (N,) at which a flag is set; 0 before the first."""
    latest: Places = np.maximum.accumulate(np.where(flags, np.arange(len(flags)), 0))
    return latest


def _numbers(origins: NDArray[np.bytes_]) -> NDArray[np.uint8]:
    numbers = np.zeros(len(origins), np.uint8)
    for number, origin in enumerate(Origin):
        numbers[origins == origin.value.encode()] = number
    return numbers


def _sides(middles: NDArray[np.float64], firsts: Places) -> NDArray[np.float64]:
    """Return the rectangles (M, 4) around the points (N, 2) from each of the rows (M,) to the next."""
    least, most = (sided.reduceat(middles, firsts, axis=0) for sided in (np.minimum, np.maximum))
    return np.concatenate([least, most], axis=1)

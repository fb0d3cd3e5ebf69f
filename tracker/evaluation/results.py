"""Read back what a run wrote, and the truth that it is compared with."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors import boxes as boxlib
from tracker.errors import ResultError

_NUMBERS = ("frame", "time_s", "track_id", "x1", "y1", "x2", "y2")


@dataclass(frozen=True, slots=True, eq=False)
class TrackTable:
    """The N rows of a file of tracks, sorted by track and then by frame.

    Attributes:
        frames: int64 (N,), from 0.
        times_s: float64 (N,).
        ids: int64 (N,).
        boxes: float32 (N, 4), xyxy in pixels.
        classes: the rows' class names; empty strings where the format has none.
    """

    frames: NDArray[np.int64]
    times_s: NDArray[np.float64]
    ids: NDArray[np.int64]
    boxes: NDArray[np.float32]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.frames)

    @classmethod
    def sort(
        cls,
        frames: NDArray[np.int64],
        times_s: NDArray[np.float64],
        ids: NDArray[np.int64],
        boxes: NDArray[np.float32],
        classes: tuple[str, ...],
    ) -> TrackTable:
        """Make a table of rows in any order."""
        order = np.lexsort((frames, ids))
        names = tuple(classes[i] for i in order)
        return cls(frames[order], times_s[order], ids[order], boxes[order], names)


def read_text(path: Path, what: str) -> str:
    """Return the text of a file.

    Args:
        path: the file.
        what: what it should be, for the message.

    Raises:
        ResultError: it cannot be opened or is no text.
    """
    try:
        return path.read_text("utf-8-sig")
    except OSError as exc:
        raise ResultError(f"cannot read the {what} {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ResultError(f"cannot read the {what} {path}: it is no text") from exc


def read_tracks(path: Path) -> TrackTable:
    """Read a ``tracks.csv``; one with a header and no rows is a run that saw nothing.

    Raises:
        ResultError: the file cannot be opened, has not all columns, or a line is not as it should be.
    """
    lines = read_text(path, "tracks").splitlines()
    rows = csv.reader(lines)
    header = next(rows, [])
    missing = [name for name in (*_NUMBERS, "class") if name not in header]
    if missing:
        raise ResultError(f"{path} line 1: the header has no column {', '.join(missing)}")
    places = [header.index(name) for name in _NUMBERS]
    name_at = header.index("class")
    numbers: list[list[float]] = []
    names: list[str] = []
    for row in rows:
        if not row:
            continue
        try:
            numbers.append([float(row[place]) for place in places])
            names.append(row[name_at])
        except (IndexError, ValueError) as exc:
            raise ResultError(f"{path} line {rows.line_num}: not a row of tracks: {','.join(row)}") from exc
    table = np.array(numbers, np.float64).reshape(-1, len(places))
    _refuse_unbounded(path, table)
    frames, ids = table[:, 0].astype(np.int64), table[:, 2].astype(np.int64)
    return TrackTable.sort(frames, table[:, 1], ids, table[:, 3:].astype(np.float32), tuple(names))


def read_mot(path: Path, rate_fps: float, truth: bool = False, ignored: bool = False) -> TrackTable:
    """Read a file in MOTChallenge's format: ``frame,id,x,y,width,height,conf[,class...]`` from frame 1.

    Args:
        path: the file.
        rate_fps: frames a second, for the times.
        truth: leave out rows with conf 0, which ground truth marks so as not to be scored.
        ignored: return those rows alone.

    Raises:
        ResultError: the file cannot be opened, or a line is not as it should be.
    """
    numbers: list[list[float]] = []
    for number, line in enumerate(read_text(path, "tracks").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = [float(cell) for cell in line.split(",")[:7]]
        except ValueError as exc:
            raise ResultError(f"{path} line {number}: not numbers: {line}") from exc
        if len(row) < 6:
            raise ResultError(f"{path} line {number}: {len(row)} columns where at least 6 are needed")
        numbers.append([*row, 1.0][:7])
    table = np.array(numbers, np.float64).reshape(-1, 7)
    _refuse_unbounded(path, table)
    if truth or ignored:
        table = table[(table[:, 6] == 0) == ignored]
    frames = table[:, 0].astype(np.int64) - 1
    boxes = boxlib.xywh_to_xyxy(table[:, 2:6])
    return TrackTable.sort(frames, frames / rate_fps, table[:, 1].astype(np.int64), boxes, ("",) * len(table))


def _refuse_unbounded(path: Path, table: NDArray[np.float64]) -> None:
    if not np.isfinite(table).all():
        raise ResultError(f"{path}: a number is not finite")

"""``tracks.csv`` read as arrays, a piece at a time: a day has millions of rows."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from tracker.errors import ResultError

#: Rows that are read at a time.
_PIECE = 50_000
#: Types of the columns; the class is a number that ``Codes`` gives, and what is not asked for is not read.
_TYPES = {
    **dict.fromkeys(("frame", "track_id"), "i8"),
    **dict.fromkeys(("time_s", "score", "x1", "y1", "x2", "y2", "confidence"), "f8"),
    "class": "i4",
    "origin": "S10",
}
Piece = NDArray[Any]


class Codes(dict[str, int]):
    """Numbers names in the order in which they come."""

    def __missing__(self, name: str) -> int:
        """Give a new name the next number."""
        self[name] = len(self)
        return self[name]


def read_track_rows(path: Path, columns: Sequence[str], codes: Codes) -> Iterator[Piece]:
    """Yield the rows of a file of tracks in little memory.

    Args:
        path: the file.
        columns: that are wanted, of ``tracker.sinks.csv.COLUMNS``; others of the file are left unread.
        codes: numbers of the classes; those that it does not know are added.

    Yields:
        Structured arrays (N,) with the wanted columns, N at least 1.

    Raises:
        ResultError: the file cannot be read, a column is missing, or a row is not as it should be.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header = next(csv.reader([stream.readline()]), [])
            place_columns(path, header, columns)
            dtype = np.dtype([(name, _TYPES[name] if name in columns else "S1") for name in header])
            yield from _pieces(path, stream, dtype, codes)
    except OSError as exc:
        raise ResultError(f"cannot read the tracks {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ResultError(f"cannot read the tracks {path}: it is no text") from exc


def place_columns(path: Path, header: Sequence[str], columns: Sequence[str]) -> dict[str, int]:
    """Return where each of the columns stands.

    Raises:
        ResultError: one is missing.
    """
    missing = [name for name in columns if name not in header]
    if missing:
        raise ResultError(f"{path} line 1: the header has no column {', '.join(missing)}")
    return {name: header.index(name) for name in columns}


def _pieces(path: Path, stream: TextIO, dtype: np.dtype[Any], codes: Codes) -> Iterator[Piece]:
    names = dtype.names or ()
    # the names become numbers at once: a column of texts would take most of the memory
    wanted = "class" in names and dtype["class"] == _TYPES["class"]
    converters: Any = {names.index("class"): codes.__getitem__} if wanted else None
    done = 1
    while line := stream.readline():
        lines = itertools.chain([line], stream)
        try:
            piece = np.loadtxt(
                lines,
                dtype=dtype,
                delimiter=",",
                comments=None,
                quotechar='"',
                converters=converters,
                max_rows=_PIECE,
                ndmin=1,
                encoding=None,
            )
        except ValueError as exc:
            raise _damage(path, done, exc) from exc
        _refuse_unbounded(path, done, piece)
        done += len(piece)
        if len(piece):
            yield piece


def _damage(path: Path, done: int, exc: Exception) -> ResultError:
    """Name the line of the file: NumPy counts rows of the piece, from 0 or from 1."""
    text = str(exc)
    found = re.search(r"at row (\d+)", text)
    if not found:
        return ResultError(f"{path} behind line {done}: not rows of tracks: {text}")
    first = 0 if "number of columns" in text or "usecols" in text else 1
    what = text[: found.start()].strip()
    if cells := re.search(r"requires (\d+) columns but (\d+) were found", what):
        what = f"{cells.group(2)} cells, {cells.group(1)} expected"
    return ResultError(f"{path} line {done + int(found.group(1)) + first}: not a row of tracks: {what}")


def _refuse_unbounded(path: Path, done: int, piece: Piece) -> None:
    names = [name for name in piece.dtype.names or () if piece.dtype[name].kind == "f"]
    finite = np.logical_and.reduce([np.isfinite(piece[name]) for name in names])
    if not finite.all():
        raise ResultError(f"{path} line {done + int(np.argmin(finite)) + 1}: a number is not finite")

"""``tracks.csv`` in pieces of whole frames, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tracker.errors import ResultError
from tracker.sinks.csv import COLUMNS
from tracker.track_rows import Codes, Piece, read_track_rows
from tracker.types import Origin


def read_pieces(file: Path, names: tuple[str, ...]) -> Iterator[Piece]:
    """Yield the rows of whole frames, some thousands at a time.

    Args:
        file: as a run writes it.
        names: of the classes, in the order of their labels.

    Yields:
        Structured arrays (N,) with the columns of the file; classes are labels.

    Raises:
        ResultError: the file cannot be read, or has rows that no run writes.
    """
    codes = Codes({name: label for label, name in enumerate(names)})
    rest: Piece | None = None
    for rows in read_track_rows(file, COLUMNS, codes):
        _refuse_unknown(file, rows, codes, names)
        piece = rows if rest is None else np.concatenate([rest, rows])
        _refuse_disorder(file, piece)
        # the last frame may go on in what is read next
        whole = len(piece) - _last_frame(piece)
        if whole:
            yield piece[:whole]
        rest = piece[whole:]
    if rest is not None:
        yield rest


def _last_frame(piece: Piece) -> int:
    """Return how many rows the last frame has."""
    other = (piece["frame"] != piece["frame"][-1]) | (piece["time_s"] != piece["time_s"][-1])
    return int(np.argmax(other[::-1])) if other.any() else len(piece)


def _refuse_unknown(file: Path, piece: Piece, codes: Codes, names: tuple[str, ...]) -> None:
    """Raise ResultError for a class or an origin that no run writes."""
    if len(codes) > len(names):
        raise ResultError(f"{file}: class {list(codes)[len(names)]!r} is none of {', '.join(names)}")
    strange = ~np.isin(piece["origin"], [origin.value.encode() for origin in Origin])
    if strange.any():
        origin = bytes(piece["origin"][strange][0]).decode("latin-1")
        raise ResultError(f"{file}: origin {origin!r} is none of {', '.join(o.value for o in Origin)}")


def _refuse_disorder(file: Path, piece: Piece) -> None:
    """Raise ResultError where time goes back."""
    back = np.flatnonzero(np.diff(piece["time_s"]) < 0)
    if len(back):
        frame, time_s = piece["frame"][back[0] + 1], piece["time_s"][back[0] + 1]
        raise ResultError(
            f"{file}: frame {frame} at {time_s:.3f} s stands behind a later one: rows must be in order"
        )

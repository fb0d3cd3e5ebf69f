"""Pieces of a large file, read in a process of their own while those before are counted."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from tracker.errors import ResultError
from tracker.recount._pieces import read_pieces
from tracker.track_rows import Piece

#: Pieces that are read before they are asked for.
_AHEAD = 2


def read_ahead(file: Path, names: tuple[str, ...]) -> Iterator[Piece]:
    """Yield what ``read_pieces`` does, out of another process.

    Raises:
        ResultError: the file cannot be read, or has rows that no run writes.
    """
    # by spawn for the same reason as in _apart
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, context, initializer=_begin, initargs=(file, names)) as pool:
            coming = deque(pool.submit(_next) for _ in range(_AHEAD))
            while (piece := coming.popleft().result()) is not None:
                coming.append(pool.submit(_next))
                yield piece
    except BrokenProcessPool as exc:
        raise ResultError(f"the process that reads {file} has died: is there memory enough?") from exc


_reading: list[Iterator[Piece]] = []


def _begin(file: Path, names: tuple[str, ...]) -> None:
    # Ctrl-C reaches both processes; this one ends when the other has no use for it any more
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _reading[:] = [read_pieces(file, names)]


def _next() -> Piece | None:
    return next(_reading[0], None)

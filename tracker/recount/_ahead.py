"""A large file, read and sorted in a process of its own while what was read before is counted."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from tracker.errors import ResultError
from tracker.recount._sheet import Scenery, Sheet, read_sheets

#: Sheets that are read before they are asked for.
_AHEAD = 2


def read_ahead(
    file: Path, names: tuple[str, ...], scenery: Scenery, cuts_s: Sequence[float], begin_s: float
) -> Iterator[Sheet]:
    """Yield what ``read_sheets`` does, out of another process.

    Raises:
        ResultError: the file cannot be read, or has rows that no run writes.
    """
    # by spawn for the same reason as in _apart
    context, given = multiprocessing.get_context("spawn"), (file, names, scenery, cuts_s, begin_s)
    try:
        with ProcessPoolExecutor(1, context, initializer=_begin, initargs=given) as pool:
            coming = deque(pool.submit(_next) for _ in range(_AHEAD))
            while (sheet := coming.popleft().result()) is not None:
                coming.append(pool.submit(_next))
                yield sheet
    except BrokenProcessPool as exc:
        raise ResultError(f"the process that reads {file} has died: is there memory enough?") from exc


_reading: list[Iterator[Sheet]] = []


def _begin(*given: Any) -> None:
    # Ctrl-C reaches both processes; this one ends when the other has no use for it any more
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _reading[:] = [read_sheets(*given)]


def _next() -> Sheet | None:
    return next(_reading[0], None)

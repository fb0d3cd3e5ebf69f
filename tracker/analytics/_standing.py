"""Who stands: a box that came next to nowhere within the last second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.analytics._journey import Journey
from tracker.analytics._seen import Trails, centre, size_px

#: Who moved less than this share of its size in a second stands; who stands goes on with more than that.
_STANDS, _GOES, _STOP_S = 0.12, 0.3, 1.0
#: So much of a second must be known.
_LEAST_S = 0.8 * _STOP_S
#: Times in files are rounded.
_ROUNDING_S = 1e-6
#: Where the pace changes; of many rows at once the last digits may be others than of one.
_PACES = [share * (1 + slack) for share in (_STANDS, _GOES) for slack in (-1e-9, 1e-9)]

Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]


def has_stopped(journey: Journey, already: bool) -> bool:
    """Return whether a road user stands: its box came next to nowhere within the last second.

    Args:
        journey: up to now.
        already: it stood before; to go on takes more than a tremble.
    """
    now = journey.path[-1]
    early = next(s for s in journey.path if s.time_s >= now.time_s - _STOP_S - _ROUNDING_S)
    if now.time_s - early.time_s < _LEAST_S:
        return already
    (x0, y0), (x1, y1) = centre(early), centre(now)
    moved = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    return bool(moved < (_GOES if already else _STANDS) * size_px(now))


def pace_changes(trails: Trails, rows: Rows) -> Flags:
    """Tell on which rows a track may stop or go on: what ``has_stopped`` comes to, for many rows at once.

    Args:
        trails: of N rows.
        rows: int64 (M,), which of them are asked for.

    Returns:
        bool (M,). On the others nothing changes for who was looked at on the row before.
    """
    early = _second_before(trails, rows)
    x0, y0, _ = _middles(trails.boxes[early])
    x1, y1, size = _middles(trails.boxes[rows])
    times_s, known_from = trails.times_s, trails.known_from[rows]
    # stands, is not clear, neither stands nor goes, is not clear, goes
    pace = np.searchsorted(_PACES, np.hypot(x1 - x0, y1 - y0) / size)
    unclear = (pace % 2 == 1) | (early <= known_from)
    # on its first row, and on one at the time of the row before, nobody makes a step
    unclear |= (rows <= known_from + 2) | (times_s[rows] == times_s[rows - 1])
    pace[times_s[rows] - times_s[early] < _LEAST_S] = len(_PACES) + 2  # too little to tell
    paces = np.full(len(times_s), -1)
    paces[rows] = np.where(unclear, -1, pace)
    changes: Flags = (paces[rows] < 0) | (paces[rows] != paces[rows - 1])
    return changes


def _second_before(trails: Trails, rows: Rows) -> Rows:
    """Return the first row of each row's track within the second before it (M,)."""
    least_s, firsts = trails.times_s[rows] - _STOP_S - _ROUNDING_S, trails.known_from[rows]
    early = rows
    while True:
        within = (early > firsts) & (trails.times_s[early - 1] >= least_s)
        if not within.any():
            return early
        early = early - within


def _middles(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the centres of boxes (M, 4), and the geometric means of their sides: x, y and size (3, M)."""
    x1, y1, x2, y2 = boxes.T
    return np.stack([(x1 + x2) / 2, (y1 + y2) / 2, np.maximum((x2 - x1) * (y2 - y1), 1.0) ** 0.5])

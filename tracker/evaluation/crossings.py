"""When, where and which way tracks cross lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors import boxes as boxlib
from tracker.evaluation.results import TrackTable

_TOLERANCE = 0.05
NOT_COUNTED = "person"

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CountLine:
    """A segment from ``p1`` to ``p2``, (x, y) in pixels of the source frame, y down."""

    name: str
    p1: tuple[float, float]
    p2: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Crossing:
    """A track's centre passed a line.

    Attributes:
        line: name of the line.
        direction: "A" or "B", see ``crossings_of``.
        time_s: moment of the crossing, between the two rows.
        frame: of the row behind the line.
        track_id: who.
        label: class name in the row behind the line.
    """

    line: str
    direction: str
    time_s: float
    frame: int
    track_id: int
    label: str


def find_crossings(lines: Sequence[CountLine], tracks: TrackTable) -> list[Crossing]:
    """Return the first crossing of every track, line and direction; rows of persons are left out.

    A track of a cycle or motorbike counts by itself: its rider, if seen at all, is a person.
    """
    counted = np.array([name != NOT_COUNTED for name in tracks.classes], bool)
    rows = np.flatnonzero(counted)
    next_track = np.flatnonzero(np.diff(tracks.ids[rows])) + 1
    found: list[Crossing] = []
    for own in np.split(rows, next_track):
        for line in lines:
            found.extend(_first_by_direction(line, tracks, own))
    return sorted(found, key=lambda crossing: (crossing.time_s, crossing.track_id))


def _first_by_direction(line: CountLine, tracks: TrackTable, rows: NDArray[np.intp]) -> Iterator[Crossing]:
    path = boxlib.centres(tracks.boxes[rows]).astype(np.float64)
    seen: set[str] = set()
    for step, part, direction in crossings_of(line, path):
        if direction in seen:
            continue
        seen.add(direction)
        before, after = rows[step], rows[step + 1]
        time_s = tracks.times_s[before] + part * (tracks.times_s[after] - tracks.times_s[before])
        yield Crossing(
            line.name,
            direction,
            float(time_s),
            int(tracks.frames[after]),
            int(tracks.ids[after]),
            tracks.classes[after],
        )


def crossings_of(line: CountLine, path: Array) -> list[tuple[int, float, str]]:
    """Return where a path of points crosses a line, lengthened by 5 % at each end.

    With c = dx (Qy - P1y) - dy (Qx - P1x), a step from c < 0 to c >= 0 is direction A, the other way B.

    Args:
        line: the segment.
        path: (N, 2) points in their order.

    Returns:
        For every crossing, the index of the step, the part of the step at which it happens in [0, 1],
        and the direction.
    """
    start, along = np.array(line.p1, np.float64), np.subtract(line.p2, line.p1).astype(np.float64)
    offset = path - start
    side = along[0] * offset[:, 1] - along[1] * offset[:, 0]
    steps = np.flatnonzero((side[:-1] < 0) != (side[1:] < 0))
    part = side[steps] / (side[steps] - side[steps + 1])
    point = offset[steps] + part[:, None] * (offset[steps + 1] - offset[steps])
    where = point @ along / (along @ along)
    on_line = (where >= -_TOLERANCE) & (where <= 1 + _TOLERANCE)
    return [
        (int(step), float(share), "A" if side[step] < 0 else "B")
        for step, share in zip(steps[on_line], part[on_line], strict=True)
    ]

"""Where a lost road user should be, and how far from there a new track begins."""

from __future__ import annotations

from typing import NamedTuple

from tracker.analytics._seen import Seen, centre, size_px

#: How far from its expected place, in sizes of its box, and how much larger or smaller the new one may be.
NEAR, ALIKE = 0.6, 2.0
#: Within so many times that distance it is not certain that they are two.
DOUBTFUL = 2.0


class Tail(NamedTuple):
    """Where a journey was when it was seen last, and how it moved until then.

    Attributes:
        seen_s: that moment.
        size: geometric mean of its box's sides, in pixels.
        x: of its centre.
        y: of its centre.
        dx: way of its centre in the seconds before.
        dy: the same.
        took_s: how long that way took; 0 where there is none.
    """

    seen_s: float
    size: float
    x: float
    y: float
    dx: float
    dy: float
    took_s: float


def distance_px(tail: Tail, first: Seen, times: float = 1.0) -> float | None:
    """Return how far a new track begins from where a lost one should be; None if it is another's.

    Args:
        tail: of the lost one.
        first: of the new one.
        times: how many times as far as usual it may be.
    """
    seen_s, size, x0, y0, dx, dy, took_s = tail
    own = size_px(first)
    if not own / ALIKE <= size <= own * ALIKE:
        return None
    x, y = centre(first)
    ahead = (first.time_s - seen_s) / took_s if took_s > 0 else 0.0
    there = x0 + dx * ahead, y0 + dy * ahead
    way = ((there[0] - x0) ** 2 + (there[1] - y0) ** 2) ** 0.5
    distance = ((x - there[0]) ** 2 + (y - there[1]) ** 2) ** 0.5
    # whoever was lost may have braked: a part of the way that was expected
    return float(distance) if distance <= times * (NEAR * max(size, own) + 0.25 * way) else None

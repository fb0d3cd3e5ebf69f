"""Headways: how many seconds after the vehicle before it a vehicle passes a line."""

from __future__ import annotations

import bisect
from collections import defaultdict
from typing import NamedTuple

#: Within a gap of this length a vehicle may have passed that nobody saw; what drove before it is forgotten.
UNSEEN_S = 1.0
#: Crossings are told nearly in order: so many are remembered for one that comes late.
_REMEMBERED = 16


class Passing(NamedTuple):
    """Where and which way.

    Attributes:
        line: its number.
        forward: the first of its two directions.
    """

    line: int
    forward: bool


class Headways:
    """The times between vehicles at every line, by direction; a line over two lanes has those of both."""

    def __init__(self) -> None:
        """Begin with nobody passed."""
        self._passed_s: dict[Passing, list[float]] = defaultdict(list)
        self._blind_until_s = float("-inf")

    def look(self, time_s: float, gap_s: float, cut: bool) -> None:
        """Take the time of a frame, and how much before it was not seen."""
        if cut or gap_s > UNSEEN_S:
            self._blind_until_s = time_s

    def of(self, passing: Passing, time_s: float) -> float | None:
        """Take a vehicle's crossing; return its headway, or None where nobody knows who was before it."""
        earlier = self._passed_s[passing]
        place = bisect.bisect_right(earlier, time_s)
        before_s = earlier[place - 1] if place else None
        earlier.insert(place, time_s)
        del earlier[:-_REMEMBERED]
        if before_s is None or before_s < self._blind_until_s <= time_s:
            return None
        return time_s - before_s

"""Where points lie: in polygons, and on which side of a line."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.scene.model import Points

Places = NDArray[np.float64]


class Segment(NamedTuple):
    """A piece of a line, from (x, y) on by (dx, dy).

    Attributes:
        x: of its beginning, in pixels.
        y: of its beginning.
        dx: way to its end.
        dy: way to its end.
        low: share of its length before its beginning that still belongs to it.
        high: share of its length up to which it goes; 1 is its end.
        length: in pixels.
    """

    x: float
    y: float
    dx: float
    dy: float
    low: float
    high: float
    length: float

    def side(self, x: float, y: float) -> float:
        """Return the distance of a point from the endless line: positive on the right, looking along."""
        x0, y0, dx, dy, _, _, length = self
        return (dx * (y - y0) - dy * (x - x0)) / length

    def crossed(self, ax: float, ay: float, bx: float, by: float) -> float | None:
        """Return at which share of the way from a to b the segment is crossed; None where it is not."""
        x0, y0, dx, dy, low, high, length = self  # unpacked once: every step near a line comes by
        before = dx * (ay - y0) - dy * (ax - x0)
        after = dx * (by - y0) - dy * (bx - x0)
        if (before < 0) == (after < 0):
            return None
        share = before / (before - after)
        x, y = ax + share * (bx - ax) - x0, ay + share * (by - ay) - y0
        where = (x * dx + y * dy) / (length * length)
        return share if low <= where < high else None

    def crossed_by(self, before: Places, after: Places) -> NDArray[np.bool_]:
        """Return bool (N,), which ways between places (N, 2) cross the segment: ``crossed`` for many."""
        (ax, ay), (bx, by) = before.T, after.T
        near = self.dx * (ay - self.y) - self.dy * (ax - self.x)
        far = self.dx * (by - self.y) - self.dy * (bx - self.x)
        changes = (near < 0) != (far < 0)
        share = near / np.where(changes, near - far, 1.0)
        x, y = ax + share * (bx - ax) - self.x, ay + share * (by - ay) - self.y
        where = (x * self.dx + y * self.dy) / (self.length * self.length)
        crossed: NDArray[np.bool_] = changes & (self.low <= where) & (where < self.high)
        return crossed


def segments(points: Points, tolerance: float = 0.05) -> tuple[Segment, ...]:
    """Return the pieces of a polyline.

    Args:
        points: its corners.
        tolerance: share of the first and the last piece's length by which it is longer at its ends: lines are
            drawn by hand, and a vehicle that passes just beside an end is meant.
    """
    last = len(points) - 2
    found = []
    for place in range(last + 1):
        (x1, y1), (x2, y2) = points[place], points[place + 1]
        length = float(np.hypot(x2 - x1, y2 - y1))
        # a corner belongs to both of its pieces: rounding must leave no hole between them
        low, high = -tolerance if place == 0 else -1e-6, 1 + (tolerance if place == last else 1e-6)
        found.append(Segment(x1, y1, x2 - x1, y2 - y1, low, high, length))
    return tuple(found)


def contains(polygon: Points, x: float, y: float) -> bool:
    """Return whether a point lies in a polygon (even-odd rule)."""
    inside = False
    x1, y1 = polygon[-1]
    for x2, y2 in polygon:
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
        x1, y1 = x2, y2
    return inside


def contains_each(polygon: Points, places: Places) -> NDArray[np.bool_]:
    """Return bool (N,), which of the places (N, 2) lie in a polygon: ``contains`` for many."""
    x, y = places.T
    inside = np.zeros(len(places), np.bool_)
    x1, y1 = polygon[-1]
    for x2, y2 in polygon:
        if y1 != y2:  # a level side is passed by none of the rays
            inside ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
        x1, y1 = x2, y2
    return inside


def in_any(polygons: tuple[Points, ...], points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return bool (N,), which of the points (N, 2) lie in one of the polygons."""
    found = [any(contains(polygon, x, y) for polygon in polygons) for x, y in points.tolist()]
    return np.array(found, np.bool_)

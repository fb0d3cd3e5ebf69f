"""Counting lines suggested from where vehicles went: level, upright or slanting, where most of them pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.scene.model import Line, Point, Scene

Array = NDArray[np.float64]
#: A path shorter than this share of the picture's diagonal says nothing of a road.
LEAST_WAY = 0.08
#: Normals of the lines that are tried, level, upright and slanting, and their weight: people draw straight.
NORMALS = ((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (0.7071, 0.7071, 0.8), (0.7071, -0.7071, 0.8))
#: Places of a line that are tried, as shares of the picture: not at its border, where vehicles are cut.
PLACES = np.linspace(0.12, 0.88, 39)
#: Among lines that are about as good, the one on which vehicles are nearest to the camera.
ABOUT = 0.93
#: A further line must pass this share of all, and at least two.
LEAST_SHARE, MOST_LINES = 0.15, 4
#: A line reaches beyond the outermost vehicles by this share of its length.
MARGIN = 0.12


class Passing(NamedTuple):
    """Where a path passes a line.

    Attributes:
        path: its number.
        at: how far along the line, in pixels.
        forward: along the line's normal.
        squarely: 1 at a right angle, 0 along the line.
    """

    path: int
    at: float
    forward: bool
    squarely: float


def suggest(paths: Sequence[Array], size: tuple[int, int]) -> Scene:
    """Return a scene with counting lines that vehicles pass; none where none did.

    Args:
        paths: of the vehicles' centres, each float (N, 2) in pixels, in the order of time.
        size: width and height of the picture.
    """
    long = LEAST_WAY * float(np.hypot(*size))
    rest = [path for path in paths if len(path) > 1 and np.hypot(*(path[-1] - path[0])) >= long]
    least = max(LEAST_SHARE * len(rest), 2)
    lines: list[Line] = []
    while len(lines) < MOST_LINES and len(rest) >= least:
        normal, place, passings = _best(rest, size)
        if len(passings) < least:
            break
        lines += _lines(normal, place, passings, size)
        gone = {passing.path for passing in passings}
        rest = [path for number, path in enumerate(rest) if number not in gone]
    named = [Line(f"line {n}", line.points, line.directions) for n, line in enumerate(lines[:MOST_LINES], 1)]
    return Scene(size=size, lines=tuple(named))


def _best(paths: Sequence[Array], size: tuple[int, int]) -> tuple[Array, float, list[Passing]]:
    """Return normal, place and passings of the best line through the picture."""
    tried = []
    for x, y, weight in NORMALS:
        normal = np.array([x, y])
        corners = np.array([[0, 0], [size[0], 0], [0, size[1]], [size[0], size[1]]]) @ normal
        for share in PLACES:
            place = float(corners.min() + share * np.ptp(corners))
            passings = _passings(paths, normal, place)
            tried.append((weight * sum(p.squarely for p in passings), share * y, normal, place, passings))
    score = max(candidate[0] for candidate in tried)
    # further down in the picture is nearer to the camera
    good = [candidate for candidate in tried if candidate[0] >= ABOUT * score]
    _, _, normal, place, passings = max(good, key=lambda candidate: (candidate[1], candidate[0]))
    return normal, place, passings


def _passings(paths: Sequence[Array], normal: Array, place: float) -> list[Passing]:
    """Return how each path first passes a line that goes through the whole picture."""
    along = np.array([-normal[1], normal[0]])
    found = []
    for number, path in enumerate(paths):
        side = path @ normal - place
        steps = np.flatnonzero((side[:-1] < 0) != (side[1:] < 0))
        # all of the path decides which way: a step may tremble
        if len(steps) and (side[0] < 0) != (side[-1] < 0):
            step = int(steps[0])
            way = path[-1] - path[0]
            squarely = float(abs(way @ normal) / max(np.hypot(*way), 1e-9))
            found.append(Passing(number, float(path[step] @ along), bool(side[0] < 0), squarely))
    return found


def _lines(normal: Array, place: float, passings: list[Passing], size: tuple[int, int]) -> list[Line]:
    """Return one line, or one a direction where the carriageways lie side by side."""
    ways = [[p.at for p in passings if p.forward is forward] for forward in (True, False)]
    if all(len(way) >= 2 for way in ways):
        (low, high) = sorted(ways, key=lambda way: float(np.median(way)))
        gap = (np.quantile(high, 0.1) - np.quantile(low, 0.9)) / 2
        if gap > 0:
            middle = float(np.quantile(low, 0.9) + gap)
            return [
                _line(normal, place, (min(low), min(max(low), middle)), size, middle),
                _line(normal, place, (max(min(high), middle), max(high)), size, middle),
            ]
    at = [p.at for p in passings]
    return [_line(normal, place, (min(at), max(at)), size, None)]


def _line(
    normal: Array, place: float, span: tuple[float, float], size: tuple[int, int], limit: float | None
) -> Line:
    """Return the line over a span along it, a little longer, but not beyond the middle of the road."""
    margin = MARGIN * max(span[1] - span[0], 0.25 * min(size))
    low, high = span[0] - margin, span[1] + margin
    if limit is not None:
        low, high = (max(low, limit), high) if span[0] >= limit else (low, min(high, limit))
    along = np.array([-normal[1], normal[0]])
    ends = [_inside(place * normal + at * along, size) for at in (low, high)]
    first, second = sorted(ends, key=lambda end: (end[0], -end[1]))
    return Line("", (first, second), _directions(first, second))


def _inside(point: Array, size: tuple[int, int]) -> Point:
    x, y = np.clip(point, 0, np.array(size) - 1.0)
    return round(float(x), 1), round(float(y), 1)


def _directions(first: Point, second: Point) -> tuple[str, str]:
    """Name both directions by where they lead in the picture."""
    dx, dy = second[0] - first[0], second[1] - first[1]
    # the first direction goes to the right of who looks along the line: (-dy, dx), y down
    if abs(dx) >= abs(dy):
        return ("down", "up") if dx > 0 else ("up", "down")
    return ("left", "right") if dy > 0 else ("right", "left")

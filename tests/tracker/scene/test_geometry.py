"""Sides, crossings and insides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.scene.geometry import contains, contains_each, in_any, segments

SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
Point = tuple[float, float]
FAR = st.floats(-50, 50, allow_nan=False)


def test_the_right_of_who_looks_along_is_positive() -> None:
    (line,) = segments(((0, 0), (10, 0)))
    assert line.side(5, 3) == pytest.approx(3)  # y down: looking to the right, the right hand is below
    assert line.side(5, -3) == pytest.approx(-3)


def test_a_way_crosses_where_it_should() -> None:
    (line,) = segments(((0, 0), (10, 0)))
    assert line.crossed(5, -1, 5, 3) == pytest.approx(0.25)
    assert line.crossed(5, 3, 5, 1) is None
    assert line.crossed(10.4, -1, 10.4, 1) == pytest.approx(0.5)  # within the tolerance at the end
    assert line.crossed(10.6, -1, 10.6, 1) is None


@given(FAR, FAR)
def test_the_inside_of_a_square(x: float, y: float) -> None:
    if 0 < x < 10 and 0 < y < 10:
        assert contains(SQUARE, x, y)
    elif not (0 <= x <= 10 and 0 <= y <= 10):
        assert not contains(SQUARE, x, y)


@given(st.floats(-9, 9), st.floats(-9, 9))
def test_a_polyline_has_no_hole_at_its_corner(x: float, drift: float) -> None:
    pieces = segments(((-10, 0), (0, 0), (10, 0)))
    found = [piece for piece in pieces if piece.crossed(x, -1, x + drift / 100, 1) is not None]
    assert len(found) in (1, 2)


def test_points_in_any_of_several_polygons() -> None:
    other = tuple((x + 20, y) for x, y in SQUARE)
    points = np.array([[5, 5], [15, 5], [25, 5]], np.float32)
    assert in_any((SQUARE, other), points).tolist() == [True, False, True]
    assert in_any((SQUARE,), points[:0]).tolist() == []


WHOLE = st.integers(-20, 20).map(float)  # often on corners and borders
PLACES = st.lists(st.tuples(WHOLE, WHOLE, WHOLE, WHOLE), min_size=1, max_size=20)


@given(PLACES, st.lists(st.tuples(WHOLE, WHOLE), min_size=2, max_size=5, unique=True))
def test_many_ways_cross_where_each_does(ways: list[tuple[float, ...]], corners: list[Point]) -> None:
    steps = np.array(ways)
    for piece in segments(tuple(corners)):
        each = [piece.crossed(*way) is not None for way in ways]
        assert piece.crossed_by(steps[:, :2], steps[:, 2:]).tolist() == each


@given(PLACES, st.lists(st.tuples(WHOLE, WHOLE), min_size=3, max_size=6))
def test_many_points_lie_where_each_does(places: list[tuple[float, ...]], corners: list[Point]) -> None:
    points = np.array(places)[:, :2]
    each = [contains(tuple(corners), x, y) for x, y in points.tolist()]
    assert contains_each(tuple(corners), points).tolist() == each

"""Sides, crossings and insides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.scene.geometry import contains, in_any, segments

SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
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

"""Conversions come back to where they began, and overlap behaves as overlap must."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detectors import boxes as boxlib

CALM = settings(deadline=None, derandomize=True, max_examples=60)
#: Boxes with corners on a grid of quarter pixels, so that float32 is exact.
QUARTERS = st.integers(-4000, 4000).map(lambda n: n / 4)


@st.composite
def some_boxes(draw: st.DrawFn, empty: bool = True) -> np.ndarray:
    """Return xyxy (N, 4) float32, possibly without boxes, possibly without area."""
    number = draw(st.integers(0 if empty else 1, 5))
    corner = draw(arrays(np.float32, (number, 2), elements=QUARTERS))
    side = draw(arrays(np.float32, (number, 2), elements=st.integers(0 if empty else 1, 2000).map(float)))
    return np.concatenate([corner, corner + side / 4], 1)


@CALM
@given(some_boxes())
def test_conversions_come_back(boxes: np.ndarray) -> None:
    np.testing.assert_array_equal(boxlib.xywh_to_xyxy(boxlib.xyxy_to_xywh(boxes)), boxes)
    np.testing.assert_array_equal(boxlib.cxcywh_to_xyxy(boxlib.xyxy_to_cxcywh(boxes)), boxes)
    np.testing.assert_array_equal(boxlib.xyxy_to_cxcywh(boxes)[:, :2], boxlib.centres(boxes))
    assert boxlib.xyxy_to_xywh(boxes).dtype == np.float32


def test_one_box_by_hand() -> None:
    assert boxlib.xywh_to_xyxy([10, 20, 30, 40]).tolist() == [10, 20, 40, 60]
    assert boxlib.xyxy_to_cxcywh([10, 20, 40, 60]).tolist() == [25, 40, 30, 40]
    assert boxlib.areas([[0, 0, 3, 2], [5, 5, 1, 9]]).tolist() == [6, 0]
    assert boxlib.iou([0, 0, 2, 2], [1, 0, 3, 2]).tolist() == [[np.float32(1 / 3)]]


@CALM
@given(some_boxes(), some_boxes())
def test_iou_is_symmetric_and_a_share(one: np.ndarray, two: np.ndarray) -> None:
    overlap = boxlib.iou(one, two)
    assert overlap.shape == (len(one), len(two))
    assert ((overlap >= 0) & (overlap <= 1)).all()
    np.testing.assert_array_equal(overlap, boxlib.iou(two, one).T)


@CALM
@given(some_boxes(empty=False))
def test_a_box_is_all_of_itself(boxes: np.ndarray) -> None:
    np.testing.assert_array_equal(np.diag(boxlib.iou(boxes, boxes)), 1)


@CALM
@given(some_boxes(), some_boxes(), QUARTERS, st.sampled_from([0.5, 2.0, 8.0]))
def test_iou_knows_neither_place_nor_scale(
    one: np.ndarray, two: np.ndarray, shift: float, scale: float
) -> None:
    moved = boxlib.iou((one + np.float32(shift)) * scale, (two + np.float32(shift)) * scale)
    np.testing.assert_allclose(moved, boxlib.iou(one, two), atol=1e-6)


@CALM
@given(some_boxes())
def test_boxes_without_area_overlap_nothing(boxes: np.ndarray) -> None:
    flat = boxes.copy()
    flat[:, 2] = flat[:, 0]
    inverted = boxes[:, [2, 3, 0, 1]] - np.float32([0, 0, 1, 1])
    for nothing in (flat, inverted):
        assert not boxlib.iou(nothing, boxes).any()
        assert not boxlib.areas(nothing).any()


@CALM
@given(some_boxes(), st.integers(1, 900), st.integers(1, 900))
def test_clipped_boxes_lie_in_the_picture(boxes: np.ndarray, width: int, height: int) -> None:
    cut = boxlib.clip(boxes, width, height)
    assert ((cut >= 0) & (cut <= [width, height, width, height])).all()
    assert (boxlib.areas(cut) <= boxlib.areas(boxes)).all()
    np.testing.assert_array_equal(boxlib.clip(cut, width, height), cut)
    whole = np.float32([[0, 0, width, height]])
    np.testing.assert_allclose(boxlib.areas(cut), boxlib.intersections(boxes, whole)[:, 0], rtol=1e-6)


def test_the_nearer_hides_the_farther() -> None:
    far, near, aside = [10, 0, 20, 10], [15, 5, 25, 20], [50, 0, 60, 30]
    np.testing.assert_allclose(boxlib.hidden_shares([far, near, aside]), [0.25, 0, 0])
    np.testing.assert_allclose(boxlib.hidden_shares([near, aside, far]), [0, 0, 0.25])
    assert boxlib.hidden_shares([]).shape == (0,)
    assert boxlib.hidden_shares([[5, 5, 5, 9], far]).tolist() == [0, 0]


@CALM
@given(some_boxes())
def test_hidden_is_a_share_and_somebody_is_in_front(boxes: np.ndarray) -> None:
    hidden = boxlib.hidden_shares(boxes)
    assert ((hidden >= 0) & (hidden <= 1)).all()
    assert not len(boxes) or hidden[boxes[:, 3].argmax()] == 0


def test_within_a_part_nothing_is_cut() -> None:
    boxes = [[10, 10, 20, 20], [2, 10, 20, 20], [45, 10, 49.5, 20], [48, 10, 60, 20], [0, 0, 5, 5]]
    part = [0, 0, 50, 100]  # the picture's own left, upper and lower borders are none of the part's
    assert boxlib.within(boxes, part, 200, 100, 1.0).tolist() == [True, True, False, False, True]
    assert boxlib.within(boxes, [5, 5, 50, 100], 200, 100, 1.0).tolist() == [True, False, False, False, False]
    assert boxlib.within(boxes, [0, 0, 200, 100], 200, 100, 1.0).all()
    assert boxlib.within(np.zeros((0, 4)), part, 200, 100, 1.0).shape == (0,)

"""Objects are hidden in part: what is still seen is learnt, what is not is ignored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.training.augment import Example
from detectors.training.hiding import MIN_OBJECT_PX, cut_out, hidden_ignored, share_covered, share_hidden

CALM = settings(deadline=None, derandomize=True, max_examples=40)
SEEDS = st.integers(0, 2**31)
SIZE = (160, 96)


def example(boxes: list[list[float]], ignore: list[list[float]] | None = None) -> Example:
    image = np.random.default_rng(1).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    return Example(
        image,
        np.float32(boxes).reshape(-1, 4),
        np.arange(len(boxes), dtype=np.int64),
        np.float32(ignore or []).reshape(-1, 4),
        np.float32([[0, 0, *SIZE]]),
        np.ones((1, 3), np.bool_),
    )


def box_at(x: float, y: float, width: float, height: float) -> list[float]:
    return [x, y, min(x + width, SIZE[0]), min(y + height, SIZE[1])]


BOXES = st.lists(
    st.builds(box_at, st.floats(0, 120), st.floats(0, 70), st.floats(6, 90), st.floats(6, 60)), max_size=6
)


@CALM
@given(BOXES, SEEDS)
def test_nothing_is_hidden_but_on_objects_and_no_box_is_lost(boxes: list[list[float]], seed: int) -> None:
    before = example(boxes)
    after = hidden_ignored(*cut_out(before, np.random.default_rng(seed)))
    assert len(after.boxes) == len(after.labels)
    assert len(after.boxes) + len(after.ignore) == len(boxes)
    for box, label in zip(after.boxes, after.labels, strict=True):
        np.testing.assert_array_equal(box, before.boxes[label])
    np.testing.assert_array_equal(before.image, example(boxes).image)
    reach = np.zeros((SIZE[1], SIZE[0]), bool)
    for x1, y1, x2, y2 in boxes:  # a patch may lie over an edge by half of its own size
        w, h = 0.65 * (x2 - x1) + 2, 0.65 * (y2 - y1) + 2
        reach[max(int(y1 - h), 0) : int(y2 + h) + 1, max(int(x1 - w), 0) : int(x2 + w) + 1] = True
    changed = (after.image != before.image).any(-1)
    assert not (changed & ~reach).any()


@CALM
@given(SEEDS)
def test_a_single_patch_leaves_an_object_to_be_learnt(seed: int) -> None:
    before = example([[40, 20, 100, 80]])
    after = hidden_ignored(*cut_out(before, np.random.default_rng(seed)))
    assert len(after.boxes) == 1
    changed = (after.image != before.image).any(-1)
    assert 0 < changed[20:80, 40:100].mean() < 0.6


@CALM
@given(SEEDS)
def test_what_hides_comes_from_where_the_same_classes_are_known(seed: int) -> None:
    """White is what lies in a pasted piece and in the other half: patches on the left never show it.

    The large object lies in the left half and over its edge, a small one in the pasted piece.
    """
    before = example([[30, 30, 100, 90]])
    before.image[:] = np.random.default_rng(seed).integers(0, 100, before.image.shape, np.uint8)
    piece = [4, 4, 70, 28]
    before = replace(
        before,
        regions=np.float32([[0, 0, 80, 96], [80, 0, 160, 96], piece]),
        annotated=np.ones((3, 3), np.bool_),
    )
    marked = before.image.copy()
    marked[:, 80:] = marked[4:28, 4:70] = (254, 254, 253)
    after, patches = cut_out(replace(before, image=marked), np.random.default_rng(seed))
    for x1, y1, x2, y2 in patches.astype(int):
        inside = after.image[y1:y2, x1:x2]
        copied = (inside == (254, 254, 253)).all(-1)
        held_by_right = x1 >= 80
        in_piece = x1 >= 4 and y1 >= 4 and x2 <= 70 and y2 <= 28
        assert not copied.any() or held_by_right or in_piece


def test_small_objects_are_left_alone() -> None:
    before = example([[10, 10, 40, 10 + MIN_OBJECT_PX - 1]])
    after, patches = cut_out(before, np.random.default_rng(0))
    assert after is before
    assert patches.shape == (0, 4)
    assert hidden_ignored(*cut_out(example([]), np.random.default_rng(0))).boxes.shape == (0, 4)


@pytest.mark.parametrize(("width", "ignored"), [(59, False), (61, True)])
def test_what_is_hidden_by_more_than_three_fifths_is_ignored(width: int, ignored: bool) -> None:
    seen = hidden_ignored(example([[0, 0, 100, 50]]), np.float32([[0, 0, width, 50]]))
    assert (len(seen.boxes), len(seen.ignore)) == ((0, 1) if ignored else (1, 0))
    assert len(seen.labels) == len(seen.boxes)


def test_what_is_hidden_twice_counts_once() -> None:
    nearly_equal = np.float32([[0, 0, 45, 50], [1, 0, 45, 50], [0, 1, 45, 49]])
    assert len(hidden_ignored(example([[0, 0, 100, 50]]), nearly_equal).boxes) == 1
    side_by_side = np.float32([[0, 0, 45, 50], [55, 0, 100, 50]])
    assert len(hidden_ignored(example([[0, 0, 100, 50]]), side_by_side).ignore) == 1


def test_pasted_objects_and_patches_are_weighed_together() -> None:
    """Of the first box the pasted one hides 45 %, a patch another 45 %; neither hides the box under it."""
    before = example([[0, 0, 100, 50], [0, 0, 45, 50]])
    patch = np.float32([[55, 0, 100, 50]])
    assert hidden_ignored(before, patch).labels.tolist() == [0, 1]
    assert hidden_ignored(before, patch[:0], 1).labels.tolist() == [0, 1]
    after = hidden_ignored(before, patch, 1)
    assert after.labels.tolist() == [1]
    np.testing.assert_array_equal(after.ignore, before.boxes[:1])


def test_a_later_object_hides_an_earlier_one_and_not_the_other_way_round() -> None:
    before = example([[0, 0, 50, 50], [5, 5, 45, 45], [0, 0, 48, 48]])
    assert hidden_ignored(before, np.zeros((0, 4), np.float32)).labels.tolist() == [0, 1, 2]
    assert hidden_ignored(before, np.zeros((0, 4), np.float32), 1).labels.tolist() == [2]
    turned = example([[100, 0, 150, 50], [0, 0, 48, 48], [5, 5, 25, 45]])
    assert hidden_ignored(turned, np.zeros((0, 4), np.float32), 2).labels.tolist() == [0, 1, 2]


@CALM
@given(BOXES, BOXES, SEEDS)
def test_the_hidden_share_is_that_of_the_points(
    boxes: list[list[float]], others: list[list[float]], seed: int
) -> None:
    """Points drawn on a box: so many of them lie in any of the others."""
    rng = np.random.default_rng(seed)
    rows, over = np.float32(boxes).reshape(-1, 4), np.float32(others).reshape(-1, 4)
    hides = rng.uniform(size=(len(rows), len(over))) < 0.7
    at = rows[:, None, :2] + rng.uniform(size=(len(rows), 4000, 2)) * (rows[:, None, 2:] - rows[:, None, :2])
    at = at[:, :, None]
    within = ((over[:, :2] < at) & (at < over[:, 2:])).all(-1) & hides[:, None]
    expected = within.any(-1).mean(-1)
    np.testing.assert_allclose(share_hidden(rows, over, hides), expected, atol=0.05)


def test_the_share_of_a_box_that_others_cover() -> None:
    boxes = np.float32([[0, 0, 10, 10], [20, 20, 40, 40]])
    others = np.float32([[5, 0, 30, 30], [0, 0, 1, 1], [50, 50, 60, 60]])
    np.testing.assert_allclose(share_covered(boxes, others), [[0.5, 0.01, 0], [0.25, 0, 0]])
    assert share_covered(boxes[:0], others).shape == (0, 3)

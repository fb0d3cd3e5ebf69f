"""Objects are hidden in part: what is still seen is learnt, what is not is ignored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.training.augment import Example
from detectors.training.hiding import MIN_OBJECT_PX, cut_out, hidden_ignored, share_covered

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
    after = cut_out(before, np.random.default_rng(seed))
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
    after = cut_out(before, np.random.default_rng(seed))
    assert len(after.boxes) == 1
    changed = (after.image != before.image).any(-1)
    assert 0 < changed[20:80, 40:100].mean() < 0.6


def test_small_objects_are_left_alone() -> None:
    before = example([[10, 10, 40, 10 + MIN_OBJECT_PX - 1]])
    assert cut_out(before, np.random.default_rng(0)) is before
    assert cut_out(example([]), np.random.default_rng(0)).boxes.shape == (0, 4)


@pytest.mark.parametrize(("width", "ignored"), [(59, False), (61, True)])
def test_what_is_hidden_by_more_than_three_fifths_is_ignored(width: int, ignored: bool) -> None:
    seen = hidden_ignored(example([[0, 0, 100, 50]]), np.float32([[0, 0, width, 50]]))
    assert (len(seen.boxes), len(seen.ignore)) == ((0, 1) if ignored else (1, 0))
    assert len(seen.labels) == len(seen.boxes)


def test_the_share_of_a_box_that_others_cover() -> None:
    boxes = np.float32([[0, 0, 10, 10], [20, 20, 40, 40]])
    others = np.float32([[5, 0, 30, 30], [0, 0, 1, 1], [50, 50, 60, 60]])
    np.testing.assert_allclose(share_covered(boxes, others), [[0.5, 0.01, 0], [0.25, 0, 0]])
    assert share_covered(boxes[:0], others).shape == (0, 3)

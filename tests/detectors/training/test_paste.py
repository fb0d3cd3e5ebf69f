"""Objects of rare classes come into other pictures, and nothing untrue with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.boxes import areas, iou
from detectors.dataset import Picture
from detectors.networks.targets import annotated_at
from detectors.training.augment import Example
from detectors.training.examples import to_tensors
from detectors.training.hiding import hidden_ignored
from detectors.training.paste import MAX_IOU, MIN_PASTED_PX, Donors, paste

CALM = settings(deadline=None, derandomize=True, max_examples=40)
SEEDS = st.integers(0, 2**31)
SIZE = (200, 120)
BUS = [60.0, 40.0, 130.0, 90.0]


def picture(boxes: list[list[float]], labels: list[int], **more: object) -> Picture:
    fields = {"ignore": np.zeros((0, 4), np.float32), "annotated": np.array([True, True, False])} | more
    return Picture(
        path=Path("a.png"),
        set_name="made",
        size=SIZE,
        boxes=np.float32(boxes).reshape(-1, 4),
        labels=np.array(labels, np.int64),
        **fields,  # type: ignore[arg-type]
    )


def pixels(box: list[float] = BUS) -> np.ndarray:
    image = np.random.default_rng(0).integers(60, 80, (SIZE[1], SIZE[0], 3), np.uint8)
    x1, y1, x2, y2 = map(int, box)
    image[y1:y2, x1:x2] = (0, 0, 255)
    return image


def street(boxes: list[list[float]], regions: list[list[float]] | None = None) -> Example:
    return Example(
        np.full((SIZE[1], SIZE[0], 3), 70, np.uint8),
        np.float32(boxes).reshape(-1, 4),
        np.zeros(len(boxes), np.int64),
        np.zeros((0, 4), np.float32),
        np.float32(regions or [[10, 10, 190, 110]]),
        np.array([[True, False, True]] * len(regions or [0])),
    )


def red(image: np.ndarray) -> np.ndarray:
    """Return where it is red beyond doubt."""
    return (image[..., 2].astype(int) - image[..., 0]) > 80


@CALM
@given(SEEDS)
def test_the_object_lies_under_its_box(seed: int) -> None:
    after = paste(street([]), picture([BUS], [1]), np.array([0]), pixels(), np.random.default_rng(seed))
    assert after.labels.tolist() == [1]
    ((x1, y1, x2, y2),) = after.boxes
    assert 10 <= x1 < x2 <= 190
    assert 10 <= y1 < y2 <= 110
    assert (x2 - x1) / (y2 - y1) == pytest.approx(70 / 50, rel=0.1)
    rows, columns = np.nonzero(red(after.image))
    reach = 2 + 0.12 * max(x2 - x1, y2 - y1)  # corners are rounded, edges soft
    assert abs(columns.min() - x1) < reach
    assert abs(columns.max() + 1 - x2) < reach
    assert abs(rows.min() - y1) < reach
    assert abs(rows.max() + 1 - y2) < reach


@CALM
@given(SEEDS, st.integers(0, 5))
def test_what_is_there_stays_true(seed: int, number: int) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.uniform([10, 10], [120, 70], (number, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(6, 40, (number, 2))], 1)
    before = street(boxes.tolist())
    after = paste(before, picture([BUS], [1]), np.array([0]), pixels(), rng)
    np.testing.assert_array_equal(before.image, street([]).image)
    if len(after.regions) == len(before.regions):
        np.testing.assert_array_equal(after.boxes, before.boxes)
        return
    np.testing.assert_array_equal(after.boxes[:-1], before.boxes)
    after = hidden_ignored(after, np.zeros((0, 4), np.float32), 1)
    pasted, others = after.boxes[-1:], after.boxes[:-1]
    assert (pasted[:, 2:] - pasted[:, :2]).min() >= MIN_PASTED_PX
    assert (iou(others, pasted) <= MAX_IOU + 1e-6).all()
    assert len(others) + len(after.ignore) == number
    assert len(after.ignore) <= 1, "no more than one is hidden"
    if number:  # no giant among its neighbours
        assert areas(pasted)[0] <= 1.5**2 * 1.15 * areas(before.boxes).max()
    changed = (after.image != before.image).any(-1)
    x1, y1, x2, y2 = after.regions[-1].astype(int)
    changed[y1:y2, x1:x2] = False
    assert not changed.any()


def test_a_class_is_known_where_both_pictures_know_it() -> None:
    """The bus comes from a picture without persons into one without buses."""
    after = paste(street([]), picture([BUS], [1]), np.array([0]), pixels(), np.random.default_rng(0))
    target = to_tensors(after)[1]
    inside = annotated_at(target["boxes"], target)
    assert inside.tolist() == [[True, False, False]]
    corner = torch.tensor([[12.0, 12.0, 14.0, 14.0]])
    assert not (after.regions[-1, :2] < 14).all()
    assert annotated_at(corner, target).tolist() == [[True, False, True]]
    assert target["labels"].tolist() == [2], "its own class is known by its box"


def test_where_there_is_no_room_nothing_is_pasted() -> None:
    full = street([[x, y, x + 30, y + 25] for x in range(10, 190, 30) for y in range(10, 110, 25)])
    tight = street([], [[10, 10, 20, 20], [30, 10, 40, 20]])
    for before in (full, tight):
        after = paste(before, picture([BUS], [1]), np.array([0]), pixels(), np.random.default_rng(0))
        assert after is before
    grey = np.full_like(pixels(), 70)
    assert not len(
        paste(street([]), picture([BUS], [1]), np.array([0]), grey, np.random.default_rng(0)).boxes
    )


def test_donors_are_rare_whole_and_free() -> None:
    cars = [[10.0 + 40 * n, 70.0, 40.0 + 40 * n, 100.0] for n in range(4)]
    pictures = [
        picture(cars, [0] * 4),
        picture([BUS], [1]),
        picture([[0.0, 40.0, 70.0, 90.0]], [1]),  # cut off by the border
        picture([BUS], [1], ignore=np.float32([[100, 40, 150, 90]])),
        picture([[60.0, 40.0, 80.0, 60.0]], [2]),  # too small
        picture([BUS], [3]),  # of unknown class
    ]
    donors = Donors(pictures, np.full(6, 1 / 6))
    assert donors.rare.tolist() == [2]
    assert donors.draw(np.random.default_rng(0)) is None

    donors = Donors([picture(cars, [0] * 4)] * 2 + pictures, np.full(8, 1 / 8))
    assert donors.rare.tolist() == [1, 2]
    drawn = [donors.draw(np.random.default_rng(seed)) for seed in range(20)]
    assert all(found is not None and found[0] is pictures[1] for found in drawn)
    assert Donors([picture([], [])], np.ones(1)).draw(np.random.default_rng(0)) is None


def test_sets_that_are_never_drawn_give_nothing() -> None:
    pictures = [picture([[10.0, 10.0, 40.0, 40.0], [60, 60, 90, 90], BUS], [0, 0, 0]), picture([BUS], [1])]
    assert Donors(pictures, np.array([1.0, 0.0])).draw(np.random.default_rng(0)) is None
    assert Donors(pictures, np.array([1.0, 0.1])).draw(np.random.default_rng(0)) is not None


def test_rare_ones_of_one_picture_may_come_together() -> None:
    two = picture([[20.0, 40.0, 70.0, 80.0], [120.0, 40.0, 170.0, 80.0]], [1, 1])
    cars = picture([[10.0 + 35 * n, 70.0, 40.0 + 35 * n, 100.0] for n in range(5)], [0] * 5)
    donors = Donors([two, cars], np.array([0.5, 0.5]))
    numbers = set()
    for seed in range(20):
        found = donors.draw(np.random.default_rng(seed))
        assert found is not None
        assert len(set(found[1].tolist())) == len(found[1])
        numbers.add(len(found[1]))
    assert numbers == {1, 2}

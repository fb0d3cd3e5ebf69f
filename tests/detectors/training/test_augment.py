"""Boxes go where their pixels go."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.dataset import Picture
from detectors.training import augment
from detectors.training.augment import MIN_SIDE_PX, Example, mirrored, mosaic, single

CALM = settings(deadline=None, derandomize=True, max_examples=25)
SEEDS = st.integers(0, 2**31)
CLASSES = 3


def canvas(width: int = 200, height: int = 120) -> np.ndarray:
    return np.full((height, width, 3), 114, np.uint8)  # as the grey around it


def picture(
    boxes: list[list[float]],
    labels: list[int] | None = None,
    ignore: list[list[float]] | None = None,
    annotated: list[bool] | None = None,
    number: int = 0,
) -> Picture:
    return Picture(
        Path(str(number)),
        "made",
        (200, 120),
        np.float32(boxes).reshape(-1, 4),
        np.array(labels if labels is not None else [0] * len(boxes), np.int64),
        np.float32(ignore or []).reshape(-1, 4),
        np.array(annotated or [True] * CLASSES),
    )


def drawn(boxes: list[list[float]]) -> np.ndarray:
    image = canvas()
    for x1, y1, x2, y2 in np.int64(boxes):
        image[y1:y2, x1:x2] = 255
    return image


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def check(example: Example, size: tuple[int, int]) -> None:
    """Hold what every example promises."""
    width, height = size
    assert example.image.shape == (height, width, 3)
    assert example.image.dtype == np.uint8
    for boxes in (example.boxes, example.ignore, example.regions):
        assert boxes.dtype == np.float32
        assert boxes.shape[1:] == (4,)
        assert (boxes >= 0).all()
        assert (boxes <= np.array([width, height, width, height])).all()
    sides = example.boxes[:, 2:] - example.boxes[:, :2]
    assert (sides >= MIN_SIDE_PX).all()
    assert len(example.labels) == len(example.boxes)
    assert len(example.annotated) == len(example.regions)
    assert (example.regions[:, 2:] > example.regions[:, :2]).all()


def white(image: np.ndarray) -> list[float]:
    """Return the box around what is white, to a part of a pixel."""
    share = np.clip((image[..., 0].astype(float) - 114) / 141, 0, 1)
    place = []
    for line in (share.max(0), share.max(1)):
        seen = np.flatnonzero(line > 0.02)
        inner = np.flatnonzero(line > 0.98)
        low = inner[0] - line[seen[0] : inner[0]].sum()
        high = inner[-1] + 1 + line[inner[-1] + 1 : seen[-1] + 1].sum()
        place.append((low, high))
    (x1, x2), (y1, y2) = place
    return [x1, y1, x2, y2]


BOX = [[80.0, 45.0, 130.0, 80.0]]


@pytest.mark.parametrize("size", [(200, 120), (80, 64), (320, 160)])
def test_a_rectangle_lies_under_its_box(size: tuple[int, int]) -> None:
    image, seen, errors = drawn(BOX), 0, []
    for seed in range(60):
        example = single(picture(BOX), lambda _: image, size, rng(seed))
        check(example, size)
        inside = len(example.boxes) and (
            (example.boxes[0, :2] > 2).all() and (example.boxes[0, 2:] < np.array(size) - 2).all()
        )
        if inside:
            seen += 1
            errors.append(np.array(white(example.image)) - example.boxes[0])
    assert seen > 15
    assert np.abs(errors).max() < 1.0
    assert np.abs(np.mean(errors, 0)).max() < 0.15, "boxes and pixels are shifted against each other"


def test_mirroring_takes_boxes_along() -> None:
    known = picture(BOX, ignore=[[0, 0, 20, 120]])
    example = single(known, lambda _: drawn(BOX), (200, 120), rng(3))
    other = mirrored(example)
    check(other, (200, 120))
    ((x1, y1, x2, y2),) = example.boxes
    np.testing.assert_allclose(other.boxes, [[200 - x2, y1, 200 - x1, y2]])
    assert example.ignore[0, 0] < x1
    assert other.ignore[0, 0] > other.boxes[0, 0]
    np.testing.assert_array_equal(other.image, example.image[:, ::-1])
    for name in ("image", "boxes", "ignore", "regions"):
        np.testing.assert_allclose(getattr(mirrored(other), name), getattr(example, name), atol=1e-4)


def test_what_shrinks_is_averaged_as_in_use() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    cell = np.zeros((100, 100, 3), np.uint8)
    augment._draw(noise, cell, (0.25, 0.25), (0.0, 0.0))
    expected = cv2.resize(noise, (100, 100), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(cell, expected)


@CALM
@given(SEEDS)
def test_boxes_out_of_sight_are_ignored_or_dropped(seed: int) -> None:
    boxes = [[0.0, 0.0, 30.0, 30.0], [170.0, 90.0, 200.0, 120.0], [100.0, 50.0, 103.0, 53.0]]
    example = single(picture(boxes, [0, 1, CLASSES]), lambda _: canvas(), (100, 64), rng(seed))
    check(example, (100, 64))
    assert len(example.boxes) + len(example.ignore) <= 3
    assert CLASSES not in example.labels.tolist(), "a box of 3 px is too small here, at any scale"


@CALM
@given(SEEDS)
def test_a_picture_without_boxes(seed: int) -> None:
    example = single(picture([]), lambda _: canvas(), (100, 64), rng(seed))
    check(example, (100, 64))
    assert example.boxes.shape == example.ignore.shape == (0, 4)
    assert example.labels.shape == (0,)


@CALM
@given(SEEDS)
def test_a_mosaic_knows_what_was_annotated_where(seed: int) -> None:
    rules = [[True, False, False], [False, True, False], [False, False, True], [True, True, True]]
    shades = (40, 90, 150, 220)
    parts = [
        picture([[60, 30, 140, 90]], [n % CLASSES], annotated=rule, number=n) for n, rule in enumerate(rules)
    ]
    images = {Path(str(n)): np.full((120, 200, 3), shade, np.uint8) for n, shade in enumerate(shades)}
    example = mosaic(parts, lambda p: images[p.path], (160, 96), rng(seed))
    check(example, (160, 96))
    assert example.annotated.tolist() == rules
    for region, shade in zip(example.regions, shades, strict=True):
        x, y = ((region[:2] + region[2:]) / 2).astype(int)
        assert abs(int(example.image[y, x, 0]) - shade) <= 1
    centres = (example.boxes[:, :2] + example.boxes[:, 2:]) / 2
    for centre, label in zip(centres, example.labels, strict=True):
        (place,) = [
            n for n, r in enumerate(example.regions) if (centre >= r[:2]).all() and (centre <= r[2:]).all()
        ]
        assert place % CLASSES == label


@CALM
@given(SEEDS)
def test_regions_of_a_mosaic_do_not_overlap(seed: int) -> None:
    example = mosaic([picture([])] * 4, lambda _: canvas(), (160, 96), rng(seed))
    for n, one in enumerate(example.regions):
        for two in example.regions[n + 1 :]:
            common = np.minimum(one[2:], two[2:]) - np.maximum(one[:2], two[:2])
            assert (common <= 1e-3).any()


def test_the_same_generator_gives_the_same_example() -> None:
    image = drawn(BOX)
    for make in (single, lambda p, *rest: mosaic([p] * 4, *rest)):
        one, two, other = (make(picture(BOX), lambda _: image, (96, 64), rng(s)) for s in (7, 7, 8))
        for name in ("image", "boxes", "labels", "ignore", "regions", "annotated"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        assert not np.array_equal(one.image, other.image)

"""The perceptual hash: what changes it, what does not, and who is near whom."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from detectors.bank.hashing import NEAR, near_groups, near_pairs, nearest, perceptual_hash


def patches(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 12, 3), np.uint8)
    return cv2.resize(coarse, (240, 180), interpolation=cv2.INTER_CUBIC)


def bits(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.bitwise_count(perceptual_hash(a) ^ perceptual_hash(b)))


@pytest.mark.parametrize(
    "change",
    [
        lambda image: cv2.resize(image, (120, 100), interpolation=cv2.INTER_AREA),
        lambda image: cv2.add(image // 2, (40, 40, 40, 0)),
        lambda image: cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 1),
        lambda image: cv2.GaussianBlur(image, (5, 5), 0),
        lambda image: cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR),
    ],
    ids=["smaller", "paler", "compressed", "blurred", "grey"],
)
def test_the_same_picture_in_another_file_is_near(change: object) -> None:
    for seed in range(5):
        assert bits(patches(seed), change(patches(seed))) <= NEAR  # type: ignore[operator]


def test_other_pictures_are_far() -> None:
    images = [patches(seed) for seed in range(12)]
    assert min(bits(a, b) for a, b in combinations(images, 2)) > NEAR


@pytest.mark.parametrize("value", [0, 7, 130, 255])
def test_pictures_of_one_colour_are_alike_whatever_the_rounding(value: int) -> None:
    assert bits(np.full((48, 64, 3), value, np.uint8), np.full((17, 90, 3), 99, np.uint8)) == 0


def test_all_64_bits_are_used() -> None:
    hashes = np.array([perceptual_hash(patches(seed)) for seed in range(60)], np.uint64)
    assert hashes.dtype == np.uint64
    assert np.bitwise_or.reduce(hashes) == np.uint64(2**64 - 1)
    assert np.bitwise_and.reduce(hashes) == 0


# few bits differ: chains and pairs occur, and copies too
HASHES = arrays.arrays(np.uint64, st.integers(0, 30), elements=st.integers(0, 2**6 - 1))


@settings(max_examples=40, deadline=None)
@given(HASHES, st.integers(0, 3))
def test_pairs_and_groups_are_those_of_the_plain_definition(hashes: np.ndarray, distance: int) -> None:
    numbers = [int(value) for value in hashes]
    pairs = [
        (i, j)
        for i, j in combinations(range(len(numbers)), 2)
        if (numbers[i] ^ numbers[j]).bit_count() <= distance
    ]
    assert [tuple(pair) for pair in near_pairs(hashes, distance)] == pairs
    group = list(range(len(numbers)))
    for _ in numbers:  # the smallest number spreads along the pairs
        for i, j in pairs:
            group[i] = group[j] = min(group[i], group[j])
    found = near_groups(hashes, distance)
    assert len(found) == len(numbers)
    for i, j in combinations(range(len(numbers)), 2):
        assert (found[i] == found[j]) == (group[i] == group[j])


def test_groups_do_not_depend_on_blocks() -> None:
    """More hashes than one block of the table, in chains of 5."""
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 2**63, 300, np.uint64)
    chains = np.concatenate([starts ^ np.uint64((1 << (3 * step)) - 1) for step in range(5)])
    order = rng.permutation(len(chains))
    found = near_groups(chains[order], 3)
    number = np.arange(len(chains))[order] % 300
    assert len(set(zip(found, number, strict=True))) == 300 == len(set(found))


def test_nearest_names_the_place_and_the_distance() -> None:
    index, distance = nearest(np.array([0, 0b1111], np.uint64), np.array([0b0111, 0b1], np.uint64))
    assert list(index) == [1, 0]
    assert list(distance) == [1, 1]

"""A picture in another light shows the same things."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.training.light import LEAST_SEEN, fog, night, recolour

CALM = settings(deadline=None, derandomize=True, max_examples=25)
SEEDS = st.integers(0, 2**31)


def road(seed: int, low: int = 70, high: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, (64, 96, 3), np.uint8)


@CALM
@given(SEEDS)
def test_a_picture_keeps_its_form_and_the_one_given_stays(seed: int) -> None:
    image = road(seed)
    for change in (recolour, night, fog):
        one, two = (change(image, np.random.default_rng(seed)) for _ in range(2))
        assert (one.shape, one.dtype) == (image.shape, np.uint8)
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(image, road(seed))


def test_another_generator_gives_another_light() -> None:
    image = road(0)
    assert len({recolour(image, np.random.default_rng(seed)).tobytes() for seed in range(20)}) == 20


@CALM
@given(SEEDS)
def test_fog_is_thicker_far_away_and_leaves_something_to_see(seed: int) -> None:
    image = np.full((100, 80, 3), 20, np.uint8)
    image[:, 40:] = 250
    seen = fog(image, np.random.default_rng(seed)).astype(int)
    contrast = seen[:, 60, 0] - seen[:, 20, 0]
    assert (np.diff(contrast) >= -1).all(), "the lower in the picture, the nearer"
    assert contrast.min() >= LEAST_SEEN * 230 - 2
    assert contrast[0] < 230


@CALM
@given(SEEDS)
def test_by_night_it_is_darker_and_lamps_still_shine(seed: int) -> None:
    image = np.full((80, 120, 3), 120, np.uint8)
    image[40:44, 60:64] = 255
    dark = night(image, np.random.default_rng(seed)).astype(int)
    assert dark[:, :30].mean() < 0.6 * 120
    assert dark[40:44, 60:64].mean() > dark[:, :30].mean() + 60
    assert dark[38:46, 58:66].mean() > dark[:, :30].mean() + 20, "the light spreads"


def test_what_is_dark_already_stays_as_it_is() -> None:
    image = road(0, 0, 100)
    assert night(image, np.random.default_rng(0)) is image

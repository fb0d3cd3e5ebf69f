"""The Kalman bank keeps its promises about time, scale and order."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.motion import KalmanBank, MotionConfig

CALM = settings(deadline=None, derandomize=True, max_examples=30)  # the same on a busy machine


def boxes_at(x: float, y: float = 50.0, width: float = 40.0, height: float = 30.0) -> np.ndarray:
    return np.array([[x, y, x + width, y + height]], np.float32)


def moved(rate_fps: float, seconds: float = 2.0, velocity: float = 60.0) -> KalmanBank:
    bank = KalmanBank()
    bank.start([1], boxes_at(0))
    for step in range(1, round(seconds * rate_fps) + 1):
        bank.predict(1 / rate_fps)
        bank.update([1], boxes_at(velocity * step / rate_fps))
    return bank


def test_it_learns_a_constant_velocity() -> None:
    bank = moved(25)
    np.testing.assert_allclose(bank.velocities([1]), [[60, 0]], atol=0.5)
    bank.predict(1.0)
    np.testing.assert_allclose(bank.boxes([1]), boxes_at(180), atol=1.0)


def test_half_the_frame_rate_gives_the_same_velocity_and_a_similar_spread() -> None:
    full, half = moved(30), moved(15)
    np.testing.assert_allclose(full.velocities([1]), half.velocities([1]), atol=1.0)
    full.predict(1.0)
    half.predict(1.0)
    np.testing.assert_allclose(full.spread([1]), half.spread([1]), rtol=0.25)


@CALM
@given(st.floats(0.001, 3.0), st.integers(2, 9))
def test_many_small_steps_are_one_large_step(dt_s: float, parts: int) -> None:
    once, often = moved(25), moved(25)
    once.predict(dt_s)
    for _ in range(parts):
        often.predict(dt_s / parts)
    np.testing.assert_allclose(once.boxes([1]), often.boxes([1]), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(once.spread([1]), often.spread([1]), rtol=1e-4)


@CALM
@given(st.floats(0.1, 10.0))
def test_everything_scales_with_the_picture(scale: float) -> None:
    small, large = KalmanBank(), KalmanBank()
    for bank, factor in ((small, 1.0), (large, scale)):
        bank.start([1], boxes_at(100) * factor)
        bank.predict(0.1)
        bank.update([1], boxes_at(108) * factor)
        bank.predict(0.2)
    np.testing.assert_allclose(small.boxes([1]) * scale, large.boxes([1]), rtol=1e-3, atol=0.02)
    np.testing.assert_allclose(small.spread([1]), large.spread([1]), rtol=1e-3)


def test_tracks_do_not_touch_each_other_and_their_order_is_the_callers() -> None:
    both, alone = KalmanBank(), KalmanBank()
    both.start([7, 3], np.concatenate([boxes_at(0), boxes_at(200)]))
    alone.start([3], boxes_at(200))
    both.predict(0.1)
    alone.predict(0.1)
    both.update([3, 7], np.concatenate([boxes_at(205), boxes_at(9)]))
    alone.update([3], boxes_at(205))
    np.testing.assert_array_equal(both.boxes([3]), alone.boxes([3]))
    np.testing.assert_array_equal(both.boxes([3, 7]), both.boxes([7, 3])[::-1])


def test_stop_forgets_and_ignores_the_unknown() -> None:
    bank = KalmanBank()
    bank.start([1, 2, 3], np.concatenate([boxes_at(0), boxes_at(100), boxes_at(200)]))
    bank.stop([2, 99])
    assert [track_id in bank for track_id in (1, 2, 3, 99)] == [True, False, True, False]
    np.testing.assert_allclose(bank.boxes([3]), boxes_at(200))
    with pytest.raises(KeyError):
        bank.boxes([2])


def test_start_begins_a_known_track_anew_with_a_given_velocity() -> None:
    bank = moved(25)
    bank.start([1], boxes_at(500), velocities=[[-10, 5]])
    np.testing.assert_allclose(bank.boxes([1]), boxes_at(500))
    np.testing.assert_allclose(bank.velocities([1]), [[-10, 5]])


def test_noisier_measurements_pull_less() -> None:
    bank = KalmanBank()
    bank.start([1, 2], np.concatenate([boxes_at(0), boxes_at(0)]))
    bank.predict(0.05)
    bank.update([1, 2], np.concatenate([boxes_at(20), boxes_at(20)]), noise_scale=[1.0, 4.0])
    near, far = bank.boxes([1, 2])[:, 0]
    assert 20 > near > far > 0


def test_a_shrinking_box_keeps_a_side_and_stops_shrinking() -> None:
    bank = KalmanBank()
    bank.start([1], boxes_at(0, width=40))
    for width in range(38, 4, -2):
        bank.predict(0.04)
        bank.update([1], boxes_at(0, width=width))
    bank.predict(10.0)
    x1, _, x2, _ = bank.boxes([1])[0]
    assert x2 - x1 >= 1.0


def test_empty_banks_and_calls_are_no_error() -> None:
    bank = KalmanBank()
    bank.predict(0.1)
    bank.start([], np.zeros((0, 4)))
    bank.update([], np.zeros((0, 4)))
    assert bank.boxes([]).shape == (0, 4)
    assert bank.velocities([]).shape == (0, 2)


@pytest.mark.parametrize("dt_s", [-0.1, float("nan"), float("inf")])
def test_time_does_not_run_backwards(dt_s: float) -> None:
    with pytest.raises(ValueError, match="time step"):
        KalmanBank().predict(dt_s)


def test_the_covariance_stays_positive_over_a_long_life() -> None:
    bank = moved(50, seconds=60)
    assert np.isfinite(bank.boxes([1])).all()
    assert 0 < bank.spread([1])[0] < 0.1


def test_a_hundred_objects_take_a_fraction_of_a_millisecond() -> None:
    bank = KalmanBank(MotionConfig())
    corner = np.random.default_rng(0).uniform(0, 800, (100, 2))
    boxes = np.concatenate([corner, corner + 40], axis=1)
    ids = list(range(100))
    bank.start(ids, boxes)
    took = []
    for _ in range(50):
        began = time.thread_time()
        bank.predict(0.04)
        bank.update(ids, boxes)
        took.append(time.thread_time() - began)
    assert np.median(took) < 0.005  # measured 0.13 ms; the bound allows for a busy or slow machine

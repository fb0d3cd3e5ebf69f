"""Speeds are those of what drives, whatever the picture's size and rate, and their errors are honest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tracker.analytics._seen import Seen
from tracker.analytics._speed import Speed, speed_at
from tracker.scene import Calibration, Lane, PlanePoint
from tracker.scene.plane import RoadPlane
from tracker.types import Origin

Array = NDArray[np.float64]
CALM = settings(deadline=None, derandomize=True, max_examples=30)
SIZE = (1280, 720)
FOCAL_PX, CAMERA_M, TILT = 1100.0, 9.0, np.radians(16)
CORNERS = np.array([[-4.0, 17.0], [4.0, 17.0], [4.0, 60.0], [-4.0, 60.0], [0.0, 30.0], [2.0, 42.0]])
#: A box as high as the rule of heights wants it, so that nothing but the motion is tested.
POWER = 1.3


def project(points: Array) -> tuple[Array, Array]:
    """Return pixels (N, 2) and depths (N,) of metres (N, 3): x right, y ahead, z up."""
    x, y, z = points.T
    depth = y * np.cos(TILT) + (CAMERA_M - z) * np.sin(TILT)
    below = (CAMERA_M - z) * np.cos(TILT) - y * np.sin(TILT)
    return np.stack([640 + FOCAL_PX * x / depth, 360 + FOCAL_PX * below / depth], axis=1), depth


def on_ground(points: Array) -> Array:
    return project(np.column_stack([points, np.zeros(len(points))]))[0]


def calibration() -> Calibration:
    pairs = zip(on_ground(CORNERS).tolist(), CORNERS.tolist(), strict=True)
    return Calibration(points=tuple(PlanePoint((u, v), (x, y)) for (u, v), (x, y) in pairs))


PLANE = RoadPlane.of(calibration(), width_px=SIZE[0])


def marked(rng: np.random.Generator) -> RoadPlane:
    """Return the calibration of somebody who is 1.5 px off."""
    points = [
        replace(p, pixel=(p.pixel[0] + rng.normal(0, 1.5), p.pixel[1] + rng.normal(0, 1.5)))
        for p in calibration().points
    ]
    return RoadPlane.of(Calibration(points=tuple(points)), width_px=SIZE[0])


def times(rate_fps: float = 25.0, before_s: float = 1.4, after_s: float = 1.4) -> Array:
    return np.arange(-round(before_s * rate_fps), round(after_s * rate_fps) + 1) / rate_fps


def boxes_of(y_m: Array, x_m: float = 1.5) -> Array:
    """Return boxes (N, 4) of a car whose rear stands at (x, y)."""
    ground = np.column_stack([np.full(len(y_m), x_m), y_m])
    feet, depth = project(np.column_stack([ground, np.zeros(len(y_m))]))
    width, height = FOCAL_PX * 1.8 / depth, 4000 * depth**-POWER
    return np.column_stack([feet[:, 0] - width / 2, feet[:, 1] - height, feet[:, 0] + width / 2, feet[:, 1]])


def path(times_s: Array, boxes: Array, origins: Sequence[Origin] = ()) -> list[Seen]:
    known = origins or [Origin.DETECTED] * len(times_s)
    rows = zip(times_s.tolist(), boxes.tolist(), known, strict=True)
    return [Seen(t, i, *box, origin) for i, (t, box, origin) in enumerate(rows)]


def speed(seen: Sequence[Seen], at_s: float = 0.0, plane: RoadPlane = PLANE) -> Speed:
    found = speed_at(plane, SIZE, seen, at_s)
    assert found is not None
    return found


def jittered(boxes: Array, rng: np.random.Generator, share: float, memory_frames: float = 3.0) -> Array:
    """Return boxes whose upper and lower sides err for themselves, with a memory."""
    keep = np.exp(-1 / memory_frames)
    noise = rng.normal(size=(len(boxes), 2))
    for i in range(1, len(noise)):
        noise[i] = keep * noise[i - 1] + np.sqrt(1 - keep**2) * noise[i]
    moved = boxes.copy()
    moved[:, [1, 3]] += share * noise * (boxes[:, 3] - boxes[:, 1])[:, None]
    return moved


@CALM
@given(
    st.floats(5, 130),
    st.sampled_from([1, -1]),
    st.floats(2, 60),
    st.floats(-3, 3),
    st.sampled_from(list(Origin)[:2]),
)
def test_constant_motion_gives_the_exact_speed_at_any_rate(
    kmh: float, direction: int, rate_fps: float, x_m: float, origin: Origin
) -> None:
    t = times(rate_fps)
    boxes = boxes_of(40 + direction * kmh / 3.6 * t * 0.45, x_m)
    found = speed(path(t, boxes, [origin] * len(t)))
    assert found.kmh == pytest.approx(0.45 * kmh, rel=1e-5)
    assert 0 < found.error_kmh < max(0.15 * kmh, 2)


@CALM
@given(st.floats(0.25, 4), st.floats(-150, 150), st.integers(0, 50))
def test_scale_and_shift_of_the_picture_change_no_speed(scale: float, shift: float, seed: int) -> None:
    boxes = jittered(boxes_of(40 - 11 * times()), np.random.default_rng(seed), 0.03)
    here = speed(path(times(), boxes))
    moved = [replace(p, pixel=(p.pixel[0] * scale + shift, p.pixel[1] * scale)) for p in calibration().points]
    plane = RoadPlane.of(Calibration(points=tuple(moved)), width_px=SIZE[0] * scale)
    there = speed_at(
        plane,
        (round(SIZE[0] * scale), round(SIZE[1] * scale)),
        path(times(), boxes * scale + np.array([shift, 0, shift, 0])),
        0.0,
    )
    assert there is not None
    assert there.kmh == pytest.approx(here.kmh, rel=1e-4)
    assert there.error_kmh == pytest.approx(here.error_kmh, rel=1e-3)


def test_irregular_times_and_a_later_clock_change_nothing() -> None:
    rng = np.random.default_rng(3)
    t = np.sort(rng.uniform(-1.2, 1.2, 25))
    seen = path(t + 86400, boxes_of(38 + 13 * t))
    assert speed(seen, 86400.0).kmh == pytest.approx(13 * 3.6, rel=1e-5)


def test_a_braking_car_is_measured_at_the_moment() -> None:
    t = times()
    seen = path(t, boxes_of(30 + 12 * t - 1.25 * t**2))
    assert speed(seen).kmh == pytest.approx(12 * 3.6, rel=0.005)
    before = path(t[t <= 0], boxes_of(30 + 12 * t - 1.25 * t**2)[t <= 0])
    late = speed(before)
    assert late.error_kmh > 1.5 * speed(seen).error_kmh
    assert abs(late.kmh - 12 * 3.6) < late.error_kmh


def test_a_solid_car_is_within_what_is_systematic() -> None:
    """A block of 4.4 x 1.8 x 1.5 m: its box changes its shape on the way."""
    t, corners = times(), np.array([(x, y, z) for x in (-0.9, 0.9) for y in (0, 4.4) for z in (0, 1.5)])
    boxes = []
    for y in 30 + 12 * t:
        pixels, _ = project(corners + np.array([2.0, y, 0.0]))
        boxes.append([*pixels.min(axis=0), *pixels.max(axis=0)])
    assert speed(path(t, np.array(boxes))).kmh == pytest.approx(12 * 3.6, rel=0.015)


def test_more_jitter_gives_a_wider_error() -> None:
    rng, clean = np.random.default_rng(4), boxes_of(55 - 12 * times())
    errors = [
        np.median([speed(path(times(), jittered(clean, rng, share))).error_kmh for _ in range(20)])
        for share in (0.02, 0.05, 0.1)
    ]
    assert errors == sorted(errors)
    assert errors[-1] > 1.15 * errors[0]


def test_more_frames_of_the_same_jitter_say_little_more() -> None:
    rng = np.random.default_rng(5)
    errors = []
    for rate_fps in (12.5, 25, 50):
        t = times(rate_fps)
        found = [
            speed(path(t, jittered(boxes_of(40 - 12 * t), rng, 0.03, 0.12 * rate_fps))) for _ in range(20)
        ]
        errors.append(np.median([s.error_kmh for s in found]))
    assert max(errors) < 1.25 * min(errors)


def test_one_wild_box_changes_little() -> None:
    t = times(10)
    boxes = boxes_of(40 - 12 * t)
    boxes[8, 3] += 25
    assert speed(path(t, boxes)).kmh == pytest.approx(12 * 3.6, rel=0.04)


def test_two_vehicles_taken_for_one_have_no_speed() -> None:
    """A track that changes over to one that comes towards it, as far vehicles that meet make it do."""
    t = times()
    meeting = np.where(t < 0.2, 40 + 11 * t, 42.2 - 11 * (t - 0.2))
    assert speed_at(PLANE, SIZE, path(t, boxes_of(meeting)), 0.0) is None


def test_what_is_carried_on_after_the_last_look_is_not_read() -> None:
    """The filter may have gone over to another vehicle, and the looks that missed it are no boxes."""
    t = times()
    boxes, origins = boxes_of(40 - 12 * t), [Origin.DETECTED] * 50 + [Origin.PROPAGATED] * (len(t) - 50)
    boxes[50:] = boxes[50] + 3 * np.arange(len(t) - 50)[:, None]
    assert speed(path(t, boxes, origins)).kmh == pytest.approx(43.2, rel=1e-5)


def driven(rng: np.random.Generator) -> tuple[float, list[Seen]]:
    """Return a true speed, and boxes as the tracker has them: a look every 0.24 s, carried on in between."""
    t, at = times(), rng.uniform(50, 70)
    v, a = rng.uniform(4, 16), rng.normal(0, 1)
    clean = boxes_of(at - v * t + a * t**2 / 2)
    looked = jittered(clean, rng, 0.05) - clean
    offset, drift, origins = looked[0], np.zeros(4), []
    boxes = clean.copy()
    for i in range(len(t)):
        look = i % 6 == 0
        offset, drift = (looked[i], np.zeros(4)) if look else (offset, drift + rng.normal(0, 0.3, 4))
        boxes[i] += offset + drift
        origins.append(Origin.DETECTED if look else Origin.PROPAGATED)
    return v * 3.6, path(t, boxes, origins)


def test_the_intervals_hold() -> None:
    """Far away, where the jitter of the boxes outweighs all else; each with marks of its own."""
    rng = np.random.default_rng(6)
    off = []
    for _ in range(250):
        kmh, seen = driven(rng)
        found = speed(seen, plane=marked(rng))
        off.append(abs(found.kmh - kmh) / found.error_kmh)
    assert 0.86 < np.mean(np.array(off) <= 1) < 0.98


def test_what_was_not_seen_or_cut_by_the_border_is_not_read() -> None:
    t = times()
    boxes, origins = boxes_of(40 - 12 * t), [Origin.DETECTED] * len(t)
    here = speed(path(t, boxes))
    wrong = boxes.copy()
    for i in range(40, 46):
        origins[i], wrong[i] = Origin.PREDICTED, wrong[i] + 60
    assert speed(path(t, wrong, origins)).kmh == pytest.approx(here.kmh, rel=1e-6)
    t = times(after_s=0.4)
    near = boxes_of(16 - 10 * t)  # drives out below: the lower side stands still there
    assert near[:, 3].max() > SIZE[1]
    near[:, 3] = np.minimum(near[:, 3], SIZE[1] - 3)
    assert speed(path(t, near), -0.5).kmh == pytest.approx(36, rel=1e-5)


def test_what_is_carried_on_from_a_cut_box_is_not_read() -> None:
    t = times()
    boxes = boxes_of(20 + 8 * t)
    origins = [Origin.DETECTED if i % 6 == 0 else Origin.PROPAGATED for i in range(len(t))]
    cut = boxes.copy()
    cut[:6, 3] -= 30
    cut[0, 3] = SIZE[1]
    assert speed(path(t, cut, origins)).kmh == pytest.approx(28.8, rel=1e-5)


def test_a_lane_gives_the_same_speed_as_the_plane() -> None:
    along = np.array([18.0, 28.0, 38.0, 58.0])
    marks = on_ground(np.column_stack([np.full(4, 1.5), along]))
    lane = Lane(tuple((u, v) for u, v in marks.tolist()), tuple(along.tolist()))
    plane = RoadPlane.of(Calibration(lanes=(lane,)), width_px=SIZE[0])
    t = times()
    assert speed(path(t, boxes_of(40 - 12 * t)), plane=plane).kmh == pytest.approx(43.2, rel=1e-5)
    assert speed_at(plane, SIZE, path(t, boxes_of(40 - 12 * t, -6.0)), 0.0) is None


def test_what_stands_has_no_speed() -> None:
    rng = np.random.default_rng(7)
    found = speed(path(times(), jittered(boxes_of(np.full(len(times()), 30.0)), rng, 0.01, 12)))
    assert found.kmh < 1 + found.error_kmh
    assert found.error_kmh < 4


@pytest.mark.parametrize("at_s", [-2.0, 2.0, 10.0, float("nan")])
def test_there_is_none_away_from_what_was_seen(at_s: float) -> None:
    assert speed_at(PLANE, SIZE, path(times(), boxes_of(40 - 12 * times())), at_s) is None


def test_there_is_none_of_too_little() -> None:
    t = times()
    seen = path(t, boxes_of(40 - 12 * t))
    assert speed_at(PLANE, SIZE, [], 0.0) is None
    assert speed_at(PLANE, SIZE, seen[28:33], 0.0) is None  # 0.16 s
    assert speed_at(PLANE, SIZE, seen[::25], 0.0) is None  # three boxes
    assert speed_at(PLANE, SIZE, [seen[0]] * 30 + [seen[-1]] * 30, 0.0) is None  # the same moment again


def test_there_is_none_above_the_horizon() -> None:
    t = times()
    boxes = np.column_stack([600 + 20 * t, 5 + 0 * t, 620 + 20 * t, 20 + 0 * t])
    assert speed_at(PLANE, SIZE, path(t, boxes), 0.0) is None

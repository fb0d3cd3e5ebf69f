"""Pixels become the metres that they came from, and what the marks leave unsure is what it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tracker.errors import SceneError
from tracker.scene import Calibration, Lane, PlanePoint
from tracker.scene.plane import RoadPlane

Array = NDArray[np.float64]
CALM = settings(deadline=None, derandomize=True, max_examples=40)
WIDTH, HEIGHT = 1280, 720
CORNERS = np.array([[-4.0, 15.0], [4.0, 15.0], [4.0, 50.0], [-4.0, 50.0]])
MORE = np.array([*CORNERS.tolist(), [0.0, 30.0], [2.0, 22.0], [-3.0, 38.0]])


def camera(height_m: float = 8.0, tilt_deg: float = 18.0, pan_deg: float = 5.0, focal: float = 1.2) -> Array:
    """Return the homography of a pinhole camera above (0, 0): metres x right, y ahead, to pixels."""
    tilt, pan = np.radians([tilt_deg, pan_deg])
    ahead = np.array([np.sin(pan) * np.cos(tilt), np.cos(pan) * np.cos(tilt), -np.sin(tilt)])
    right = np.array([np.cos(pan), -np.sin(pan), 0.0])
    turn = np.stack([right, np.cross(ahead, right), ahead])
    inner = np.array([[focal * WIDTH, 0, WIDTH / 2], [0, focal * WIDTH, HEIGHT / 2], [0, 0, 1]])
    shift = -turn @ np.array([0.0, 0.0, height_m])
    return inner @ np.column_stack([turn[:, 0], turn[:, 1], shift])


def seen(homography: Array, ground: Array) -> Array:
    whole = np.column_stack([ground, np.ones(len(ground))]) @ homography.T
    return whole[:, :2] / whole[:, 2:]


def points(pixels: Array, metres: Array) -> Calibration:
    pairs = zip(pixels.tolist(), metres.tolist(), strict=True)
    return Calibration(points=tuple(PlanePoint((u, v), (x, y)) for (u, v), (x, y) in pairs))


def lane(pixels: Array, metres: Array) -> Lane:
    return Lane(tuple((u, v) for u, v in pixels.tolist()), tuple(metres.tolist()))


cameras = st.builds(camera, st.floats(4, 15), st.floats(8, 40), st.floats(-25, 25), st.floats(0.7, 2.5))


@CALM
@given(cameras, st.floats(-180, 180), st.booleans(), st.floats(-1e4, 1e4))
def test_exact_points_give_exact_metres(matrix: Array, turn: float, mirror: bool, shift: float) -> None:
    """In whatever right-angled system: turned, mirrored, or with a map's large numbers."""
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    system = np.array([[c, -s], [s, c]]) @ np.diag([-1.0 if mirror else 1.0, 1.0])
    elsewhere = np.array([[0.0, 20.0], [3.5, 45.0], [-6.0, 60.0]])
    plane = RoadPlane.of(points(seen(matrix, CORNERS), CORNERS @ system + shift))
    ruler = plane.ruler((0, 0), 0)
    assert ruler is not None
    np.testing.assert_allclose(
        ruler.on_road(seen(matrix, elsewhere)), elsewhere @ system + shift, rtol=0, atol=1e-5
    )


@CALM
@given(cameras, st.floats(0.2, 4), st.floats(-500, 500))
def test_a_scaled_and_shifted_picture_measures_the_same(matrix: Array, scale: float, shift: float) -> None:
    pixels, where = seen(matrix, MORE), seen(matrix, np.array([[1.0, 25.0], [1.0, 40.0]]))
    jitter = np.random.default_rng(0).normal(0, 1, pixels.shape)
    (here,) = RoadPlane.of(points(pixels + jitter, MORE)).rulers
    (there,) = RoadPlane.of(points((pixels + jitter) * scale + shift, MORE)).rulers
    np.testing.assert_allclose(there.on_road(where * scale + shift), here.on_road(where), atol=1e-4)
    std = here.distance_std(where[:1], where[1:])
    np.testing.assert_allclose(
        there.distance_std(where[:1] * scale + shift, where[1:] * scale + shift), std, 1e-3
    )


@CALM
@given(cameras)
def test_the_jacobian_is_the_slope(matrix: Array) -> None:
    (ruler,) = RoadPlane.of(points(seen(matrix, CORNERS), CORNERS)).rulers
    where = seen(matrix, np.array([[1.0, 25.0], [-2.0, 40.0]]))
    steps = [(ruler.on_road(where + d) - ruler.on_road(where - d)) / 2e-3 for d in 1e-3 * np.eye(2)]
    np.testing.assert_allclose(ruler.metres_per_pixel(where), np.stack(steps, axis=2), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("ground", [CORNERS, MORE])
def test_the_stated_error_of_a_distance_is_that_of_many_calibrations(ground: Array) -> None:
    rng, exact = np.random.default_rng(1), seen(camera(), ground)
    where = seen(camera(), np.array([[1.0, 18.0], [1.0, 42.0]]))
    told, stated = [], []
    for _ in range(300):
        plane = RoadPlane.of(points(exact + rng.normal(0, 1, exact.shape), ground), width_px=640)
        told.append(np.linalg.norm(np.diff(plane.rulers[0].on_road(where), axis=0)))
        stated.append(plane.rulers[0].distance_std(where[:1], where[1:])[0])
    assert np.mean(stated) == pytest.approx(np.std(told), rel=0.15)
    assert np.mean(told) == pytest.approx(24, abs=0.1)


def test_what_stands_on_the_road_looks_as_much_larger_as_it_is_nearer() -> None:
    matrix = camera()
    (ruler,) = RoadPlane.of(points(seen(matrix, CORNERS), CORNERS)).rulers
    ground = np.array([[0.0, 20.0], [3.0, 60.0]])
    depths = np.column_stack([ground, np.ones(2)]) @ matrix[2]
    near = ruler.nearness(seen(matrix, ground))
    assert near[0] / near[1] == pytest.approx(depths[1] / depths[0])


def test_there_is_no_road_above_the_horizon() -> None:
    (ruler,) = RoadPlane.of(points(seen(camera(), CORNERS), CORNERS)).rulers
    assert np.isnan(ruler.on_road([[640, -400]])).all()
    assert ruler.nearness([[640, -400]])[0] < 0


def test_points_that_disagree_are_marked_badly() -> None:
    exact = seen(camera(), MORE)
    wrong = exact.copy()
    wrong[4] += 40
    good, bad = (RoadPlane.of(points(p, MORE), width_px=WIDTH).rulers[0] for p in (exact, wrong))
    assert good.mark_std_px < 2
    assert bad.mark_std_px > 10
    assert bad.distance_std(exact[:1], exact[2:3]) > 4 * good.distance_std(exact[:1], exact[2:3])


def line_pixels(x: float, metres: Array) -> Array:
    return seen(camera(pan_deg=-8), np.column_stack([np.full(len(metres), x), metres]))


ALONG = np.array([15.0, 24.0, 33.0, 51.0])


def test_a_lane_measures_along_itself() -> None:
    lanes = Calibration(lanes=(lane(line_pixels(2, ALONG), ALONG),))
    ruler = RoadPlane.of(lanes).ruler(line_pixels(2, ALONG)[1], 10)
    assert ruler is not None
    between = np.array([18.0, 40.0, 60.0])
    np.testing.assert_allclose(ruler.on_road(line_pixels(2, between))[:, 0], between, atol=1e-6)
    assert ruler.metres_per_pixel(line_pixels(2, between)).shape == (3, 1, 1)
    assert 0 < ruler.distance_std(line_pixels(2, between[:1]), line_pixels(2, between[1:2]))[0] < 1.5


def test_the_nearest_lane_measures_and_none_that_is_too_far() -> None:
    lanes = Calibration(lanes=tuple(lane(line_pixels(x, ALONG), ALONG + x) for x in (-2.0, 2.0)))
    plane = RoadPlane.of(lanes)
    beside = line_pixels(2.5, np.array([20.0]))[0]
    assert plane.ruler(beside, 100) is plane.rulers[1]
    assert plane.ruler(beside, 5) is None
    assert plane.ruler(line_pixels(-2, ALONG)[2], 5) is plane.rulers[0]


def test_a_lane_across_the_picture_measures_by_columns() -> None:
    pixels = np.column_stack([[100.0, 400, 700, 1000], [300.0, 310, 320, 330]])
    (ruler,) = RoadPlane.of(Calibration(lanes=(lane(pixels, np.array([0.0, 10, 20, 30])),))).rulers
    np.testing.assert_allclose(ruler.on_road([[550, 300], [850, 360]])[:, 0], [15, 25], atol=1e-6)
    assert ruler.distance_px((550, 330)) == pytest.approx(15)


def test_the_stated_error_along_a_lane_is_that_of_many_calibrations() -> None:
    rng, exact = np.random.default_rng(2), line_pixels(2, ALONG)
    where, told, stated = line_pixels(2, np.array([18.0, 42.0])), [], []
    for _ in range(300):
        marked = exact + rng.normal(0, 1, exact.shape)
        (ruler,) = RoadPlane.of(Calibration(lanes=(lane(marked, ALONG),)), width_px=640).rulers
        told.append(np.ptp(ruler.on_road(where)))
        stated.append(ruler.distance_std(where[:1], where[1:])[0])
    assert np.mean(stated) == pytest.approx(np.std(told), rel=0.15)


FLAT = np.array([[0.0, 0.0], [10.0, 10.0], [20.0, 20.0], [30.0, 5.0]])


@pytest.mark.parametrize(
    ("calibration", "words"),
    [
        (Calibration(), "four points or more, or a lane"),
        (points(seen(camera(), CORNERS)[:3], CORNERS[:3]), "not 3"),
        (points(FLAT, CORNERS), "pixel: needs four points of which no three are on one line"),
        (points(seen(camera(), CORNERS), FLAT), "metres: needs four points of which no three"),
        (points(seen(camera(), CORNERS)[[1, 0, 2, 3]], CORNERS), "exchanged"),
        (points(np.zeros((4, 2)), CORNERS), "pixel: needs four points"),
        (Calibration(lanes=(lane(line_pixels(2, ALONG)[:2], ALONG[:2]),)), "three points or more"),
        (Calibration(lanes=(lane(CORNERS, ALONG),)), "one straight line"),
        (Calibration(lanes=(lane(np.zeros((3, 2)), ALONG[:3]),)), "one straight line"),
        (Calibration(lanes=(lane(line_pixels(2, ALONG)[[0, 2, 1, 3]], ALONG),)), "follow one another"),
        (Calibration(lanes=(lane(line_pixels(2, ALONG), ALONG[[0, 1, 1, 3]]),)), "follow one another"),
    ],
)
def test_it_says_in_one_line_what_is_no_calibration(calibration: Calibration, words: str) -> None:
    with pytest.raises(SceneError, match=words) as caught:
        RoadPlane.of(calibration, "road.toml")
    assert str(caught.value).startswith("road.toml: calibration")
    assert "\n" not in str(caught.value)

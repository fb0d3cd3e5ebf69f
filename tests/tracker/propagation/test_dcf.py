"""What is the batched filter's own: all at once gives what one by one gives, size, hiding, light, memory."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import Frame
from detectors import boxes as boxlib
from tracker.propagation._features import CELLS, CHANNELS, features
from tracker.propagation._patches import SIDE, Pyramid, patches
from tracker.propagation._peaks import find_peaks
from tracker.propagation.dcf import Config, DcfPropagation, build, confidence_of
from tracker.types import Origin, Track, TrackState

CALM = settings(deadline=None, derandomize=True, max_examples=40)
WIDTH, HEIGHT, RATE_FPS = 400, 240, 25.0


def track(track_id: int, box: tuple[float, ...], velocity: tuple[float, float] = (0.0, 0.0)) -> Track:
    seen, moving, votes = np.array(box, np.float32), np.array(velocity, np.float32), np.ones(1, np.float32)
    return Track(
        track_id, seen, moving, 0, 0.9, votes, TrackState.CONFIRMED, Origin.DETECTED, 0.9, 0.0, 0.0, 0.0
    )


def scene(*objects: tuple[int, float, float, float, float], light: float = 1.0) -> np.ndarray:
    """Draw objects (texture, x, y, width, height) on a smooth background."""
    noise = np.random.default_rng(0).integers(60, 120, (HEIGHT, WIDTH, 3), np.uint8)
    image = cv2.GaussianBlur(noise, (0, 0), 2)
    for seed, x, y, width, height in objects:
        texture = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
        matrix = np.array([[width / 8, 0, x], [0, height / 8, y]])
        cv2.warpAffine(
            texture,
            matrix,
            (WIDTH, HEIGHT),
            dst=image,
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_TRANSPARENT,
        )
    return np.clip(image * light, 0, 255).astype(np.uint8)


def cut(image: np.ndarray, *regions: tuple[float, float, float, float]) -> np.ndarray:
    asked = np.array(regions, np.float64)
    return patches(Pyramid(image, asked), asked)


def frame(image: np.ndarray, index: int) -> Frame:
    return Frame(image, index=index, time_s=index / RATE_FPS)


def followed(images: list[np.ndarray], tracks: list[Track], config: Config | None = None) -> list[Track]:
    propagator = build(config or Config())
    propagator.start(frame(images[0], 0), tracks)
    for index, image in enumerate(images[1:], 1):
        tracks = propagator.step(frame(image, index), tracks)
    return tracks


def overlap(found: Track, x: float, y: float, width: float, height: float) -> float:
    return float(boxlib.iou(found.box, np.array([x, y, x + width, y + height], np.float32))[0, 0])


def test_all_at_once_is_one_by_one() -> None:
    moves = [(1, 60.0, 40.0, 3.0, 1.0), (2, 200.0, 90.0, -2.0, 2.0), (3, 300.0, 150.0, 0.0, -3.0)]
    images = [scene(*((s, x + i * vx, y + i * vy, 40, 32) for s, x, y, vx, vy in moves)) for i in range(8)]
    tracks = [track(s, (x, y, x + 40, y + 32), (vx * 25, vy * 25)) for s, x, y, vx, vy in moves]
    together = followed(images, tracks)
    for alone, (_, x, y, vx, vy), one in zip(tracks, moves, together, strict=True):
        (single,) = followed(images, [alone])
        np.testing.assert_allclose(single.box, one.box, atol=1e-2)
        assert single.confidence == pytest.approx(one.confidence, abs=1e-3)
        assert overlap(one, x + 7 * vx, y + 7 * vy, 40, 32) > 0.8


def test_it_follows_a_change_of_size() -> None:
    sides = [40 * 1.01**i for i in range(25)]  # a quarter in a second
    images = [scene((1, 200 - s / 2, 120 - s / 2, s, s)) for s in sides]
    (found,) = followed(images, [track(1, (180, 100, 220, 140))])
    last = sides[-1]
    assert overlap(found, 200 - last / 2, 120 - last / 2, last, last) > 0.75
    assert float(found.box[2] - found.box[0]) > 45


def test_it_is_sure_of_what_it_sees_and_not_of_what_is_gone() -> None:
    images = [scene((1, 100.0 + 3 * i, 100, 40, 40)) for i in range(8)]
    (seen,) = followed(images, [track(1, (100, 100, 140, 140))])
    (gone,) = followed([*images, scene()], [track(1, (100, 100, 140, 140))])
    assert seen.confidence > 0.9
    assert gone.confidence < 0.3


def test_what_hides_an_object_is_not_learnt() -> None:
    """Another texture comes, stands on the object for a second and goes on: it is not followed.

    Nobody says that it is there. With the default it is followed.
    """
    free = scene((1, 100, 100, 40, 40))
    hidden = scene((1, 100, 100, 40, 40), (9, 90, 90, 60, 60))
    going = [scene((1, 100, 100, 40, 40), (9, 90.0 + 4 * i, 90, 60, 60)) for i in range(40)]
    images = [free] * 5 + [hidden] * 25 + going
    (after,) = followed(images, [track(1, (100, 100, 140, 140))], Config(learn_above=0.75))
    assert overlap(after, 100, 100, 40, 40) > 0.7
    assert after.confidence > 0.8


def test_who_is_behind_another_goes_on_as_it_moved() -> None:
    """One overtakes another that looks like it, behind it: the nearer one reaches further down."""
    images = [scene((1, 60.0 + 4 * i, 100, 40, 40), (1, 110.0 + i, 104, 40, 40)) for i in range(41)]
    far, near = track(1, (60, 100, 100, 140), (100, 0)), track(2, (110, 104, 150, 144), (25, 0))
    behind, before = followed(images, [far, near])
    assert overlap(behind, 220, 100, 40, 40) > 0.8
    assert overlap(before, 150, 104, 40, 40) > 0.8
    (caught, _) = followed(images, [far, near], Config(hidden=1.0))
    assert overlap(caught, 220, 100, 40, 40) < 0.5


def test_several_looks_know_better_where_an_object_is_than_the_last() -> None:
    image = scene((1, 100, 100, 40, 40))

    def after_looks(kept: float) -> float:
        """Return how far to the side it ends up, in pixels; the last look is 5 pixels off."""
        propagator = DcfPropagation(Config(kept=kept))
        for index, off in enumerate((-5, 5, -5, 5)):
            seen = track(1, (100 + off, 100, 140 + off, 140))
            propagator.start(frame(image, index), [seen])
        for index in range(4, 9):
            (seen,) = propagator.step(frame(image, index), [seen])
        return abs(float(seen.box[0]) - 100)

    assert after_looks(0.0) > 4
    assert after_looks(Config().kept) < 3


def test_who_is_detected_elsewhere_is_followed_there() -> None:
    """What its filter knew from another place, and another object, does not hold it back."""
    images = [scene((1, 40, 100, 40, 40), (2, 200.0 + 3 * i, 100, 40, 40)) for i in range(12)]
    propagator = DcfPropagation(Config())
    for index in range(3):
        propagator.start(frame(images[index], index), [track(1, (40, 100, 80, 140))])
    found = track(1, (209, 100, 249, 140), (75, 0))
    propagator.start(frame(images[3], 3), [found])
    for index in range(4, 12):
        (found,) = propagator.step(frame(images[index], index), [found])
    assert overlap(found, 233, 100, 40, 40) > 0.8


def test_it_does_not_fall_behind_what_moves_without_a_known_velocity() -> None:
    images = [scene((1, 40.0 + 4 * i, 100, 40, 40)) for i in range(60)]
    (found,) = followed(images, [track(1, (40, 100, 80, 140))])
    assert overlap(found, 40 + 4 * 59, 100, 40, 40) > 0.85


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("padding", 1.0),
        ("scale_step", 1.0),
        ("memory_s", 0.0),
        ("scale_every_s", -1.0),
        ("learn_above", 1.5),
        ("kept", 1.1),
        ("hidden", -0.1),
    ],
)
def test_settings_with_which_nothing_can_be_found(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=option):
        Config(**{option: value})


def test_light_changes_little() -> None:
    images = [scene((1, 100.0 + 2 * i, 100, 40, 40), light=1 - 0.04 * i) for i in range(12)]
    (found,) = followed(images, [track(1, (100, 100, 140, 140))])
    assert overlap(found, 122, 100, 40, 40) > 0.8


def test_who_is_stopped_takes_no_room_and_moves_nobody() -> None:
    images = [scene((1, 60, 40, 40, 32), (2, 200, 90, 40, 32)) for _ in range(4)]
    one, two = track(1, (60, 40, 100, 72)), track(2, (200, 90, 240, 122))
    both, single = DcfPropagation(Config()), DcfPropagation(Config())
    both.start(frame(images[0], 0), [one, two])
    single.start(frame(images[0], 0), [two])
    both.stop([1])
    for index in (1, 2, 3):
        (left,) = both.step(frame(images[index], index), [two])
        (only,) = single.step(frame(images[index], index), [two])
    np.testing.assert_allclose(left.box, only.box, atol=1e-3)
    (unknown,) = both.step(frame(images[3], 4), [one])
    assert unknown.origin is Origin.PREDICTED


@CALM
@given(
    st.floats(-200, 600), st.floats(-200, 500), st.floats(1, 3000), st.floats(1, 3000), st.integers(0, 2**31)
)
def test_any_region_has_finite_features(x: float, y: float, width: float, height: float, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (60, 80, 3), np.uint8)
    seen = features(cut(image, (x, y, width, height)))
    assert seen.shape == (1, CHANNELS, CELLS, CELLS)
    assert seen.dtype == np.float32
    assert np.isfinite(seen).all()
    assert np.abs(seen).max() < 10


def test_a_region_of_the_grids_size_is_the_picture_itself() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    (patch,) = cut(image, (40.0, 30.0, SIDE, SIDE))
    np.testing.assert_array_equal(patch, image[14:46, 24:56])


@pytest.mark.parametrize("factor", [1, 3, 6])
def test_a_large_region_is_averaged_in_place(factor: int) -> None:
    """A bright square in the middle of the region is in the middle of the patch, at any scale."""
    side = SIDE * factor
    image = np.zeros((side + 40, side + 60, 3), np.uint8)
    middle = side // 2
    image[
        10 + middle - 4 * factor : 10 + middle + 4 * factor,
        20 + middle - 4 * factor : 20 + middle + 4 * factor,
    ] = 240
    (patch,) = cut(image, (20.0 + middle, 10.0 + middle, side, side))
    ys, xs = np.nonzero(patch[..., 0] > 120)
    assert (ys.min(), ys.max() + 1, xs.min(), xs.max() + 1) == (12, 20, 12, 20)


@CALM
@given(st.lists(st.tuples(*[st.floats(-50, 450)] * 2, *[st.floats(4, 300)] * 2), min_size=2, max_size=5))
def test_what_else_is_looked_at_changes_no_patch(regions: list[tuple[float, float, float, float]]) -> None:
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (384, 512, 3), np.uint8), (0, 0), 3)
    together = cut(image, *regions)
    for patch, region in zip(together, regions, strict=True):
        np.testing.assert_allclose(patch.astype(int), cut(image, region)[0], atol=2)


def test_more_objects_than_opencv_takes_at_once() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    regions = [(10.0 + i % 60, 30.0, 20.0, 20.0) for i in range(1200)]
    together = cut(image, *regions)
    np.testing.assert_array_equal(together[1100], cut(image, regions[1100])[0])


def test_what_is_finer_than_the_grid_is_averaged() -> None:
    """A chequered floor of single pixels is grey from afar, not a pattern of chance."""
    side = 6 * SIDE
    chequered = np.indices((side, side)).sum(0) % 2 * 255
    image = np.repeat(chequered[:, :, None], 3, 2).astype(np.uint8)
    (patch,) = cut(image, (side / 2, side / 2, side * 0.9, side * 0.9))
    assert patch.std() < 20
    assert patch.mean() == pytest.approx(127, abs=5)


@CALM
@given(st.floats(-6, 6), st.floats(-6, 6), st.floats(0.2, 1.0))
def test_the_peak_is_found_to_a_fraction_of_a_cell(dx: float, dy: float, height: float) -> None:
    cells = np.arange(CELLS)
    apart = [(cells - d + CELLS / 2) % CELLS - CELLS / 2 for d in (dx, dy)]
    response = height * np.exp(-(apart[0][None] ** 2 + apart[1][:, None] ** 2) / (2 * 2.0**2))
    peaks = find_peaks(response[None].astype(np.float32))
    np.testing.assert_allclose(peaks.shift[0], [dx, dy], atol=0.05)
    assert peaks.height[0] == pytest.approx(height, rel=0.1)


def test_confidence_rises_with_the_height() -> None:
    confidences = confidence_of(np.array([-50, 0, 0.1, 0.224, 0.6, 1, 50], np.float32))
    assert (np.diff(confidences) >= 0).all()
    assert confidences[3] == pytest.approx(0.5)
    assert ((confidences >= 0) & (confidences <= 1)).all()
    assert np.isfinite(confidences).all()

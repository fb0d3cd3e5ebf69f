"""What every propagator promises, whichever is in the folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from detectors import Frame
from detectors import boxes as boxlib
from detectors.registry import Registry
from tracker.confidence import Calibration
from tracker.propagation._calibrated import Calibrated
from tracker.protocols import Propagator
from tracker.types import Origin, Track, TrackState

REGISTRY = Registry("tracker.propagation", "propagator")
RATE_FPS = 25.0
#: Any of them, with a probability for its confidence.
CALIBRATED = "dcf, calibrated"
FOLLOWS_WELL = {"dcf", "dlib"}
CONTRIB = {"opencv_csrt", "opencv_kcf", "opencv_mosse"}


@pytest.fixture(params=[*REGISTRY.usable(), CALIBRATED])
def propagator(request: pytest.FixtureRequest) -> Propagator:
    if request.param == CALIBRATED:
        return Calibrated(REGISTRY.build("dcf"), Calibration(0.5, {"own": 1.0, "age": -0.5, "way": -0.1}))
    return REGISTRY.build(request.param)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A textured background, 320x240."""
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def track(track_id: int, box: tuple[float, ...], velocity: tuple[float, float] = (0.0, 0.0)) -> Track:
    return Track(
        id=track_id,
        box=np.array(box, np.float32),
        velocity=np.array(velocity, np.float32),
        label=0,
        score=0.9,
        class_scores=np.array([0.9], np.float32),
        state=TrackState.CONFIRMED,
        origin=Origin.DETECTED,
        confidence=0.9,
        first_seen_s=0.0,
        last_seen_s=0.0,
        last_detected_s=0.0,
    )


def frame(image: np.ndarray, index: int) -> Frame:
    return Frame(image, index=index, time_s=index / RATE_FPS)


def check(before: list[Track], after: list[Track]) -> None:
    assert [t.id for t in after] == [t.id for t in before]
    for old, new in zip(before, after, strict=True):
        assert new.box.dtype == np.float32
        assert new.box.shape == (4,)
        assert np.isfinite(new.box).all()
        assert 0.0 <= new.confidence <= 1.0
        assert new.origin in (Origin.PROPAGATED, Origin.PREDICTED)
        assert (new.label, new.score, new.state) == (old.label, old.score, old.state)
        assert new.last_detected_s == old.last_detected_s
        np.testing.assert_array_equal(new.velocity, old.velocity)


def test_it_is_a_propagator(propagator: Propagator) -> None:
    assert isinstance(propagator, Propagator)


def test_same_tracks_same_order(propagator: Propagator, picture: np.ndarray) -> None:
    tracks = [track(5, (20, 20, 60, 50)), track(2, (100, 80, 140, 120)), track(9, (200, 100, 230, 180))]
    propagator.start(frame(picture, 0), tracks)
    for index in range(1, 4):
        after = propagator.step(frame(picture, index), tracks)
        check(tracks, after)
        tracks = after


def test_nothing_is_carried_where_there_is_nothing(propagator: Propagator, picture: np.ndarray) -> None:
    propagator.start(frame(picture, 0), [])
    assert propagator.step(frame(picture, 1), []) == []


def test_a_track_that_was_never_started(propagator: Propagator, picture: np.ndarray) -> None:
    known, new = track(1, (20, 20, 60, 50)), track(2, (100, 80, 140, 120))
    propagator.start(frame(picture, 0), [known])
    after = propagator.step(frame(picture, 1), [known, new])
    check([known, new], after)
    np.testing.assert_allclose(after[1].box, new.box, atol=1)


def test_stopped_and_unknown_ids(propagator: Propagator, picture: np.ndarray) -> None:
    one, two = track(1, (20, 20, 60, 50)), track(2, (100, 80, 140, 120))
    propagator.start(frame(picture, 0), [one, two])
    propagator.stop([1, 77])
    propagator.stop([])
    check([two], propagator.step(frame(picture, 1), [two]))


def test_nothing_handed_in_is_changed(propagator: Propagator, picture: np.ndarray) -> None:
    image, tracks = picture.copy(), [track(1, (20, 20, 60, 50), (30, 0))]
    propagator.start(frame(image, 0), tracks)
    propagator.step(frame(image, 1), tracks)
    np.testing.assert_array_equal(image, picture)
    np.testing.assert_array_equal(tracks[0].box, [20, 20, 60, 50])
    assert tracks[0].origin is Origin.DETECTED


@pytest.mark.parametrize(
    "box",
    [
        (-30, -20, 25, 30),
        (300, 200, 360, 280),
        (50, 50, 53, 52),
        (60, 60, 60, 60),
        (-90, -90, -40, -40),
        (0, 0, 320, 240),
    ],
    ids=["over the corner", "over the far corner", "tiny", "no area", "outside", "whole picture"],
)
def test_awkward_boxes(propagator: Propagator, picture: np.ndarray, box: tuple[float, ...]) -> None:
    tracks = [track(1, box, (-40, 10))]
    propagator.start(frame(picture, 0), tracks)
    for index in range(1, 4):
        after = propagator.step(frame(picture, index), tracks)
        check(tracks, after)
        tracks = after


def test_a_flat_picture_gives_no_rubbish(propagator: Propagator) -> None:
    black = np.zeros((120, 160, 3), np.uint8)
    tracks = [track(1, (40, 40, 80, 80))]
    propagator.start(frame(black, 0), tracks)
    for index in range(1, 4):
        tracks = propagator.step(frame(black, index), tracks)
    check([track(1, (0, 0, 1, 1))], tracks)


def test_started_anew_it_is_at_the_new_place(propagator: Propagator, picture: np.ndarray) -> None:
    propagator.start(frame(picture, 0), [track(1, (20, 20, 60, 50))])
    again = track(1, (24, 22, 64, 52))
    propagator.start(frame(picture, 1), [again])
    (after,) = propagator.step(frame(picture, 2), [again])
    assert boxlib.iou(after.box, again.box)[0, 0] > 0.6


def follow(propagator: Propagator, picture: np.ndarray, place: Callable[[int], int]) -> list[float]:
    """Move a patch over the picture and return the IoU on each frame."""
    patch = cv2.resize(np.random.default_rng(5).integers(0, 256, (8, 8, 3), np.uint8), (40, 40))
    overlap: list[float] = []
    tracks: list[Track] = []
    for index in range(15):
        x = place(index)
        image = picture.copy()
        image[100:140, x : x + 40] = patch
        truth = np.array([x, 100, x + 40, 140], np.float32)
        if index == 0:
            tracks = [track(1, tuple(truth))]
            propagator.start(frame(image, 0), tracks)
        else:
            tracks = propagator.step(frame(image, index), tracks)
        overlap.append(float(boxlib.iou(tracks[0].box, truth)[0, 0]))
    return overlap


@pytest.mark.parametrize("name", sorted(FOLLOWS_WELL))
def test_it_follows_a_moving_patch(name: str, picture: np.ndarray) -> None:
    overlap = follow(REGISTRY.build(name), picture, lambda index: 30 + 4 * index)
    assert min(overlap) > 0.7


def test_what_every_installation_has_can_be_used() -> None:
    assert set(REGISTRY.names()) - set(REGISTRY.usable()) <= CONTRIB


def alone(code: str) -> str:
    """Return what a fresh interpreter prints, in which OpenCV may be given another flavour."""
    before = "import cv2; from tracker.compose.registries import PROPAGATORS as REGISTRY;"
    done = subprocess.run([sys.executable, "-c", before + code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("flavour", ["contrib", "plain"])
def test_contrib_components_appear_where_they_can_be_used(flavour: str) -> None:
    tracker = "cv2.TrackerMIL" if flavour == "contrib" else "None"
    listed = alone(
        f"cv2.TrackerKCF = {tracker}\n"
        "try: REGISTRY.load('opencv_mill_or_kcf')\n"
        "except Exception as exc: print(type(exc).__name__, exc)"
    )
    assert listed.startswith("UnknownNameError unknown propagator 'opencv_mill_or_kcf': did you mean")
    assert "opencv_mil" in listed
    assert ("opencv_kcf" in listed) is (flavour == "contrib")


def test_what_contrib_lacks_is_said_plainly() -> None:
    said = alone(
        "cv2.TrackerKCF = None\n"
        "try: REGISTRY.load('opencv_kcf')\n"
        "except Exception as exc: print(type(exc).__name__, exc)"
    )
    assert said.startswith(
        "UsageError propagator 'opencv_kcf' cannot be used here: this OpenCV has no TrackerKCF"
    )
    assert "opencv-contrib-python" in said

"""What is dlib's own: its confidence, its colours, its guess."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors import Frame
from detectors import boxes as boxlib
from detectors.errors import UsageError
from detectors.registry import Registry
from tracker.propagation.dlib import confidence_of
from tracker.types import Origin, Track, TrackState

REGISTRY = Registry("tracker.propagation", "propagator")


def track(box: tuple[float, ...], velocity: tuple[float, float] = (0.0, 0.0)) -> Track:
    seen = np.array(box, np.float32)
    moving = np.array(velocity, np.float32)
    votes = np.ones(1, np.float32)
    return Track(1, seen, moving, 0, 0.9, votes, TrackState.CONFIRMED, Origin.DETECTED, 0.9, 0.0, 0.0, 0.0)


def scene(x: int, hidden: bool = False) -> np.ndarray:
    """A patch of 40x40 at (x, 100) on a smooth background."""
    noise = np.random.default_rng(0).integers(60, 120, (240, 400, 3), np.uint8)
    image = cv2.GaussianBlur(noise, (0, 0), 2)
    if not hidden:
        image[100:140, x : x + 40] = cv2.resize(
            np.random.default_rng(5).integers(0, 256, (8, 8, 3), np.uint8), (40, 40)
        )
    return image


def run(propagator, places: list[int], velocity: tuple[float, float] = (0.0, 0.0)) -> Track:
    tracks = [track((places[0], 100, places[0] + 40, 140), velocity)]
    propagator.start(Frame(scene(places[0])), tracks)
    for index, x in enumerate(places[1:], start=1):
        tracks = propagator.step(Frame(scene(x), index=index, time_s=index / 25), tracks)
    return tracks[0]


def test_confidence_is_half_at_six_and_rises_with_the_ratio() -> None:
    assert confidence_of(6.0) == pytest.approx(0.5)
    ratios = [confidence_of(ratio) for ratio in (-1e9, 0, 3, 6, 9, 20, 1e9, float("inf"))]
    assert ratios == sorted(ratios)
    assert 0.0 <= ratios[0] < 0.1
    assert ratios[-1] == pytest.approx(1.0)
    assert confidence_of(float("nan")) == 0.0


def test_it_is_sure_of_what_it_sees_and_not_of_what_is_gone() -> None:
    propagator = REGISTRY.build("dlib")
    seen = run(propagator, [100 + 3 * i for i in range(8)])
    (gone,) = propagator.step(Frame(scene(0, hidden=True), index=8, time_s=8 / 25), [seen])
    assert seen.confidence > 0.8
    assert gone.confidence < 0.5


@pytest.mark.parametrize("color", ["grey", "rgb"])
def test_both_colours_follow(color: str) -> None:
    after = run(REGISTRY.build("dlib", {"color": color}), [100 + 3 * i for i in range(8)])
    assert boxlib.iou(after.box, np.array([121, 100, 161, 140]))[0, 0] > 0.8


def test_the_guess_finds_what_is_too_fast_for_the_search() -> None:
    places = [60, 130, 200]  # 70 px a frame, most of two box sides
    truth = np.array([200, 100, 240, 140])
    blind = run(REGISTRY.build("dlib", {"guess": "false"}), places, velocity=(70 * 25, 0))
    led = run(REGISTRY.build("dlib"), places, velocity=(70 * 25, 0))
    assert boxlib.iou(led.box, truth)[0, 0] > 0.8
    assert boxlib.iou(blind.box, truth)[0, 0] < 0.3


def test_a_box_that_leaves_is_cut_and_then_given_up() -> None:
    propagator = REGISTRY.build("dlib")
    background = scene(0, hidden=True)
    tracks = [track((350, 100, 390, 140), (400, 0))]
    propagator.start(Frame(background), tracks)
    boxes = []
    for index in range(1, 6):
        tracks = propagator.step(Frame(background, index=index, time_s=index / 25), tracks)
        boxes.append((tracks[0].box, tracks[0].confidence))
    for box, confidence in boxes:
        inside = boxlib.areas(boxlib.clip(box, 400, 240)) / boxlib.areas(box)
        assert inside == pytest.approx(1.0) or (inside <= 0.25 and confidence == 0.0)


def test_an_unknown_colour_is_refused() -> None:
    with pytest.raises(UsageError, match="one of grey, rgb"):
        REGISTRY.build("dlib", {"color": "sepia"})

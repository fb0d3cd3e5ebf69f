"""Motion alone: where it leads, and how soon it stops being believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors import Frame
from detectors.errors import UsageError
from detectors.registry import Registry
from tracker.types import Origin, Track, TrackState

REGISTRY = Registry("tracker.propagation", "propagator")
PICTURE = np.zeros((240, 800, 3), np.uint8)
VOTES = np.ones(1, np.float32)
STILL = np.zeros(2, np.float32)
FIRST = Track(
    1,
    np.zeros(4, np.float32),
    STILL,
    0,
    0.9,
    VOTES,
    TrackState.CONFIRMED,
    Origin.DETECTED,
    0.9,
    0.0,
    0.0,
    0.0,
)


def frame(time_s: float) -> Frame:
    return Frame(PICTURE, index=round(time_s * 100), time_s=time_s)


def seen(time_s: float, speed: float = 100.0) -> Track:
    box = np.array([50, 100, 90, 130], np.float32) + np.float32(speed * time_s) * np.array([1, 0, 1, 0])
    return replace(FIRST, box=box.astype(np.float32), last_detected_s=time_s)


def watched(rate_fps: float, detections: int = 12):
    """Return a propagator that saw a vehicle at 100 px/s for as many looks, and the last track."""
    propagator = REGISTRY.build("kalman")
    for index in range(detections):
        propagator.start(frame(index / rate_fps), [seen(index / rate_fps)])
    return propagator, replace(seen((detections - 1) / rate_fps), detections=detections)


def carry(propagator, track: Track, start_s: float, seconds: float, rate_fps: float) -> list[Track]:
    steps, tracks = [], [track]
    for step in range(1, round(seconds * rate_fps) + 1):
        tracks = propagator.step(frame(start_s + step / rate_fps), tracks)
        steps.append(tracks[0])
    return steps


def test_it_glides_on_at_constant_velocity() -> None:
    propagator, last = watched(10)
    after = carry(propagator, last, 1.1, 1.0, 10)[-1]
    np.testing.assert_allclose(after.box, seen(2.1).box, atol=3)
    assert after.origin is Origin.PROPAGATED


def test_confidence_falls_with_the_time_since_the_last_detection() -> None:
    propagator, last = watched(10)
    confidences = [track.confidence for track in carry(propagator, last, 1.1, 3.0, 10)]
    assert confidences == sorted(confidences, reverse=True)
    assert confidences[0] > 0.95
    assert 0.4 < confidences[9] < 0.8
    assert confidences[-1] < 0.2


def test_a_new_track_is_doubted_sooner_than_an_old_one() -> None:
    new, newest = watched(10, detections=2)
    old, oldest = watched(10, detections=12)
    assert (
        0 < carry(new, newest, 0.1, 0.3, 10)[-1].confidence < carry(old, oldest, 1.1, 0.3, 10)[-1].confidence
    )


def test_who_was_seen_once_has_no_velocity_and_is_not_believed() -> None:
    propagator, once = watched(10, detections=1)
    assert {track.confidence for track in carry(propagator, once, 0.0, 0.3, 10)} == {0.0}


@pytest.mark.parametrize("rate_fps", [5, 10, 50])
def test_the_frame_rate_of_the_steps_changes_nothing(rate_fps: float) -> None:
    propagator, last = watched(10)
    after = carry(propagator, last, 1.1, 1.0, rate_fps)[-1]
    reference, last = watched(10)
    expected = carry(reference, last, 1.1, 1.0, 10)[-1]
    np.testing.assert_allclose(after.box, expected.box, atol=0.05)
    assert after.confidence == pytest.approx(expected.confidence, rel=1e-3)


def test_a_spread_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="above 0"):
        REGISTRY.build("kalman", {"half_spread": 0})

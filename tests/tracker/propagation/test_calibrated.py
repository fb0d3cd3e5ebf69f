"""A probability in place of a propagator's own confidence, and nothing else changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from detectors import Frame
from tracker.confidence import Calibration
from tracker.propagation._calibrated import Calibrated
from tracker.types import Origin, Track, TrackState

PICTURE = np.zeros((100, 200, 3), np.uint8)


class Falling:
    """Carries every box where it was, less and less surely; of unknown ones it says nothing."""

    def __init__(self, confidences: Sequence[float]) -> None:
        self._coming = list(confidences)
        self._known: set[int] = set()

    def start(self, frame: Frame, tracks: Sequence[Track]) -> None:
        self._known |= {track.id for track in tracks}

    def step(self, frame: Frame, tracks: Sequence[Track]) -> list[Track]:
        confidence = self._coming.pop(0)
        return [
            replace(t, origin=Origin.PROPAGATED, confidence=confidence)
            if t.id in self._known
            else replace(t, origin=Origin.PREDICTED, confidence=0.0)
            for t in tracks
        ]

    def stop(self, ids: Iterable[int]) -> None:
        self._known -= set(ids)


def detected(track_id: int) -> Track:
    return Track(
        id=track_id,
        box=np.array((10, 10, 30, 30), np.float32),
        velocity=np.zeros(2, np.float32),
        label=0,
        score=0.75,
        class_scores=np.ones(1, np.float32),
        state=TrackState.CONFIRMED,
        origin=Origin.DETECTED,
        confidence=0.75,
        first_seen_s=0.0,
        last_seen_s=0.0,
        last_detected_s=0.0,
    )


def test_it_states_what_was_fitted() -> None:
    propagator = Calibrated(Falling([0.5, 0.5]), Calibration(1.0, {"own": 1.0, "score": 2.0}))
    propagator.start(Frame(PICTURE), [detected(1)])
    known, unknown = propagator.step(Frame(PICTURE, time_s=0.1), [detected(1), detected(2)])
    assert known.confidence == pytest.approx(1 / (1 + np.exp(-2.5)))
    assert (unknown.confidence, unknown.origin) == (0.0, Origin.PREDICTED)
    propagator.stop([1])
    assert propagator.step(Frame(PICTURE, time_s=0.2), [known])[0].confidence == 0.0


def test_who_has_left_the_picture_is_not_made_sure_again() -> None:
    propagator = Calibrated(Falling([0.0]), Calibration(9.0, {}))
    propagator.start(Frame(PICTURE), [detected(1)])
    assert propagator.step(Frame(PICTURE, time_s=0.1), [detected(1)])[0].confidence == 0.0


def test_a_fall_counts_from_the_last_start() -> None:
    propagator = Calibrated(Falling([0.9, 0.5, 0.5]), Calibration(0.0, {"fallen": -1.0}))
    propagator.start(Frame(PICTURE), [detected(1)])
    tracks = propagator.step(Frame(PICTURE, time_s=0.1), [detected(1)])
    assert tracks[0].confidence == pytest.approx(0.5)
    tracks = propagator.step(Frame(PICTURE, time_s=0.2), tracks)
    assert tracks[0].confidence == pytest.approx(0.1)
    propagator.start(Frame(PICTURE, time_s=0.2), tracks)
    assert propagator.step(Frame(PICTURE, time_s=0.3), tracks)[0].confidence == pytest.approx(0.5)

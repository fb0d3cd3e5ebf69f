"""When two tracks that meet or part make the CNN look."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import Frame
from tracker.triggers.overlap import Config, Overlap, build
from tracker.types import Origin, Reason, Track, TrackState

PICTURE = np.zeros((50, 200, 3), np.uint8)


def track(
    track_id: int, x: float, confidence: float = 0.9, state: TrackState = TrackState.CONFIRMED
) -> Track:
    box, still = np.array([x, 10, x + 20, 30], np.float32), np.zeros(2, np.float32)
    votes = np.ones(1, np.float32)
    return Track(track_id, box, still, 0, 0.9, votes, state, Origin.PROPAGATED, confidence, 0.0, 0.0, 0.0)


def looks(trigger: Overlap, frames: list[list[Track]]) -> list[tuple[int, Reason, int | None]]:
    """Return the places of the frames, 0.1 s apart, at which it looks, why, and for whom."""
    found = []
    for index, tracks in enumerate(frames):
        frame = Frame(PICTURE, index=index, time_s=index / 10)
        if reason := trigger.reason(frame, tracks):
            found.append((index, reason, trigger.cause))
            trigger.looked(frame, tracks)
    return found


FAR = [track(1, 20), track(2, 100)]
NEAR = [track(1, 20), track(2, 30, confidence=0.6)]  # IoU 1/3
TOUCH = [track(1, 20), track(2, 37)]  # 0.08
FIRST = (0, Reason.FIRST_FRAME, None)


def test_it_looks_when_they_meet_and_when_they_part() -> None:
    frames = [FAR, FAR, NEAR, NEAR, TOUCH, NEAR, FAR, FAR]
    assert looks(build(Config()), frames) == [FIRST, (2, Reason.OVERLAP, 2), (6, Reason.OVERLAP, 1)]


def test_a_slight_touch_is_no_meeting() -> None:
    assert looks(build(Config()), [FAR, TOUCH, TOUCH, FAR]) == [FIRST]


@pytest.mark.parametrize("state", [TrackState.TENTATIVE, TrackState.COASTING])
def test_who_is_not_confirmed_has_no_place_to_lose(state: TrackState) -> None:
    unsure = [track(1, 20), track(2, 30, state=state)]
    assert looks(build(Config()), [unsure] * 5) == [FIRST]


def test_who_is_gone_has_not_parted() -> None:
    assert looks(build(Config()), [NEAR, NEAR, [track(1, 20)], [track(1, 20)]]) == [FIRST]


def test_it_rests_between_two_looks() -> None:
    frames = [FAR, *[NEAR, FAR] * 4]
    assert [index for index, *_ in looks(build(Config(rest_s=0.3)), frames)] == [0, 3, 6]


def test_a_refused_look_is_asked_for_again() -> None:
    trigger = build(Config())
    trigger.looked(Frame(PICTURE, time_s=0.0), FAR)
    for index in range(1, 4):  # nobody looks
        assert trigger.reason(Frame(PICTURE, index=index, time_s=index / 10), NEAR) is Reason.OVERLAP


@pytest.mark.parametrize("values", [{"least": 0.1, "parted": 0.2}, {"least": 1.1}, {"rest_s": -1.0}])
def test_settings_that_cannot_be(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Config(**values)

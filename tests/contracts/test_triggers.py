"""What every trigger keeps. A new file in the folder is picked up by itself."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import Frame
from detectors.errors import UsageError
from detectors.registry import Registry
from tracker.protocols import Trigger
from tracker.types import Origin, Reason, Track, TrackState

TRIGGERS = Registry("tracker.triggers", "trigger")
PICTURE = np.zeros((20, 20, 3), np.uint8)


def track(
    confidence: float = 0.9,
    origin: Origin = Origin.PROPAGATED,
    state: TrackState = TrackState.CONFIRMED,
) -> Track:
    box = np.array([1, 1, 9, 9], np.float32)
    still, votes = np.zeros(2, np.float32), np.ones(1, np.float32)
    return Track(1, box, still, 0, 0.9, votes, state, origin, confidence, 0.0, 0.0, 0.0)


def looks(
    trigger: Trigger, times: list[float], tracks: list[Track], **about: object
) -> list[tuple[float, Reason]]:
    found = []
    for index, time_s in enumerate(times):
        now = Frame(PICTURE, index=index, time_s=time_s, **(about if index == len(times) - 1 else {}))  # type: ignore[arg-type]
        reason = trigger.reason(now, tracks)
        if reason:
            found.append((time_s, reason))
            trigger.looked(now, tracks)
    return found


def clock(rate_fps: float, seconds: float) -> list[float]:
    return [i / rate_fps for i in range(int(rate_fps * seconds))]


@pytest.mark.parametrize("name", TRIGGERS.names())
def test_every_trigger_looks_at_the_first_frame(name: str) -> None:
    trigger = TRIGGERS.build(name)
    assert isinstance(trigger, Trigger)
    assert trigger.reason(Frame(PICTURE), []) in (Reason.FIRST_FRAME, Reason.ALWAYS)


@pytest.mark.parametrize("name", TRIGGERS.names())
def test_every_trigger_looks_again_though_nothing_is_there(name: str) -> None:
    assert len(looks(TRIGGERS.build(name), clock(25, 10), [])) > 5


@pytest.mark.parametrize("rate_fps", [10, 20, 40])
@pytest.mark.parametrize("name", ["interval", "confidence"])
def test_the_interval_is_in_seconds(name: str, rate_fps: float) -> None:
    trigger = TRIGGERS.build(name, {"interval_s": 0.5})
    found = looks(trigger, clock(rate_fps, 3), [track()])
    assert [time_s for time_s, _ in found] == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5])
    assert [reason for _, reason in found] == [Reason.FIRST_FRAME] + [Reason.INTERVAL] * 5


@pytest.mark.parametrize("name", TRIGGERS.names())
def test_looks_at_parts_do_not_put_off_the_look_at_the_whole(name: str) -> None:
    interval = {} if name == "always" else {"interval_s": 0.5}
    trigger, part = TRIGGERS.build(name, interval), np.array([0, 0, 10, 10], np.float32)
    trigger.reason(Frame(PICTURE), [track()])
    trigger.looked(Frame(PICTURE), [track()])
    for index, time_s in enumerate((0.1, 0.2, 0.3, 0.4), 1):
        frame = Frame(PICTURE, index, time_s)
        trigger.reason(frame, [track()])
        trigger.looked(frame, [track()], part)
    assert trigger.reason(Frame(PICTURE, 5, 0.5), [track()]) is not None
    assert trigger.region is None


def test_an_unsure_tracker_is_looked_at_on_this_frame() -> None:
    trigger = TRIGGERS.build("confidence", {"threshold": 0.4, "rest_s": 0.1, "interval_s": 9})
    assert looks(trigger, [0.0, 0.2], [track(0.39)])[-1] == (0.2, Reason.LOW_CONFIDENCE)


def test_doubts_leave_the_cnn_its_rest() -> None:
    trigger = TRIGGERS.build("confidence", {"rest_s": 0.2, "interval_s": 9})
    assert [t for t, _ in looks(trigger, clock(20, 1), [track(0.0)])] == pytest.approx(
        [0, 0.2, 0.4, 0.6, 0.8]
    )


@pytest.mark.parametrize(
    ("about", "reason"), [({"cut": True}, Reason.CUT), ({"gap_s": 2.0}, Reason.GAP)], ids=["cut", "gap"]
)
def test_a_new_shot_and_a_gap_do_not_wait(about: dict[str, object], reason: Reason) -> None:
    trigger = TRIGGERS.build("confidence", {"rest_s": 5, "interval_s": 9})
    assert looks(trigger, [0.0, 0.04], [track(0.0)], **about)[-1] == (0.04, reason)


@pytest.mark.parametrize(
    ("doubtful", "reason"),
    [
        (track(origin=Origin.PREDICTED), Reason.TRACK_LOST),
        (track(state=TrackState.COASTING), Reason.TRACK_LOST),
        (track(state=TrackState.TENTATIVE), Reason.UNCONFIRMED),
        (track(0.1, state=TrackState.TENTATIVE), Reason.LOW_CONFIDENCE),
    ],
    ids=["not carried", "not found by the last look", "seen once only", "seen once only, and unsure"],
)
def test_doubtful_tracks_ask_for_a_look(doubtful: Track, reason: Reason) -> None:
    trigger = TRIGGERS.build("confidence", {"interval_s": 9})
    assert looks(trigger, [0.0, 0.5], [doubtful])[-1] == (0.5, reason)


def test_of_several_doubts_the_first_in_the_list_of_reasons_counts() -> None:
    new, lost, unsure = track(state=TrackState.TENTATIVE), track(origin=Origin.PREDICTED), track(0.1)
    for tracks, reason in (([new, lost, unsure], Reason.LOW_CONFIDENCE), ([new, lost], Reason.TRACK_LOST)):
        trigger = TRIGGERS.build("confidence", {"interval_s": 9})
        assert looks(trigger, [0.0, 0.5], tracks)[-1] == (0.5, reason)


def test_a_threshold_of_0_and_no_time_to_confirm_leave_no_doubt() -> None:
    tracks = [track(0.0), track(0.0, state=TrackState.TENTATIVE)]
    for confirm_s, reasons in (
        (0.12, {Reason.FIRST_FRAME, Reason.UNCONFIRMED}),
        ("inf", {Reason.FIRST_FRAME}),
    ):
        trigger = TRIGGERS.build("confidence", {"threshold": 0, "confirm_s": confirm_s, "interval_s": 9})
        assert {reason for _, reason in looks(trigger, clock(25, 2), tracks)} == reasons


def test_a_sure_tracker_asks_for_nothing() -> None:
    assert looks(TRIGGERS.build("confidence", {"interval_s": 9}), clock(25, 5), [track(0.9)]) == [
        (0.0, Reason.FIRST_FRAME)
    ]


@pytest.mark.parametrize(("name", "option"), [("confidence", "threshold"), ("interval", "interval_s")])
def test_senseless_options_are_refused(name: str, option: str) -> None:
    with pytest.raises(UsageError, match=option):
        TRIGGERS.build(name, {option: -1})

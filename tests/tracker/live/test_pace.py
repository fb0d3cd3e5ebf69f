"""The budget of a live run follows what the machine can do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Frame
from tracker.live.pace import Pace
from tracker.types import FrameResult, Reason

IMAGE = np.zeros((4, 4, 3), np.uint8)


@dataclass
class Budget:
    share: float = 1.0


def simulate(budget: Budget, look_s: float, rest_s: float, rate_fps: float, seconds: float) -> float:
    """Let a camera send; return the share of its frames that were processed in the last half."""
    pace, now_s, handed, index, owed = Pace(budget), 0.0, [], -1, 0.0
    while now_s < seconds:
        index = max(int(now_s * rate_fps), index + 1)  # the latest frame wins, or the next is waited for
        arrival_s = index / rate_fps
        owed += budget.share
        looks = owed >= 1
        owed -= looks
        spent_s = rest_s + look_s * looks
        frame = Frame(IMAGE, index, arrival_s, arrival_s=arrival_s)
        reason, stages = (Reason.ALWAYS, {"detect": look_s}) if looks else (None, {})
        pace.measure(FrameResult(frame, reason, None, (), stage_s=stages), spent_s)
        now_s = max(now_s, arrival_s) + spent_s
        handed.append(index)
    late = [index for index in handed if index > seconds * rate_fps / 2]
    return len(late) / (seconds * rate_fps / 2)


def test_fewer_looks_before_fewer_frames():
    """25 frames a second, 10 ms to track one and 60 ms to look at it: a look on every third or so goes."""
    budget = Budget()
    kept = simulate(budget, look_s=0.06, rest_s=0.01, rate_fps=25, seconds=60)
    assert budget.share == pytest.approx((0.9 * 0.04 - 0.01) / 0.06, abs=0.03)
    assert kept > 0.95


def test_a_fast_machine_keeps_the_whole_budget():
    budget = Budget(0.5)
    assert simulate(budget, look_s=0.01, rest_s=0.002, rate_fps=25, seconds=20) > 0.95
    assert budget.share == 0.5


def test_where_even_tracking_is_too_slow_it_still_looks_twice_a_second():
    """80 ms to track and 100 ms to look: some ten frames a second, and a look at every fifth."""
    budget = Budget()
    kept = simulate(budget, look_s=0.1, rest_s=0.08, rate_fps=25, seconds=60)
    assert budget.share * kept * 25 == pytest.approx(2.0, rel=0.1)


def test_pictures_that_arrive_in_bursts_change_nothing():
    """Ten at a time, as a network may deliver them: the camera took them evenly."""
    budget = Budget()
    pace = Pace(budget)
    for index in range(200):
        frame = Frame(IMAGE, index, index / 25, arrival_s=(index // 10 + 1) * 0.4)
        looked = index % 3 == 0
        stages = {"detect": 0.03} if looked else {}
        reason = Reason.INTERVAL if looked else None
        pace.measure(FrameResult(frame, reason, None, (), stage_s=stages), 0.005 + 0.03 * looked)
    assert budget.share == pytest.approx((0.9 * 0.04 - 0.005) / 0.03, abs=0.05)


@given(
    st.floats(0.1, 1.0),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.2), st.booleans()), max_size=80),
)
def test_the_share_never_leaves_its_limits(most, frames):
    budget = Budget(most)
    pace, arrival_s = Pace(budget), 0.0
    for index, (spent_s, look_s, step_s, looked) in enumerate(frames):
        arrival_s += step_s
        reason = Reason.INTERVAL if looked else None
        stages = {"detect": look_s} if looked else {}
        frame = Frame(IMAGE, index, arrival_s, arrival_s=arrival_s)
        pace.measure(FrameResult(frame, reason, None, (), stage_s=stages), spent_s)
        assert 0 < budget.share <= most


def test_a_file_changes_nothing():
    budget = Budget()
    pace = Pace(budget)
    for index in range(20):
        frame = Frame(IMAGE, index, index / 25)
        pace.measure(FrameResult(frame, Reason.ALWAYS, None, (), stage_s={"detect": 1.0}), 2.0)
    assert budget.share == 1.0

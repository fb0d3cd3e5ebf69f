"""The CNN's share of the frames has a limit, whoever asks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors import Frame
from tracker.triggers import confidence, interval
from tracker.triggers._budget import Budgeted
from tracker.triggers.always import Always
from tracker.types import Reason, Track

PICTURE = np.zeros((16, 16, 3), np.uint8)


class Asking:
    """Asks on the frames that it was told."""

    def __init__(self, wanted: set[int]) -> None:
        self.wanted, self.told = wanted, list[int]()
        self.cause: int | None = 7
        self.region: NDArray[np.float32] | None = np.array([0, 0, 8, 8], np.float32)
        self.parts = list[NDArray[np.float32] | None]()

    def reason(self, frame: Frame, tracks: Sequence[Track]) -> Reason | None:
        if frame.index == 0:
            return Reason.FIRST_FRAME
        return Reason.LOW_CONFIDENCE if frame.index in self.wanted else None

    def looked(
        self, frame: Frame, result: Sequence[Track], looked_at: NDArray[np.float32] | None = None
    ) -> None:
        self.told.append(frame.index)
        self.parts.append(looked_at)


def looks(trigger: Budgeted, times_s: Sequence[float]) -> list[int]:
    found = []
    for index, time_s in enumerate(times_s):
        frame = Frame(PICTURE, index, time_s)
        if trigger.reason(frame, []):
            trigger.looked(frame, [])
            found.append(index)
    return found


@settings(max_examples=60, deadline=None)
@given(
    wanted=st.sets(st.integers(1, 599)),
    share=st.sampled_from([0.05, 0.1, 0.2, 0.5, 1.0]),
    gaps_s=st.lists(st.sampled_from([0.01, 0.04, 0.1, 1.0]), min_size=600, max_size=600),
)
def test_no_ten_seconds_have_more_looks(wanted: set[int], share: float, gaps_s: list[float]) -> None:
    times_s = np.cumsum([0.0, *gaps_s]).tolist()
    asking = Asking(wanted)
    found = looks(Budgeted([asking], share), times_s)
    assert found[0] == 0
    assert asking.told == found
    assert set(found[1:]) <= wanted
    for end_s in (times_s[index] for index in found[1:]):
        inside = [index for index in range(1, len(times_s)) if end_s - 10 < times_s[index] <= end_s]
        assert len(set(found) & set(inside)) <= share * len(inside) + 1e-6


def test_all_of_it_is_spent_where_all_is_asked_for() -> None:
    assert len(looks(Budgeted([Always()], 0.2), [i / 25 for i in range(1001)])) == 201


def test_what_is_asked_for_seldom_is_given() -> None:
    times_s = [i / 25 for i in range(500)]
    plain = interval.build(interval.Config(interval_s=0.4))
    assert looks(Budgeted([plain], 0.2), times_s) == list(range(0, 500, 10))


def test_a_burst_leaves_something_for_what_comes_after_it() -> None:
    wanted = set(range(250, 750))  # after ten quiet seconds
    found = looks(Budgeted([Asking(wanted)], 0.1), [i / 25 for i in range(750)])[1:]
    assert sum(250 <= index < 275 for index in found) == 3
    assert max(np.diff(found)) <= 60


def test_every_trigger_is_told_of_every_look() -> None:
    doubts, asking = confidence.build(confidence.Config(interval_s=0.2)), Asking(set())
    found = looks(Budgeted([doubts, asking], 0.5), [i / 25 for i in range(50)])
    assert asking.told == found
    assert len(found) > 5


@pytest.mark.parametrize("whole", [False, True])
def test_a_part_is_handed_on_unless_every_look_is_at_the_whole(whole: bool) -> None:
    asking = Asking(set(range(600)))
    trigger = Budgeted([asking], 0.1, whole=whole)
    for index in range(600):
        frame = Frame(PICTURE, index, index / 25)
        if trigger.reason(frame, []):
            trigger.looked(frame, [], trigger.region)
    assert len(asking.told) > 40
    assert asking.parts == [None if whole else asking.region] * len(asking.told)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1])
def test_a_share_that_is_none(share: float) -> None:
    from detectors.errors import UsageError
    from tracker.config import Settings

    with pytest.raises(UsageError, match="budget must be above 0 and at most 1"):
        Settings().changed(budget=share)

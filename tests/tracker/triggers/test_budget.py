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


def looks(trigger: Budgeted, frames: int) -> list[int]:
    found = []
    for index in range(frames):
        frame = Frame(PICTURE, index, index / 25)
        if trigger.reason(frame, []):
            trigger.looked(frame, [])
            found.append(index)
    return found


@settings(max_examples=60, deadline=None)
@given(wanted=st.sets(st.integers(1, 399)), share=st.floats(0.02, 1))
def test_no_stretch_of_frames_has_more_looks(wanted: set[int], share: float) -> None:
    asking = Asking(wanted)
    found = looks(Budgeted([asking], share), 400)
    assert found[0] == 0
    assert asking.told == found
    assert set(found[1:]) <= wanted
    for place, last in enumerate(found[1:], 1):
        assert place <= share * last + 1e-6  # from the beginning, and in any stretch up to this look:
        for earlier, first in enumerate(found[1 : place + 1], 1):
            assert place - earlier + 1 <= share * (last - first + 1) + 1 + 1e-6


@pytest.mark.parametrize("share", [0.05, 0.2, 0.3, 0.7, 0.8, 1.0])
def test_all_of_it_is_spent_where_all_is_asked_for(share: float) -> None:
    found = looks(Budgeted([Always()], share), 1001)
    assert len(found) == 1 + round(1000 * share)
    assert set(np.diff(found)) <= {int(1 / share + 1e-9), int(np.ceil(1 / share - 1e-9))}  # evenly


def test_what_is_asked_for_seldom_is_given() -> None:
    plain = interval.build(interval.Config(interval_s=0.4))
    assert looks(Budgeted([plain], 0.2), 500) == list(range(0, 500, 10))


def test_nothing_is_saved_up_for_a_burst() -> None:
    wanted = set(range(250, 750))  # after ten quiet seconds
    assert looks(Budgeted([Asking(wanted)], 0.1), 750)[1:] == list(range(250, 750, 10))
    assert looks(Budgeted([Asking(wanted)], 0.7), 750)[1:5] == [250, 252, 253, 255]


def test_every_trigger_is_told_of_every_look() -> None:
    doubts, asking = confidence.build(confidence.Config(interval_s=0.2)), Asking(set())
    found = looks(Budgeted([doubts, asking], 0.5), 50)
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

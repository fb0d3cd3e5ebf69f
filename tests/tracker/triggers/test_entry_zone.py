"""Where who is new may enter: learnt, forgotten, and looked at before the interval is over."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from detectors import Frame
from tracker.triggers._background import Watching
from tracker.triggers.entry_zone import Config, build
from tracker.types import Origin, Reason, Track, TrackState

RATE_FPS = 20.0
SIZE = (384, 240)
rng = np.random.default_rng(3)
ROAD = rng.integers(90, 110, (SIZE[1], SIZE[0], 3), np.uint8)
Box = tuple[int, int, int, int]
Places = Callable[[int], dict[int, Box]]
Looks = list[tuple[int, Reason]]


class Street:
    """Frames in which boxes are, and a CNN that finds all of them but those with a number from 90 on.

    Args:
        trigger: asked on every frame.
        needed: number of looks that confirm a track.
    """

    def __init__(self, trigger: Watching[Config], needed: int = 2) -> None:
        self.trigger = trigger
        self._needed = needed
        self._found: dict[int, tuple[float, int]] = {}  # since when, and how often

    def watch(
        self,
        first: int,
        end: int,
        places: Places,
        others: int | None = None,
        scale: int = 1,
        gap_s: float = 0.0,
        cut: bool = False,
    ) -> Looks:
        """Return when the trigger wanted a look, and why.

        Args:
            first: number of the first frame, before which there may be a gap or a cut.
            end: number behind the last frame.
            places: boxes by frame.
            others: another trigger looks whenever a frame's number can be divided by this.
            scale: of every row and column of pixels only each so many-th is there.
            gap_s: unseen time before the first frame.
            cut: whether a new shot begins with the first frame.
        """
        looks = []
        for index in range(first, end):
            boxes = places(index)
            about = (gap_s, cut) if index == first else (0.0, False)
            frame = Frame(picture(boxes)[::scale, ::scale].copy(), index, index / RATE_FPS, *about)
            reason = self.trigger.reason(frame, self._tracks(boxes))
            if reason:
                looks.append((index, reason))
            if reason or (others and index % others == 0) or about != (0.0, False):
                self._find(frame.time_s, boxes)
                self.trigger.looked(frame, self._tracks(boxes))
        return looks

    def _find(self, now_s: float, boxes: dict[int, Box]) -> None:
        for number in boxes:
            if number < 90:
                since_s, times = self._found.get(number, (now_s, 0))
                self._found[number] = (since_s, times + 1)

    def _tracks(self, boxes: dict[int, Box]) -> list[Track]:
        return [track(n, boxes[n], *self._found[n], self._needed) for n in boxes if n in self._found]


def picture(boxes: dict[int, Box]) -> np.ndarray:
    image = ROAD.copy()
    for x1, y1, x2, y2 in boxes.values():
        image[max(y1, 0) : y2, max(x1, 0) : x2] = 220
    return image


def track(number: int, box: Box, since_s: float, times: int, needed: int) -> Track:
    place, still, votes = np.array(box, np.float32), np.zeros(2, np.float32), np.ones(1, np.float32)
    state = TrackState.CONFIRMED if times >= needed else TrackState.TENTATIVE
    seen = (since_s, since_s, since_s)
    return Track(number, place, still, 0, 0.9, votes, state, Origin.PROPAGATED, 0.9, *seen)


def drives(number: int, begin: int, x: int = -30, y: int = 100) -> Places:
    """Return who appears at a frame and drives to the right, until it has left the picture."""

    def places(index: int) -> dict[int, Box]:
        left = x + 8 * (index - begin)
        return {number: (left, y, left + 30, y + 20)} if index >= begin and -30 < left < SIZE[0] else {}

    return places


def nobody(index: int) -> dict[int, Box]:
    return {}


def quiet(**options: float) -> Watching[Config]:
    return build(Config(**{"interval_s": 60.0, **options}))  # type: ignore[arg-type]


ENTERS = drives(1, begin=30)


def learnt(places: Places = ENTERS, needed: int = 2, **options: float) -> Street:
    """Return a street that was looked at every 0.3 s of 5 s; at 1.5 s somebody entered at the left."""
    street = Street(quiet(**options), needed)
    assert street.watch(0, 100, places, others=6) == [(0, Reason.FIRST_FRAME)]
    return street


def test_as_long_as_nobody_entered_the_interval_is_waited_for() -> None:
    looks = Street(quiet(interval_s=0.5)).watch(0, 41, drives(1, begin=15))
    assert looks == [(0, Reason.FIRST_FRAME), *((index, Reason.INTERVAL) for index in (10, 20, 30, 40))]


def test_who_enters_where_somebody_entered_is_looked_at_within_three_frames() -> None:
    looks = learnt().watch(100, 160, drives(2, begin=121))
    assert looks[0] in [(index, Reason.ENTRY_ZONE) for index in (122, 123, 124)]
    assert len(looks) == 1  # from here on the track explains what moves


@pytest.mark.parametrize(
    "elsewhere",
    [drives(2, 123, y=200), drives(2, 123, x=150), drives(98, 123, x=250, y=20)],
    ids=["at another border", "in the middle of the road", "a flag that the CNN does not find"],
)
def test_the_same_movement_elsewhere_asks_for_nothing(elsewhere: Places) -> None:
    assert learnt().watch(100, 170, elsewhere) == []


def test_a_beginning_away_from_the_border_counts_too() -> None:
    assert learnt(drives(1, begin=31, x=150)).watch(100, 120, drives(2, begin=105, x=150))


def test_one_who_is_never_confirmed_opens_nothing() -> None:
    assert learnt(needed=99).watch(100, 130, drives(2, begin=110)) == []


def test_who_stood_still_when_it_was_found_opens_nothing() -> None:
    def parked(index: int) -> dict[int, Box]:
        """The CNN misses a parked car in the beginning."""
        return {99 if index < 50 else 1: (150, 100, 180, 120)}

    street = learnt(parked)
    assert street.watch(100, 120, lambda index: parked(index) | drives(98, 105, x=90)(index)) == []


@pytest.mark.parametrize(
    ("options", "asks"), [({}, True), ({"gap_s": 2.0}, False)], ids=["watched", "behind a gap"]
)
def test_behind_a_gap_who_is_new_opens_nothing(options: dict[str, float], asks: bool) -> None:
    street = learnt(nobody)
    street.watch(102, 150, drives(1, begin=102, x=150), others=6, **options)  # type: ignore[arg-type]
    assert bool(street.watch(150, 170, drives(2, begin=155, x=150))) is asks


def test_who_is_there_at_the_first_look_opens_nothing() -> None:
    street = learnt(drives(1, begin=0, x=150))
    assert street.watch(100, 120, drives(2, begin=105, x=150)) == []


@pytest.mark.parametrize(("forget_s", "asks"), [(60.0, True), (5.0, False)])
def test_an_entrance_that_nobody_uses_is_forgotten(forget_s: float, asks: bool) -> None:
    street = learnt(forget_s=forget_s)
    street.watch(100, 160, nobody)
    assert bool(street.watch(160, 170, drives(2, begin=162))) is asks


def test_an_entrance_that_is_used_is_kept() -> None:
    street = learnt(forget_s=5.0)
    assert street.watch(100, 160, drives(2, begin=121), others=6)
    assert street.watch(160, 170, drives(3, begin=162))


@pytest.mark.parametrize("change", ["cut", "size"])
def test_another_view_is_learnt_anew(change: str) -> None:
    about = {"cut": True} if change == "cut" else {"scale": 2}
    assert learnt().watch(100, 130, drives(2, begin=110), **about) == []  # type: ignore[arg-type]


def flag(index: int) -> dict[int, Box]:
    x = index * 7 % 20
    return {98: (x, 100, x + 20, 120)}


def test_looks_leave_the_cnn_its_rest() -> None:
    looks = learnt(rest_s=0.4).watch(100, 140, drives(98, begin=103))
    assert [reason for _, reason in looks] == [Reason.ENTRY_ZONE] * len(looks)
    assert len(looks) > 1
    assert min(np.diff([index for index, _ in looks])) >= 8


def test_where_looks_are_in_vain_they_become_fewer() -> None:
    looks = [index for index, _ in learnt().watch(100, 260, flag)]
    early, late = (sum(first <= index < first + 80 for index in looks) for first in (100, 180))
    assert early >= 2
    assert late <= early / 2


def test_the_same_frames_give_the_same_looks() -> None:
    first, second = (learnt().watch(100, 160, drives(2, begin=121)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "options",
    [
        {"interval_s": -1.0},
        {"least_share": 0.0},
        {"around": -0.1},
        {"around": 2.0},
        {"least_moving": 1.5},
        {"forget_s": 0.0},
    ],
)
def test_settings_with_which_nothing_can_be_learnt(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Config(**options)  # type: ignore[arg-type]

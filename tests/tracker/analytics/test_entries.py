"""Who came in and passed a line before anybody saw it counts; what is not known is not claimed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.analytics._entries import MOST_UNSEEN_S, UNSEEN_S, came_in, longest_unseen_s
from tracker.analytics._seen import Seen
from tracker.scene import Gate, Line, Scene
from tracker.types import Event, Origin

#: The picture is 400 x 300; a box of 30 x 20 whose centre is on this line lies 5 px from the left border.
NEAR_THE_LEFT = Line("gate", ((20, 100), (20, 200)), ("out", "in"))
SCENE = Scene(size=(400, 300), lines=(NEAR_THE_LEFT,))
GATES = (Gate("left", ((20, 100), (20, 200))), Gate("right", ((300, 100), (300, 200))))
Watch = Callable[..., list[Event]]
Straight = Callable[..., list[tuple[float, float]]]


def seen(time_s: float, x: float, y: float = 150.0) -> Seen:
    return Seen(time_s, round(time_s * 25), x - 15, y - 10, x + 15, y + 10, Origin.DETECTED)


def from_frame(first: int, places: list[tuple[float, float]]) -> list[tuple[float, float] | None]:
    return [*[None] * first, *places]


def test_who_came_in_and_passed_the_line_between_two_looks_counts(
    watch: Watch, way: type, straight: Straight
) -> None:
    path = from_frame(20, straight((32, 150), (212, 150), 46))  # 100 px/s, 12 px behind the line
    (event,) = watch(SCENE, way(path))
    assert (event.name, event.direction, event.frame_index) == ("gate", "in", 20)
    assert event.origin is Origin.PREDICTED
    assert event.time_s == pytest.approx(0.8 - 0.12, abs=1e-3)


@pytest.mark.parametrize("tentative", [0, 2, 12])
def test_it_is_the_same_whenever_the_track_is_confirmed(
    watch: Watch, way: type, straight: Straight, tentative: int
) -> None:
    path = from_frame(20, straight((32, 150), (212, 150), 46))
    assert len(watch(SCENE, way(path, tentative=tentative))) == 1


@pytest.mark.parametrize(
    ("first", "start", "end"),
    [
        (20, (32, 150), (77, 150)),  # 25 px/s: it was in the picture for longer
        (20, (120, 150), (300, 150)),  # far from the border
        (20, (32, 150), (-10, 150)),  # on its way out
        (20, (32, 150), (32, 150)),  # it stands there
        (20, (32, 50), (212, 50)),  # beside the line
        (2, (32, 150), (212, 150)),  # before the video began
    ],
)
def test_others_do_not(
    watch: Watch, way: type, straight: Straight, first: int, start: tuple[int, int], end: tuple[int, int]
) -> None:
    events = watch(SCENE, way(from_frame(first, straight(start, end, 46))))
    assert [event for event in events if event.direction == "in"] == []


def test_who_may_be_another_one_that_was_lost_there_does_not(
    watch: Watch, way: type, straight: Straight
) -> None:
    lost = way(straight((52, 150), (52, 150), 18))  # 20 px off: too far to be the same for sure
    assert watch(SCENE, lost, way(from_frame(20, straight((32, 150), (212, 150), 46)))) == []


def test_who_is_seen_before_the_line_counts_once(watch: Watch, way: type, straight: Straight) -> None:
    (event,) = watch(SCENE, way(from_frame(20, straight((17, 150), (197, 150), 46))))
    assert event.origin is Origin.DETECTED


def test_a_second_sight_long_after_tells_no_velocity() -> None:
    assert came_in(seen(1.0, 32), seen(1.3, 62), (400, 300)) is not None
    assert came_in(seen(1.0, 32), seen(2.5, 182), (400, 300)) is None


@pytest.mark.parametrize(
    ("intervals_s", "budget", "rate_fps", "wanted"),
    [
        ((), None, None, UNSEEN_S),
        ((0.3,), None, 25.0, 0.35),
        ((0.5, 1.0), None, 25.0, 0.55),  # whichever asks first
        ((0.3,), 0.1, 25.0, 0.45),
        ((0.3,), 0.1, None, UNSEEN_S),
        ((0.3,), 0.5, 25.0, UNSEEN_S),
        ((0.3,), 0.01, 25.0, MOST_UNSEEN_S),
    ],
)
def test_who_is_looked_for_seldom_may_be_unseen_for_longer(
    intervals_s: tuple[float, ...], budget: float | None, rate_fps: float | None, wanted: float
) -> None:
    assert longest_unseen_s(intervals_s, budget, rate_fps) == pytest.approx(wanted)


def test_the_way_back_is_as_long_as_there_was_no_look() -> None:
    slow, later = seen(1.0, 32), seen(1.3, 44)  # 40 px/s, 17 px from the border: 0.43 s
    assert came_in(slow, later, (400, 300)) is None
    place = came_in(slow, later, (400, 300), 0.45)
    assert place is not None
    assert place.time_s == pytest.approx(1 - 17 / 40)


def test_a_turn_begins_where_it_came_in(watch: Watch, way: type, straight: Straight) -> None:
    path = from_frame(20, straight((32, 150), (380, 150), 88))
    (event,) = watch(Scene(size=(400, 300), gates=GATES), way(path))
    assert (event.kind, event.name, event.direction) == ("turn", "left", "right")


@given(x=st.floats(0, 400), y=st.floats(0, 300), vx=st.floats(-500, 500), vy=st.floats(-500, 500))
@settings(max_examples=200, deadline=None)
def test_a_place_where_it_came_in_lies_at_the_border_on_its_way(
    x: float, y: float, vx: float, vy: float
) -> None:
    first, later = seen(2.0, x, y), seen(2.25, x + 0.25 * vx, y + 0.25 * vy)
    place = came_in(first, later, (400, 300))
    if place is None:
        return
    assert 2.0 - UNSEEN_S <= place.time_s < 2.0
    back_s = 2.0 - place.time_s
    assert place.x1 == pytest.approx(first.x1 - vx * back_s, abs=1e-3)
    assert place.y1 == pytest.approx(first.y1 - vy * back_s, abs=1e-3)
    sides = (place.x1, place.y1, 400 - place.x2, 300 - place.y2)
    assert min(abs(side) for side in sides) < 1e-3

"""Whoever crosses a line counts once a direction, whatever its box or its track does there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.analytics._headways import Headways, Passing
from tracker.analytics._journeys import LINGER_S
from tracker.scene import Line, Scene
from tracker.types import Event, Origin

#: From left to right, so that the first direction goes down the picture.
ACROSS = Line("road", ((100, 150), (300, 150)), ("down", "up"))
SCENE = Scene(size=(400, 300), lines=(ACROSS,))
Watch = Callable[..., list[Event]]
Straight = Callable[..., list[tuple[float, float]]]


def told(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.name, event.direction) for event in events]


def test_a_crossing_says_who_when_which_way_and_how_sure(watch: Watch, way: type, straight: Straight) -> None:
    votes = np.array([3, 1, 0, 0, 0, 0], np.float32)
    (event,) = watch(SCENE, way(straight((200, 50), (200, 250), 51), votes=votes))
    assert (event.kind, event.name, event.direction, event.track_id) == ("crossing", "road", "down", 1)
    assert event.time_s == pytest.approx(1.0, abs=1e-3)
    assert event.frame_index == 25
    assert event.label == 0
    assert event.class_score == pytest.approx(0.75)
    assert event.origin is Origin.DETECTED
    assert event.box.tolist() == pytest.approx([185, 140, 215, 160])
    assert event.speed_kmh is None  # without a calibration there is no speed


def test_the_other_way_is_the_other_direction(watch: Watch, way: type, straight: Straight) -> None:
    assert told(watch(SCENE, way(straight((200, 250), (200, 50), 51)))) == [("road", "up")]


def test_headways_are_those_of_vehicles_in_one_direction(watch: Watch, way: type, straight: Straight) -> None:
    """A person between two vehicles, and who comes from the other side, are not in the way."""
    ahead = [None] * 50
    ways = [
        way(straight((150, 50), (150, 250), 51)),
        way([*ahead[:10], *straight((250, 250), (250, 50), 51)]),
        way([*ahead[:25], *straight((200, 50), (200, 250), 51)], label=5),
        way([*ahead, *straight((150, 50), (150, 250), 51)], label=2),
    ]
    found = {event.track_id: event.headway_s for event in watch(SCENE, *ways)}
    assert found == {1: None, 2: None, 3: None, 4: pytest.approx(2.0, abs=1e-3)}


def test_what_nobody_saw_is_no_headway() -> None:
    headways, down = Headways(), Passing(0, True)
    assert headways.of(down, 1.0) is None
    headways.look(2.0, 0.9, cut=False)
    assert headways.of(down, 3.0) == pytest.approx(2.0)
    assert headways.of(down, 2.5) == pytest.approx(1.5)  # told late
    headways.look(10.0, 5.0, cut=False)
    assert headways.of(down, 12.0) is None
    headways.look(13.0, 0.0, cut=True)
    assert headways.of(down, 14.0) is None
    assert headways.of(down, 15.5) == pytest.approx(1.5)
    assert headways.of(Passing(0, False), 15.6) is None


@pytest.mark.parametrize("x", [80.0, 320.0])
def test_beside_the_line_nothing_is_counted(watch: Watch, way: type, straight: Straight, x: float) -> None:
    assert watch(SCENE, way(straight((x, 50), (x, 250), 51))) == []


def test_just_beside_an_end_still_counts(watch: Watch, way: type, straight: Straight) -> None:
    assert told(watch(SCENE, way(straight((305, 50), (305, 250), 51)))) == [("road", "down")]


def test_who_stops_on_the_line_and_trembles_there_for_a_minute_counts_once(
    watch: Watch, way: type, straight: Straight
) -> None:
    rng = np.random.default_rng(1)
    here = [(200 + float(dx), 150 + float(dy)) for dx, dy in rng.normal(0, 1.0, (1500, 2))]
    path = [*straight((200, 50), (200, 150), 40), *here, *straight((200, 150), (200, 250), 40)]
    assert told(watch(SCENE, way(path))) == [("road", "down")]


def test_who_trembles_behind_the_line_crossed_it_at_the_beginning(
    watch: Watch, way: type, straight: Straight
) -> None:
    """A bus stops just behind the line: its crossing is not a minute late."""
    rng = np.random.default_rng(2)
    stop = [(200.0, 151.0 + float(dy)) for dy in rng.normal(0, 0.7, 1000)]
    path = [*straight((200, 50), (200, 151), 50), *stop, *straight((200, 151), (200, 250), 50)]
    (event,) = watch(SCENE, way(path))
    assert event.time_s == pytest.approx(49 / 25, abs=0.2)


def test_who_waits_before_the_line_crosses_it_when_it_drives_on(
    watch: Watch, way: type, straight: Straight
) -> None:
    rng = np.random.default_rng(3)
    stop = [(200.0, 149.0 + float(dy)) for dy in rng.normal(0, 0.7, 1000)]
    path = [*straight((200, 50), (200, 149), 50), *stop, *straight((200, 149), (200, 250), 50)]
    (event,) = watch(SCENE, way(path))
    assert event.time_s == pytest.approx(1050 / 25, abs=0.5)


def test_who_turns_back_counts_in_both_directions(watch: Watch, way: type, straight: Straight) -> None:
    path = [*straight((200, 50), (200, 220), 60), *straight((200, 220), (200, 50), 60)]
    assert told(watch(SCENE, way(path))) == [("road", "down"), ("road", "up")]


def test_who_goes_round_and_round_counts_once_a_direction(
    watch: Watch, way: type, straight: Straight
) -> None:
    lap = [*straight((200, 50), (200, 220), 60), *straight((200, 220), (200, 50), 60)]
    assert sorted(told(watch(SCENE, way(lap * 3)))) == [("road", "down"), ("road", "up")]


def test_a_thing_that_only_trembles_on_the_line_is_not_counted(watch: Watch, way: type) -> None:
    rng = np.random.default_rng(4)
    path = [(200 + float(dx), 150 + float(dy)) for dx, dy in rng.normal(0, 1.0, (500, 2))]
    assert watch(SCENE, way(path)) == []


def test_a_track_that_is_never_confirmed_is_not_counted(watch: Watch, way: type, straight: Straight) -> None:
    assert watch(SCENE, way(straight((200, 50), (200, 250), 51), tentative=99)) == []


def test_what_was_crossed_before_the_track_was_confirmed_counts(
    watch: Watch, way: type, straight: Straight
) -> None:
    (event,) = watch(SCENE, way(straight((200, 140), (200, 250), 30), tentative=12))
    assert event.time_s == pytest.approx(10 / 110 * 29 / 25, abs=0.01)


def test_a_track_that_ends_just_behind_the_line_counts(watch: Watch, way: type, straight: Straight) -> None:
    assert told(watch(SCENE, way(straight((200, 50), (200, 151), 51)))) == [("road", "down")]


def test_a_crossing_that_nobody_saw_says_so(watch: Watch, way: type, straight: Straight) -> None:
    path = straight((200, 50), (200, 250), 51)
    (event,) = watch(SCENE, way(path, predicted=frozenset(range(22, 30))))
    assert event.origin is Origin.PREDICTED


def test_who_is_never_seen_behind_the_line_is_not_counted(
    watch: Watch, way: type, straight: Straight
) -> None:
    """A track that goes on as a guess, of something that may not have been there, or turned off."""
    path = straight((200, 50), (200, 250), 51)
    assert watch(SCENE, way(path, predicted=frozenset(range(22, 51)))) == []
    assert watch(SCENE, way(path, predicted=frozenset(range(22, 40)))) != []


def test_a_glimpse_just_behind_the_line_is_enough(watch: Watch, way: type, straight: Straight) -> None:
    path = straight((200, 50), (200, 250), 51)
    (event,) = watch(SCENE, way(path, predicted=frozenset(range(22, 51)) - {26}))
    assert (event.direction, event.origin) == ("down", Origin.PREDICTED)


def test_who_was_guessed_across_the_line_and_is_seen_before_it_did_not_cross(
    watch: Watch, way: type, straight: Straight
) -> None:
    there = straight((200, 50), (200, 190), 36)
    back = straight((200, 140), (200, 100), 11)
    assert watch(SCENE, way([*there, *back], predicted=frozenset(range(22, 36)))) == []


@pytest.mark.parametrize("gap", range(1, 20, 3))
@pytest.mark.parametrize("last", [18, 23, 24, 25, 26, 30])
def test_a_track_that_breaks_and_is_born_again_counts_once(
    watch: Watch, way: type, straight: Straight, last: int, gap: int
) -> None:
    path = straight((200, 50), (200, 250), 51)
    first = [p if i <= last else None for i, p in enumerate(path)]
    second = [p if i > last + gap else None for i, p in enumerate(path)]
    events = watch(SCENE, way(first), way(second))
    assert told(events) == [("road", "down")]
    hidden = last < 25 <= last + gap + 1
    assert (events[0].origin is Origin.PREDICTED) == hidden


def test_a_track_born_again_while_the_lost_one_is_predicted_on_counts_once(
    watch: Watch, way: type, straight: Straight
) -> None:
    path = straight((200, 50), (200, 250), 51)
    lost = way([p if i <= 32 else None for i, p in enumerate(path)], predicted=frozenset(range(20, 33)))
    found = way([p if i >= 23 else None for i, p in enumerate(path)])
    assert told(watch(SCENE, lost, found)) == [("road", "down")]


def test_the_next_vehicle_is_not_the_last_one(watch: Watch, way: type, straight: Straight) -> None:
    """Two cars in one lane, the second a second behind the first, whose track ended on the line."""
    first = straight((200, 50), (200, 152), 27)
    second = [None] * 26 + straight((200, 50), (200, 250), 51)
    assert told(watch(SCENE, way(first), way(second))) == [("road", "down"), ("road", "down")]


def test_long_after_it_was_lost_a_track_is_another_ones(watch: Watch, way: type, straight: Straight) -> None:
    path = straight((200, 145), (200, 149), 30)
    later = [None] * (30 + int(25 * LINGER_S) + 5) + straight((200, 149), (200, 250), 40)
    assert told(watch(SCENE, way(path), way(later))) == [("road", "down")]


def test_a_rider_counts_with_the_bicycle(watch: Watch, way: type, straight: Straight) -> None:
    path = straight((200, 50), (200, 250), 51)
    rider = way([(x, y - 8) for x, y in path], label=5, size=(14, 24))
    cycle = way(path, label=4, size=(16, 20))
    assert [e.label for e in watch(SCENE, rider, cycle)] == [4]


def test_somebody_on_foot_beside_a_bicycle_counts(watch: Watch, way: type, straight: Straight) -> None:
    path = straight((200, 50), (200, 250), 51)
    walker = way([(x + 40, y) for x, y in path], label=5, size=(14, 24))
    assert sorted(e.label for e in watch(SCENE, walker, way(path, label=4))) == [4, 5]


def test_a_line_counts_its_classes_alone(watch: Watch, way: type, straight: Straight) -> None:
    scene = Scene(size=(400, 300), lines=(Line("bus lane", ACROSS.points, classes=("bus",)),))
    ways = [
        way([(x + dx, y) for x, y in straight((200, 50), (200, 250), 51)], label=n)
        for n, dx in ((0, -60), (1, 0))
    ]
    assert [e.label for e in watch(scene, *ways)] == [1]


def test_a_foot_line_is_crossed_by_the_lower_side(watch: Watch, way: type, straight: Straight) -> None:
    scene = Scene(size=(400, 300), lines=(Line("stop", ACROSS.points, anchor="foot"),))
    (event,) = watch(scene, way(straight((200, 50), (200, 250), 51)))
    assert event.time_s == pytest.approx(90 / 4 / 25, abs=1e-3)  # the centre is 10 px above the lower side


def test_a_polyline_is_crossed_at_any_of_its_pieces_and_once(
    watch: Watch, way: type, straight: Straight
) -> None:
    bent = Line("bent", ((100, 180), (200, 120), (300, 180)), ("down", "up"))
    scene = Scene(size=(400, 300), lines=(bent,))
    for x in (110.0, 150.0, 200.0, 250.0, 290.0):
        assert told(watch(scene, way(straight((x, 30), (x, 280), 61)))) == [("bent", "down")], x


def test_a_scene_in_fractions_is_the_same_scene(watch: Watch, way: type, straight: Straight) -> None:
    path = way(straight((200, 50), (220, 250), 51))
    assert told(watch(SCENE.in_fractions(), path)) == told(watch(SCENE, path)) == [("road", "down")]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.floats(5, 60),
    st.floats(110, 290),
    st.floats(-40, 40),
    st.integers(0, 10_000),
)
def test_one_crossing_at_any_frame_rate_however_the_box_trembles(
    watch: Watch, way: type, rate: float, x: float, drift: float, seed: int
) -> None:
    """Halving the rate, or noise of a pixel or two, neither loses nor doubles a vehicle."""
    frames = int(4 * rate)
    noise = np.random.default_rng(seed).normal(0, 1.0, (frames, 2))
    path = np.linspace((x, 30), (x + drift / 4, 270), frames) + noise
    events = watch(SCENE, way([tuple(p) for p in path.tolist()]), rate=rate)
    assert [(e.name, e.direction) for e in events] == [("road", "down")]
    assert events[0].time_s == pytest.approx(2.0, abs=0.2)


def test_a_track_that_is_sure_at_once_goes_on_with_the_lost_one(
    watch: Watch, way: type, straight: Straight
) -> None:
    path = straight((200, 50), (200, 250), 51)
    first = way([p if i <= 20 else None for i, p in enumerate(path)], tentative=0)
    second = way([p if i >= 28 else None for i, p in enumerate(path)], tentative=0)
    (event,) = watch(SCENE, first, second)
    assert (event.direction, event.origin) == ("down", Origin.PREDICTED)

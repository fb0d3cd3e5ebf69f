"""Zones: who comes, stands, drives on and goes, and for how long; gates: from where to where."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from tracker.scene import Gate, Scene, Zone
from tracker.types import Event

BOX = Zone("box", ((150, 100), (250, 100), (250, 200), (150, 200)))
SCENE = Scene(size=(400, 300), zones=(BOX,))
JUNCTION = Scene(
    size=(400, 300),
    gates=(
        Gate("north", ((150, 40), (250, 40))),
        Gate("south", ((150, 260), (250, 260))),
        Gate("east", ((360, 100), (360, 200))),
    ),
)
Watch = Callable[..., list[Event]]
Straight = Callable[..., list[tuple[float, float]]]


def test_who_drives_through_enters_and_leaves(watch: Watch, way: type, straight: Straight) -> None:
    events = watch(SCENE, way(straight((50, 150), (350, 150), 101)))
    assert [(e.kind, e.name, e.direction) for e in events] == [
        ("zone", "box", "enter"),
        ("zone", "box", "leave"),
    ]
    # the middle of the lower side, 10 px below the centre, moves 75 px a second
    assert events[0].time_s == pytest.approx(100 / 75, abs=0.05)
    assert events[1].dwell_s == pytest.approx(100 / 75, abs=0.08)


def test_who_stands_in_it_is_told_with_its_time(watch: Watch, way: type, straight: Straight) -> None:
    path = [
        *straight((50, 150), (200, 150), 51),
        *[(200.0, 150.0)] * 100,
        *straight((200, 150), (350, 150), 51),
    ]
    events = watch(SCENE, way(path))
    assert [e.direction for e in events] == ["enter", "stop", "go", "leave"]
    assert events[2].dwell_s == pytest.approx(4.0, abs=1.0)
    assert events[3].dwell_s == pytest.approx(4 + 100 / 75, abs=0.2)


def test_a_trembling_box_at_the_border_enters_once(watch: Watch, way: type, straight: Straight) -> None:
    rng = np.random.default_rng(1)
    border = [(150 + float(dx), 150.0) for dx in rng.normal(0, 1.0, 300)]
    path = [*straight((50, 150), (150, 150), 40), *border, *straight((150, 150), (350, 150), 60)]
    events = [e.direction for e in watch(SCENE, way(path))]
    assert events.count("enter") == 1
    assert events.count("enter") == events.count("leave")


def test_who_is_still_inside_at_the_end_leaves_with_it(watch: Watch, way: type, straight: Straight) -> None:
    events = watch(SCENE, way(straight((50, 150), (200, 150), 51)))
    assert [e.direction for e in events] == ["enter", "leave"]
    assert events[1].dwell_s == pytest.approx(50 / 75, abs=0.1)


def test_who_begins_inside_was_there_from_the_beginning(watch: Watch, way: type, straight: Straight) -> None:
    events = watch(SCENE, way(straight((200, 150), (350, 150), 51)))
    assert [e.direction for e in events] == ["enter", "leave"]
    assert events[0].time_s == 0.0


def test_a_zone_watches_its_classes_alone(watch: Watch, way: type, straight: Straight) -> None:
    scene = Scene(size=(400, 300), zones=(Zone("box", BOX.points, ("bus",)),))
    path = straight((50, 150), (350, 150), 101)
    assert {e.label for e in watch(scene, way(path), way(path, label=1))} == {1}


@pytest.mark.parametrize(
    ("places", "turn"),
    [
        ([(200, 10), (200, 290)], ("north", "south")),
        ([(200, 290), (200, 10)], ("south", "north")),
        ([(200, 10), (200, 150), (390, 150)], ("north", "east")),
        ([(200, 10), (200, 150), (200, 10)], ("north", "north")),
    ],
)
def test_turns_go_from_the_first_gate_to_the_last(
    watch: Watch, way: type, straight: Straight, places: list[tuple[float, float]], turn: tuple[str, str]
) -> None:
    path = [p for a, b in itertools.pairwise(places) for p in straight(a, b, 60)]
    (event,) = watch(JUNCTION, way(path))
    assert (event.kind, event.name, event.direction) == ("turn", *turn)
    assert event.dwell_s is not None
    assert event.dwell_s > 0


def test_one_gate_is_no_turn(watch: Watch, way: type, straight: Straight) -> None:
    assert watch(JUNCTION, way(straight((200, 10), (200, 150), 60))) == []


def test_a_turn_goes_on_where_the_track_broke(watch: Watch, way: type, straight: Straight) -> None:
    path = straight((200, 10), (200, 290), 90)
    first = way([p if i < 40 else None for i, p in enumerate(path)])
    second = way([p if i > 50 else None for i, p in enumerate(path)])
    (event,) = watch(JUNCTION, first, second)
    assert (event.name, event.direction) == ("north", "south")

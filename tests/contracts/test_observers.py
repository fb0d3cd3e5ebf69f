"""What every observer promises: the same for the same road, nothing twice, and nothing touched."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import Frame
from tracker.analytics.scene import SceneObserver
from tracker.protocols import Observer
from tracker.scene import Gate, Line, Scene, Zone
from tracker.types import Event, FrameResult, Origin, Track, TrackState

NAMES = ("car", "bus")
PICTURE = np.zeros((100, 100, 3), np.uint8)
LINE = Line("line", ((0, 50), (100, 50)))
ZONE = Zone("zone", ((0, 30), (100, 30), (100, 70), (0, 70)))
GATES = (Gate("north", ((0, 20), (100, 20))), Gate("south", ((0, 80), (100, 80))))
#: One observer a kind of event; a new one must be added here.
OBSERVERS = {
    "crossing": Scene((100, 100), lines=(LINE,)),
    "zone": Scene((100, 100), zones=(ZONE,)),
    "turn": Scene((100, 100), gates=GATES),
}


def track(track_id: int, y: float, state: TrackState = TrackState.CONFIRMED) -> Track:
    box, zero = np.array([45, y - 5, 55, y + 5], np.float32), np.zeros(2, np.float32)
    votes = np.ones(2, np.float32)
    return Track(track_id, box, zero, 0, 0.9, votes, state, Origin.DETECTED, 0.9, 0.0, 0.0, 0.0)


def road(number: int = 1) -> list[FrameResult]:
    """Return one vehicle after the other, from the top to the bottom, each in two seconds."""
    found = []
    for index in range(50 * number + 1):
        own, step = divmod(index, 50)
        tracks = [track(own + 1, 2.0 + 2 * step)] if own < number else []
        if step == 0 and own:
            tracks.insert(0, track(own, 100, TrackState.REMOVED))
        found.append(FrameResult(Frame(PICTURE, index, index / 25), None, None, tuple(tracks)))
    return found


def watched(kind: str, results: list[FrameResult]) -> list[Event]:
    observer = SceneObserver(OBSERVERS[kind], NAMES)
    assert isinstance(observer, Observer)
    return [e for result in results for e in observer.observe(result)] + observer.finish()


def plain(events: list[Event]) -> list[tuple[object, ...]]:
    return [(e.kind, e.name, e.direction, e.track_id, round(e.time_s, 6), e.frame_index) for e in events]


@pytest.fixture(params=sorted(OBSERVERS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_vehicle_is_told_and_none_twice(kind: str) -> None:
    events = watched(kind, road(4))
    assert {e.track_id for e in events} == {1, 2, 3, 4}
    assert len(plain(events)) == len(set(plain(events)))
    assert {e.kind for e in events} == {kind}


def test_the_same_road_gives_the_same_events(kind: str) -> None:
    assert plain(watched(kind, road(3))) == plain(watched(kind, road(3)))


def test_nothing_is_told_before_it_happened(kind: str) -> None:
    observer = SceneObserver(OBSERVERS[kind], NAMES)
    for result in road(2):
        for event in observer.observe(result):
            assert event.time_s <= result.frame.time_s
            assert event.frame_index <= result.frame.index


def test_after_the_end_nothing_is_left(kind: str) -> None:
    observer = SceneObserver(OBSERVERS[kind], NAMES)
    for result in road(1)[:40]:
        observer.observe(result)
    observer.finish()
    assert observer.finish() == []


def test_an_empty_road_has_no_events(kind: str) -> None:
    empty = [FrameResult(Frame(PICTURE, n, n / 25), None, None, ()) for n in range(20)]
    assert watched(kind, empty) == []
    assert SceneObserver(OBSERVERS[kind], NAMES).finish() == []


def test_results_stay_as_they_are(kind: str) -> None:
    results = road(1)
    before = [[t.box.copy() for t in r.tracks] for r in results]
    watched(kind, results)
    for result, boxes in zip(results, before, strict=True):
        assert all((t.box == box).all() for t, box in zip(result.tracks, boxes, strict=True))


def test_frames_of_another_size_are_the_same_scene(kind: str) -> None:
    """A camera that changes its resolution while nobody is at the lines changes no count."""
    observer = SceneObserver(OBSERVERS[kind].in_fractions(), NAMES)
    events = [e for result in road(1) for e in observer.observe(result)]
    large = np.zeros((200, 200, 3), np.uint8)
    for result in road(1):
        frame = Frame(large, 100 + result.frame.index, 10 + result.frame.time_s)
        tracks = tuple(track(9, 2 * float(t.box[1] + 5)) for t in result.tracks if t.shown)
        events += observer.observe(FrameResult(frame, None, None, tracks))
    events += observer.finish()
    assert {e.track_id for e in events} == {1, 9}


def test_what_was_crossed_before_the_size_changed_is_told() -> None:
    observer = SceneObserver(OBSERVERS["crossing"].in_fractions(), NAMES)
    events: list[Event] = []
    for result in road(1)[:28]:  # the line is crossed at frame 24, and told a quarter of a second later
        events += observer.observe(result)
    assert events == []
    frame = Frame(np.zeros((200, 200, 3), np.uint8), 28, 28 / 25)
    events += observer.observe(FrameResult(frame, None, None, ()))
    assert plain(events) == plain(watched("crossing", road(1)))

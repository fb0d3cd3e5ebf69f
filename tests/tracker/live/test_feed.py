"""What a run tells the server, and that no server can hold it up."""

from __future__ import annotations

import itertools
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

import cv2
import numpy as np
import pytest

from detectors import Frame
from tracker.live.feed import Camera, Feed
from tracker.live.messages import Happened, Hello, Picture, Record, Restart, Status, Watch
from tracker.scene import Line, Scene, Zone
from tracker.types import (
    Event,
    FrameResult,
    Origin,
    Reason,
    RunInfo,
    SourceHealth,
    SourceInfo,
    Track,
    TrackState,
)

NAMES = ("car", "person")
START = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
LINE = Line("North", ((0.0, 32.0), (64.0, 32.0)), ("in", "out"))
ZONE = Zone("Stop", ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0)))
RUN = RunInfo(
    SourceInfo("rtsp://u:***@cam/1", 64, 64, 25.0, live=True),
    NAMES,
    {},
    START,
    scene=Scene(size=(64, 64), lines=(LINE,), zones=(ZONE,)),
)


@pytest.fixture
def pipe() -> Iterator[tuple[Connection, Connection]]:
    ours, theirs = multiprocessing.Pipe()
    yield ours, theirs
    ours.close()
    theirs.close()


def health() -> SourceHealth:
    return SourceHealth("open", START, received=10, handed_on=9, dropped={"late": 1})


def result(index: int, *events: Event, reason: Reason | None = None, **track: Any) -> FrameResult:
    votes = np.array([1, 0], np.float32)
    box = np.array([8, 8, 40, 40], np.float32)
    still = np.zeros(2, np.float32)
    who = Track(1, box, still, 0, 0.9, votes, TrackState.CONFIRMED, Origin.DETECTED, 0.9, 0, 0, 0)
    image = np.full((64, 64, 3), 60, np.uint8)
    arrival_s = time.monotonic() - 0.1
    frame = Frame(image, index, index / 25, 0.0, False, START + timedelta(seconds=index / 25), arrival_s)
    return FrameResult(frame, reason, None, (replace(who, **track),), events)


def crossing(time_s: float) -> Event:
    box = np.array([8, 8, 40, 40], np.float32)
    return Event("crossing", time_s, int(time_s * 25), 1, "North", "in", 0, 0.9, Origin.DETECTED, box, 50.0)


def told(theirs: Connection, until: Callable[[Any], bool], seconds: float = 5.0) -> list[Any]:
    """Read messages until one is what is waited for."""
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        if theirs.poll(0.05):
            found.append(theirs.recv())
            if until(found[-1]):
                return found
    raise AssertionError(f"only {[type(message).__name__ for message in found]}")


def waiting(theirs: Connection) -> list[Any]:
    """Read the messages that are there."""
    found = []
    while theirs.poll(0):
        found.append(theirs.recv())
    return found


def test_it_says_what_the_camera_sees(pipe):
    feed = Feed(pipe[0], Camera(health, folder="runs/cam", scene_file="cam.toml"))
    feed.open(RUN)
    hello = told(pipe[1], lambda m: isinstance(m, Hello))[-1]
    assert (hello.source, hello.width, hello.scene_file) == ("rtsp://u:***@cam/1", 64, "cam.toml")
    assert (hello.lines[0].name, hello.lines[0].directions) == ("North", ("in", "out"))
    assert hello.zones[0].points == ZONE.points
    feed.close(True)


def test_what_happens_while_it_is_being_closed_is_told(pipe):
    """The thread that tells is busy with a status when the last event and the end come."""
    busy, go_on = threading.Event(), threading.Event()

    def slow() -> SourceHealth:
        busy.set()
        assert go_on.wait(5)
        return health()

    feed = Feed(pipe[0], Camera(slow))
    feed.open(RUN)
    assert busy.wait(5)
    feed.write(result(0, crossing(0.0)))
    threading.Timer(0.1, go_on.set).start()  # close() waits for the thread by then
    feed.close(True)
    assert any(isinstance(message, Happened) for message in waiting(pipe[1]))


def test_events_and_figures_are_told_without_anybody_watching(pipe):
    feed = Feed(pipe[0], Camera(health, warnings=lambda: ["lost the line: 1"], budget=lambda: 0.4))
    feed.open(RUN)
    for index in range(50):
        events = (crossing(index / 25 - 0.4),) if index == 25 else ()
        feed.write(result(index, *events, reason=Reason.INTERVAL if index % 5 == 0 else None))
    feed.close(True)
    messages = told(pipe[1], lambda m: isinstance(m, Status) and m.frames == 50)
    (event,) = next(m for m in messages if isinstance(m, Happened)).events
    assert event.time == START + timedelta(seconds=0.6)  # when it happened, not when it was reported
    assert (event.name, event.direction, event.label, event.speed_kmh) == ("North", "in", "car", 50.0)
    status = messages[-1]
    assert status.health == health()
    assert (status.cnn_share, status.cnn_runs, status.budget) == (0.2, {"interval": 10}, 0.4)
    assert 100 <= status.latency_ms["median"] <= status.latency_ms["p99"] <= status.latency_ms["most"] < 1000
    assert status.warnings == ("lost the line: 1",)
    assert (status.tracks[0].label, status.tracks[0].origin) == ("car", "detected")
    assert status.memory_mb > 10
    assert not [m for m in messages if isinstance(m, Picture)]  # nobody watched


def test_whoever_watches_gets_pictures(pipe):
    feed = Feed(pipe[0], Camera(health))
    feed.open(RUN)
    pipe[1].send(Watch(True))
    pictures = []
    for index in range(200):
        feed.write(result(index))
        while pipe[1].poll(0):
            message = pipe[1].recv()
            pictures += [message] if isinstance(message, Picture) else []
        if len(pictures) == 3:
            break
        time.sleep(0.02)
    assert len(pictures) == 3
    image = cv2.imdecode(np.frombuffer(pictures[-1].jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (64, 64, 3)
    assert image.std() > 5  # something is drawn on the grey
    assert pictures[0].index < pictures[1].index < pictures[2].index
    pipe[1].send(Watch(False))
    feed.close(True)


def pictures_in_a_second(theirs: Connection, feed: Feed) -> int:
    count, end = 0, time.monotonic() + 1
    while time.monotonic() < end:
        feed.write(result(0))
        while theirs.poll(0.005):
            count += isinstance(theirs.recv(), Picture)
    return count


def test_while_frames_are_dropped_fewer_pictures_are_drawn(pipe):
    dropped = itertools.repeat(0)
    feed = Feed(pipe[0], Camera(lambda: replace(health(), dropped={"overtaken": next(dropped)})))
    feed.open(RUN)
    pipe[1].send(Watch(True))
    told(pipe[1], lambda m: isinstance(m, Status))
    at_leisure = pictures_in_a_second(pipe[1], feed)
    dropped = itertools.count(1)
    told(pipe[1], lambda m: isinstance(m, Status) and m.health.dropped["overtaken"] > 0)
    busy = pictures_in_a_second(pipe[1], feed)
    feed.close(True)
    assert 0 < busy <= 6
    assert busy < at_leisure <= 11


def test_large_pictures_are_sent_smaller_with_boxes_and_lines_in_their_places(pipe):
    scene = Scene(size=(1920, 1080), lines=(replace(LINE, points=((0.0, 800.0), (1920.0, 800.0))),))
    feed = Feed(pipe[0], Camera(health))
    feed.open(replace(RUN, scene=scene, source=replace(RUN.source, width=1920, height=1080)))
    pipe[1].send(Watch(True))
    time.sleep(0.3)
    one = result(0, box=np.array([400, 200, 1000, 600], np.float32))
    grey = np.full((1080, 1920, 3), 60, np.uint8)
    feed.write(replace(one, frame=replace(one.frame, image=grey)))
    picture = told(pipe[1], lambda m: isinstance(m, Picture))[-1]
    feed.close(True)
    image = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)
    assert image.shape == (540, 960, 3)
    drawn = np.abs(image - 60).sum(2) > 60
    assert drawn[100:300, 198:203].mean() > 0.3  # the box's left side
    assert drawn[396:405, 300:900].any(0).mean() > 0.9  # the line


def test_a_server_that_takes_nothing_does_not_hold_the_run_up(pipe):
    """Nobody reads the other end: the pipe fills up, and the run goes on."""
    feed = Feed(pipe[0], Camera(health))
    feed.open(replace(RUN, source=replace(RUN.source, width=640, height=640)))
    pipe[1].send(Watch(True))
    time.sleep(0.3)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (640, 640, 3), np.uint8)
    longest_s = 0.0
    for index in range(60):
        one = result(index, crossing(index / 25))
        one = replace(one, frame=replace(one.frame, image=noise))
        began = time.perf_counter()
        feed.write(one)
        longest_s = max(longest_s, time.perf_counter() - began)
        time.sleep(0.02)
    assert longest_s < 0.2
    pipe[1].close()  # it is gone for good
    feed.write(result(61))
    feed.close(True)


def test_it_obeys(pipe):
    class Switch:
        on = False

    switch, restarted = Switch(), []
    feed = Feed(pipe[0], Camera(health, restart=lambda: restarted.append(1), recorder=switch))
    feed.open(RUN)
    pipe[1].send(Record(True))
    told(pipe[1], lambda m: isinstance(m, Status) and m.recording)
    pipe[1].send(Restart())
    end = time.monotonic() + 5
    while not restarted and time.monotonic() < end:
        time.sleep(0.01)
    assert restarted == [1]
    assert switch.on
    feed.close(True)


def test_people_are_hidden(pipe):
    spread = {}
    for blur in (False, True):
        feed = Feed(pipe[0], Camera(health), blur)
        feed.open(replace(RUN, scene=None))
        pipe[1].send(Watch(True))
        time.sleep(0.3)
        one = result(0, label=1, class_scores=np.array([0, 1], np.float32))
        image = one.frame.image.copy()
        image[8:40, 8:40] = np.random.default_rng(0).integers(0, 2, (32, 32, 1), np.uint8) * 255
        feed.write(replace(one, frame=replace(one.frame, image=image)))
        picture = told(pipe[1], lambda m: isinstance(m, Picture))[-1]
        drawn = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
        spread[blur] = np.abs(np.diff(drawn[18:36, 14:36].astype(int))).mean()  # how much detail there is
        feed.close(True)
    assert spread[True] < 0.4 * spread[False]

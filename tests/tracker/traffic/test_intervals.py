"""Counts, zones and turns by interval, and how much of each was seen."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import Detections, Frame
from tracker.scene import Gate, Line, Scene, Zone
from tracker.traffic.coverage import Coverage
from tracker.traffic.intervals import IntervalCounts
from tracker.traffic.occupancy import ZoneOccupancy
from tracker.traffic.statistics import geh, mean_speed, percentile_speed
from tracker.traffic.turning import TurnCounts
from tracker.types import Event, FrameResult, Origin, Track, TrackState

NAMES = ("car", "bus")
LINE = Line("road", ((0, 50), (100, 50)), ("in", "out"))
ZONE = Zone("stop", ((0, 0), (50, 0), (50, 50)))
GATES = (Gate("north", ((0, 0), (9, 0))), Gate("south", ((0, 90), (9, 90))))
SCENE = Scene((100, 100), (LINE,), (ZONE,), GATES, interval_s=60.0)
BOX = np.array([0, 0, 10, 10], np.float32)
DAY = (np.indices((100, 100)).sum(0) % 200).astype(np.uint8)[..., None].repeat(3, 2)
NIGHT = (DAY // 16).astype(np.uint8)
BLACK = np.zeros_like(DAY)
CAR = Track(
    1,
    BOX,
    np.zeros(2, np.float32),
    0,
    0.9,
    np.ones(2, np.float32),
    TrackState.CONFIRMED,
    Origin.DETECTED,
    0.9,
    0.0,
    0.0,
    0.0,
)


def event(
    time_s: float, direction: str = "in", label: int = 0, kind: str = "crossing", **more: object
) -> Event:
    name = {"crossing": "road", "zone": "stop", "turn": "north"}[kind]
    return Event(kind, time_s, 0, 1, name, direction, label, 1.0, Origin.DETECTED, BOX, **more)  # type: ignore[arg-type]


def results(
    end_s: float,
    events: list[Event],
    step_s: float = 0.5,
    gaps: dict[float, float] | None = None,
    image: np.ndarray = DAY,
    tracks: tuple[Track, ...] = (),
) -> list[FrameResult]:
    """Return frames every half second; each event is reported on the first frame behind it."""
    found, waiting = [], sorted(events, key=lambda e: e.time_s)
    for index, time_s in enumerate(np.arange(0, end_s + 1e-9, step_s).tolist()):
        now = tuple(e for e in waiting if e.time_s <= time_s)
        waiting = [e for e in waiting if e.time_s > time_s]
        frame = Frame(image, index, time_s, (gaps or {}).get(time_s, 0.0))
        found.append(FrameResult(frame, None, None, tracks, now))
    return found


def test_counts_by_line_direction_class_and_interval() -> None:
    events = [
        event(10),
        event(59.9),
        event(60.1),
        event(30, "out", 1),
        event(70, speed_kmh=50.0),
        event(75, speed_kmh=70.0),
    ]
    counts = IntervalCounts(SCENE, NAMES)
    rows = []
    for result in results(130, events):
        counts.add(result)
        rows += counts.finished()
    assert {row.start_s for row in rows} == {0.0, 60.0}
    rows += counts.finish()
    table = {(r.start_s, r.direction, r.class_name): r for r in rows}
    assert len(table) == len(rows) == 3 * 2 * 2  # zeros have their rows too
    assert table[0.0, "in", "car"].count == 2
    assert table[0.0, "out", "bus"].count == 1
    assert table[60.0, "in", "car"].count == 3
    assert table[60.0, "in", "car"].speed_mean_kmh == pytest.approx(60)
    assert table[60.0, "in", "car"].speed_v85_kmh == pytest.approx(67)
    assert table[0.0, "in", "car"].speed_mean_kmh is None
    assert sum(r.count for r in rows) == len(events)
    assert table[0.0, "in", "car"].coverage == pytest.approx(1)
    assert table[120.0, "in", "car"].coverage == pytest.approx(10.5 / 60)


def test_passenger_car_units_and_the_clock() -> None:
    scene = dataclasses.replace(SCENE, pcu={"bus": 2.5}, start=datetime(2026, 3, 2, 7, 0, 30, tzinfo=UTC))
    counts = IntervalCounts(scene, NAMES)
    for result in results(20, [event(1, label=1), event(2, label=1), event(3)]):
        counts.add(result)
    rows = {(r.direction, r.class_name): r for r in counts.finish()}
    assert rows["in", "bus"].pcu == 5.0
    assert rows["in", "car"].pcu == 1.0
    assert rows["in", "car"].start == datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
    assert rows["in", "car"].start_s == -30.0
    assert rows["in", "car"].coverage == pytest.approx(20.5 / 60)


def test_a_gap_is_not_zero_traffic() -> None:
    counts = IntervalCounts(SCENE, NAMES)
    for result in results(60, [], gaps={30.0: 0.4}):
        counts.add(result)
    frame = Frame(DAY, 999, 300.0, 239.5)
    counts.add(FrameResult(frame, None, None, ()))
    rows = counts.finish()
    shares = {row.start_s: row.coverage for row in rows}
    assert shares[0.0] == pytest.approx(59.6 / 60)
    assert shares[120.0] == shares[180.0] == 0.0
    assert all(row.count == 0 for row in rows)


@pytest.mark.parametrize(
    ("image", "tracks", "seen"),
    [(DAY, (), True), (NIGHT, (), False), (NIGHT, (CAR,), True), (BLACK, (), False), (BLACK, (CAR,), False)],
)
def test_a_night_in_which_nothing_is_made_out_is_not_seen(
    image: np.ndarray, tracks: tuple[Track, ...], seen: bool
) -> None:
    coverage = Coverage()
    for result in results(10, [], image=image, tracks=tracks):
        coverage.add(result)
    coverage.finish()
    total = sum(b - a for a, b in coverage.spans)
    assert total == pytest.approx(10.5, abs=0.01) if seen else total <= 1.5


def test_a_detection_in_the_dark_is_enough() -> None:
    coverage = Coverage()
    found = Detections(BOX[None], np.ones(1, np.float32), np.zeros(1, np.int64))
    for result in results(10, [], image=NIGHT):
        coverage.add(dataclasses.replace(result, detections=found))
    coverage.finish()
    assert sum(b - a for a, b in coverage.spans) == pytest.approx(10.5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 20), st.booleans()), min_size=1, max_size=60))
def test_seen_and_unseen_add_up(steps: list[tuple[float, bool]]) -> None:
    """However a source stutters, spans are in order and apart, and no second is counted twice."""
    coverage, pieces, now_s, unseen_s = Coverage(), [], 0.0, 0.0
    pieces += coverage.add(FrameResult(Frame(DAY), None, None, ()))
    for index, (step_s, gap) in enumerate(steps, 1):
        now_s += step_s
        gap_s = step_s * 0.75 if gap else 0.0
        unseen_s += gap_s
        pieces += coverage.add(FrameResult(Frame(DAY, index, now_s, gap_s), None, None, ()))
    pieces += coverage.finish()
    last_s = steps[-1][0] * (0.25 if steps[-1][1] else 1.0)
    assert sum(b - a for a, b in coverage.spans) == pytest.approx(now_s - unseen_s + last_s)
    assert sum(b - a for a, b in pieces) == pytest.approx(sum(b - a for a, b in coverage.spans))
    assert all(a[1] <= b[0] for a, b in zip(coverage.spans, coverage.spans[1:], strict=False))


def test_zones_by_interval() -> None:
    events = [
        event(10, "enter", kind="zone"),
        event(20, "enter", kind="zone"),
        event(25, "stop", kind="zone"),
        event(26, "stop", kind="zone"),
        event(35, "go", kind="zone", dwell_s=10.0),
        event(40, "leave", kind="zone", dwell_s=30.0),
        event(40, "go", kind="zone", dwell_s=14.0),
        event(80, "leave", kind="zone", dwell_s=60.0),
    ]
    zones = ZoneOccupancy(SCENE)
    rows = []
    for result in results(150, events):
        zones.add(result)
        rows += zones.finished()
    rows += zones.finish()
    first, second, third = rows
    assert (first.entered, first.left, first.most_present, first.most_queued) == (2, 1, 2, 2)
    assert first.mean_present == pytest.approx((30 + 40) / 60)
    assert first.occupancy == pytest.approx(50 / 60)
    assert first.mean_dwell_s == pytest.approx(30)
    assert second.mean_present == pytest.approx(20 / 60)
    assert (second.left, third.left, third.most_present) == (1, 0, 0)
    assert third.mean_dwell_s is None
    assert third.coverage == pytest.approx(30.5 / 60)


def test_turns_by_interval() -> None:
    turns = TurnCounts(SCENE, NAMES)
    for result in results(
        70, [event(5, "south", kind="turn"), event(6, "south", kind="turn"), event(65, "north", 1, "turn")]
    ):
        turns.add(result)
    rows = [(r.start_s, r.origin, r.destination, r.class_name, r.count) for r in turns.finish()]
    assert rows == [(0.0, "north", "south", "car", 2), (60.0, "north", "north", "bus", 1)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 290), st.sampled_from(["in", "out"]), st.integers(0, 1)), max_size=40))
def test_no_vehicle_is_lost_or_doubled_between_intervals(crossings: list[tuple[float, str, int]]) -> None:
    counts, rows = IntervalCounts(SCENE, NAMES), []
    for result in results(300, [event(t, way, label) for t, way, label in crossings], step_s=3.0):
        counts.add(result)
        rows += counts.finished()
    rows += counts.finish()
    for way in ("in", "out"):
        for label, name in enumerate(NAMES):
            told = sum(r.count for r in rows if (r.direction, r.class_name) == (way, name))
            assert told == sum((w, n) == (way, label) for _, w, n in crossings)


def test_figures_of_traffic_engineers() -> None:
    assert geh(100, 100, 3600) == 0.0
    assert geh(120, 100, 3600) == pytest.approx(np.sqrt(2 * 400 / 220))
    assert geh(30, 25, 900) == pytest.approx(geh(120, 100, 3600))  # a quarter of an hour is scaled to an hour
    assert geh(0, 0, 900) == 0.0
    assert percentile_speed([]) is None
    assert mean_speed([]) is None
    assert percentile_speed(range(101)) == pytest.approx(85)

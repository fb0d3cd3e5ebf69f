"""What a recount leaves out changes nothing: the same events as with every row of every frame."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors import Frame
from tracker import track_rows
from tracker.analytics.scene import SceneObserver
from tracker.errors import ResultError
from tracker.recount import recount
from tracker.recount._seen_time import SeenTime
from tracker.recount._sheet import ABSENT_S
from tracker.scene import Gate, Line, Scene, Zone
from tracker.sinks.csv import COLUMNS
from tracker.types import Event, FrameResult, Origin, Track, TrackState

SIZE = (200, 150)
NAMES = ("car", "bicycle", "person")
RATE_FPS = 12.5
PICTURE = np.full((SIZE[1], SIZE[0], 3), 99, np.uint8)
PICTURE[:, ::2] = 0
SCENE = Scene(
    size=SIZE,
    lines=(
        Line("bent", ((60.0, 0.0), (90.0, 70.0), (60.0, 149.0)), ("in", "out")),
        Line("feet", ((10.0, 90.0), (190.0, 80.0)), ("up", "down"), anchor="foot"),
    ),
    zones=(
        Zone("stop", ((100.0, 20.0), (170.0, 30.0), (150.0, 120.0), (105.0, 110.0))),
        Zone("most", ((10.0, 10.0), (190.0, 12.0), (185.0, 140.0), (12.0, 138.0))),
    ),
    gates=(Gate("w", ((30.0, 0.0), (30.0, 149.0))), Gate("e", ((180.0, 0.0), (180.0, 149.0)))),
)
#: Zones have many rows looked at that mean nothing to lines.
LINES = replace(SCENE, zones=(), gates=())
Row = dict[str, Any]


def road(seed: int, tracks: int, frames: int, patchy: bool = True) -> list[Row]:
    """Return the rows of a file: vehicles that drive, stop, turn back, get lost and are found again."""
    rng = np.random.default_rng(seed)
    without, unseen = rng.choice([0.0, 0.1, 0.3]) if patchy else 0.0, rng.choice([0.0, 0.1])
    rows: list[Row] = []
    for track_id in range(1, tracks + 1):
        first = int(rng.integers(0, frames))
        length = int(rng.integers(1, 60))
        centre, speed = rng.uniform((0, 0), SIZE), rng.normal(0, rng.choice([1.5, 6.0]), 2)
        if rows and rng.random() < 0.4:  # goes on where another one was lost
            lost = rows[-1]
            first = lost["frame"] + int(rng.integers(1, 12))
            centre = np.array([lost["x1"] + lost["x2"], lost["y1"] + lost["y2"]]) / 2
        size, label = rng.uniform(8, 40, 2), int(rng.integers(0, len(NAMES)))
        for frame in range(first, first + length):
            if rng.random() < 0.1:
                speed = speed * rng.choice([0.0, 1.0, -1.0]) + rng.normal(0, 1, 2)
            centre = centre + speed + rng.normal(0, 0.7, 2)
            if rng.random() < 0.1:
                label = int(rng.integers(0, len(NAMES)))
            if frame % 40 in (20, 21, 22) and seed % 2:  # frames that the source lost
                continue
            if rng.random() < without:  # and rows that this track alone does not have
                continue
            origin = rng.choice(["detected", "propagated", "predicted"], p=[0.3, 0.7 - unseen, unseen])
            rows.append(row_of(frame, track_id, NAMES[label], centre, size, str(origin)))
    return sorted(rows, key=lambda row: (row["frame"], row["track_id"]))


def row_of(frame: int, track_id: int, name: str, centre: np.ndarray, size: np.ndarray, origin: str) -> Row:
    box = np.concatenate([centre - size / 2, centre + size / 2])
    sides = {side: float(f"{value:.2f}") for side, value in zip(("x1", "y1", "x2", "y2"), box, strict=True)}
    when = {"frame": frame, "time_s": float(f"{frame / RATE_FPS:.3f}")}
    about = {"track_id": track_id, "class": name, "score": 0.9, "origin": origin, "confidence": 0.8}
    return {**when, **about, **sides}


def write(folder: Path, rows: list[Row], **about: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "tracks.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    source = {"name": "x.mp4", "width": SIZE[0], "height": SIZE[1]}
    run = {"source": source, "class_names": NAMES} | about
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def events_of_all(rows: list[Row], cut: int | None = None, scene: Scene = SCENE) -> list[Event]:
    """Return what the observer reports when it is shown every track on every frame."""
    observer = SceneObserver(scene, NAMES)
    observer.begin(0.0)
    return [e for result in every_frame(rows, cut) for e in observer.observe(result)] + observer.finish()


def every_frame(rows: list[Row], cut: int | None = None) -> Iterator[FrameResult]:
    live: dict[int, Track] = {}
    by_frame: dict[int, list[Track]] = {}
    for row in rows:
        by_frame.setdefault(row["frame"], []).append(track_of(row))
    for index, tracks in by_frame.items():
        time_s = tracks[0].last_seen_s
        for track in tracks:
            live.pop(track.id, None)
            live[track.id] = track
        gone = [
            track
            for track in live.values()
            if track.last_seen_s <= time_s - ABSENT_S or (index == cut and track not in tracks)
        ]
        for track in gone:
            del live[track.id]
        over = [track_of({**row_like(track)}, TrackState.REMOVED) for track in gone]
        yield FrameResult(Frame(PICTURE, index, time_s, cut=index == cut), None, None, (*over, *tracks))


def row_like(track: Track) -> Row:
    x1, y1, x2, y2 = track.box.tolist()
    name, origin = NAMES[track.label], track.origin.value
    about = {"track_id": track.id, "class": name, "origin": origin, "time_s": track.last_seen_s}
    return {**about, "x1": x1, "y1": y1, "x2": x2, "y2": y2}


def track_of(row: Row, state: TrackState | None = None) -> Track:
    label, origin, time_s = NAMES.index(row["class"]), Origin(row["origin"]), row["time_s"]
    box = np.array([row[side] for side in ("x1", "y1", "x2", "y2")], np.float32)
    usual = TrackState.COASTING if origin is Origin.PREDICTED else TrackState.CONFIRMED
    votes, still = np.eye(len(NAMES), dtype=np.float32)[label], np.zeros(2, np.float32)
    times = (time_s, time_s, time_s)
    return Track(row["track_id"], box, still, label, 0.9, votes, state or usual, origin, 0.8, *times)


def plain(event: Event) -> tuple[Any, ...]:
    values = (getattr(event, name) for name in Event.__dataclass_fields__ if name != "box")
    return (*values, tuple(event.box.tolist()))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**20),
    tracks=st.integers(1, 25),
    frames=st.integers(1, 200),
    piece=st.integers(5, 99),
)
@pytest.mark.parametrize("scene", [SCENE, LINES])
def test_what_is_left_out_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: Scene, **drawn: int
) -> None:
    rows = road(drawn["seed"], drawn["tracks"], drawn["frames"])
    monkeypatch.setattr(track_rows, "_PIECE", drawn["piece"])
    folder = write(tmp_path / "run", rows)
    found = [event for result in recount(folder, scene, ()) for event in result.events]
    wanted = events_of_all(rows, scene=scene)
    assert [plain(event) for event in found] == [plain(event) for event in wanted]


def over_the_line(xs: list[float], turns: int, without: set[int], size: float = 10) -> list[Row]:
    """Return a car at each x that is a bicycle from a frame on, without some rows; and one that stands."""
    still = [
        row_of(frame, 2, "car", np.array([150.0, 145.0]), np.full(2, 6.0), "propagated")
        for frame in range(len(xs))
    ]
    rows = [
        row_of(
            frame,
            1,
            "bicycle" if frame >= turns else "car",
            np.array([x, 35.0]),
            np.full(2, size),
            "propagated",
        )
        for frame, x in enumerate(xs)
        if frame not in without
    ]
    return sorted([*rows, *still], key=lambda row: (row["frame"], row["track_id"]))


@pytest.mark.parametrize(
    ("about", "found"),
    [
        ({}, 0),
        ({"settings": {"budget": 0.12, "options": {"trigger": {"confidence": {"interval_s": 0.3}}}}}, 1),
        ({"settings": {"budget": None, "options": {"trigger": {"interval": {"interval_s": 0.7}}}}}, 1),
        ({"settings": {"budget": 0.5, "options": {"trigger": {"always": {}}}}}, 0),
        ({"settings": {"budget": "a fifth", "options": None}}, 0),
    ],
    ids=["not said", "a budget", "an interval", "often", "damaged"],
)
def test_who_came_in_unseen_counts_by_how_seldom_the_run_looked(
    tmp_path: Path, about: dict[str, Any], found: int
) -> None:
    """A car drives 30 pixels a second, 0.67 s from the left border, where it is seen first."""
    line = Scene(size=SIZE, lines=(Line("left", ((20.0, 10.0), (20.0, 140.0)), ("out", "in")),))
    xs = [(12 + frame, 30 + 30 * frame / RATE_FPS) for frame in range(40)]
    rows = [row_of(n, 1, "car", np.array([x, 75.0]), np.full(2, 20.0), "detected") for n, x in xs]
    source = {"name": "x.mp4", "width": SIZE[0], "height": SIZE[1], "rate_fps": RATE_FPS}
    folder = write(tmp_path / "run", rows, **about, source=source, seen_s=[[0.0, 5.0]])
    events = [event for result in recount(folder, line, ()) for event in result.events]
    assert [event.direction for event in events] == ["in"] * found


@pytest.mark.parametrize(
    "rows",
    [
        # it crosses on frame 5, is a bicycle on 7, and not there when the crossing is told on 9
        over_the_line([55 + 4 * frame for frame in range(20)], 7, {9, 10}),
        # it crosses on frame 3, and only on 28 has it come far enough for a crossing, as a bicycle
        over_the_line([74, 74, 74, 76, *[80] * 22, *range(82, 100, 2)], 13, set(), size=20),
    ],
)
def test_a_crossing_is_told_as_its_track_is_then(tmp_path: Path, rows: list[Row]) -> None:
    folder = write(tmp_path / "run", rows)
    found = [event for result in recount(folder, LINES, ()) for event in result.events]
    assert [plain(event) for event in found] == [plain(event) for event in events_of_all(rows, scene=LINES)]
    (crossing,) = [event for event in found if event.name == "bent"]
    assert NAMES[crossing.label] == "bicycle"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**20), place=st.integers(0, 10**6), piece=st.integers(5, 99))
def test_no_journey_goes_on_in_another_shot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, place: int, piece: int
) -> None:
    rows = road(seed, 25, 100)
    frames = sorted({row["frame"] for row in rows})
    cut = frames[1 + place % (len(frames) - 1)]
    for row in rows:  # nobody keeps a number
        row["track_id"] += 100 * (row["frame"] >= cut)
    monkeypatch.setattr(track_rows, "_PIECE", piece)
    folder = write(tmp_path / "run", rows, cuts_s=[float(f"{cut / RATE_FPS:.3f}")])
    found = [event for result in recount(folder, SCENE, ()) for event in result.events]
    assert [plain(event) for event in found] == [plain(event) for event in events_of_all(rows, cut)]


def test_the_roads_of_that_test_have_all_kinds_of_events() -> None:
    events = [event for seed in range(20) for event in events_of_all(road(seed, 25, 200))]
    kinds = {(event.kind, event.direction) for event in events}
    assert {("zone", what) for what in ("enter", "leave", "stop", "go")} <= kinds
    assert {("crossing", what) for what in ("in", "out", "up", "down")} <= kinds
    assert {("turn", what) for what in ("w", "e")} <= kinds
    assert {event.origin for event in events} == set(Origin)


def test_some_of_them_came_in_before_they_were_seen() -> None:
    early = 0
    for seed in range(20):
        rows = road(seed, 25, 200)
        first_s = {row["track_id"]: row["time_s"] for row in reversed(rows)}
        early += sum(e.time_s < first_s[e.track_id] for e in events_of_all(rows) if e.kind == "crossing")
    assert early > 0


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 999), piece=st.integers(5, 99))
def test_every_track_is_told_from_its_first_box_to_its_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, piece: int
) -> None:
    rows = road(2 * seed, 12, 100, patchy=False)  # no lost frames: every track has one life
    monkeypatch.setattr(track_rows, "_PIECE", piece)
    folder = write(tmp_path / "run", rows, seen_s=[[0.0, 60.0]])
    told = [track for result in recount(folder, SCENE, ()) for track in result.tracks]
    first = {track.id: track for track in reversed(told)}
    last = {track.id: track for track in told}
    for track_id in {row["track_id"] for row in rows}:
        own = [row for row in rows if row["track_id"] == track_id]
        known = [row for row in own if row["origin"] != "predicted"] or own[:1]
        assert first[track_id].box.tolist() == track_of(own[0]).box.tolist()
        assert last[track_id].state is TrackState.REMOVED
        assert last[track_id].box.tolist() == track_of(known[-1]).box.tolist()
        assert (last[track_id].first_seen_s, last[track_id].last_seen_s) == (
            own[0]["time_s"],
            known[-1]["time_s"],
        )
        assert last[track_id].detections == sum(row["origin"] == "detected" for row in own)
        assert NAMES[last[track_id].label] == own[-1]["class"]


def test_results_come_once_a_second_and_know_what_was_not_seen(tmp_path: Path) -> None:
    far = np.array([5.0, 5.0])
    rows = [row_of(frame, 1, "car", far, far, "detected") for frame in (*range(40), *range(90, 140))]
    folder = write(tmp_path, rows, seen_s=[[0.0, 3.2], [7.2, 12.0]])
    results = list(recount(folder, SCENE, ()))
    times = [result.frame.time_s for result in results]
    assert max(np.diff([0.0, *times[:4]])) <= 1.0 + 1 / RATE_FPS
    assert [(r.frame.time_s, round(r.frame.gap_s, 3)) for r in results if r.frame.gap_s] == [(7.2, 4.0)]
    assert times[-1] == 12.0


def test_a_run_without_rows_has_an_end(tmp_path: Path) -> None:
    folder = write(tmp_path, [], seen_s=[[0.0, 3.2]])
    assert [result.frame.time_s for result in recount(folder, SCENE, ())] == [3.2]
    write(tmp_path, [])
    assert list(recount(folder, SCENE, ())) == []


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([(3, 1), (2, 1)], "frame 2 at 0.160 s stands behind a later one"),
        ([(2, 1), (3, 1), (3, 1)], "track 1 has two rows on frame 3"),
    ],
)
def test_rows_out_of_order(tmp_path: Path, numbers: list[tuple[int, int]], words: str) -> None:
    box = np.array([50.0, 20.0])
    folder = write(tmp_path, [row_of(frame, who, "car", box, box, "detected") for frame, who in numbers])
    with pytest.raises(ResultError, match=words):
        list(recount(folder, SCENE, ()))


@given(
    edges=st.lists(st.floats(0, 100), min_size=0, max_size=8, unique=True),
    times=st.lists(st.floats(0, 100), min_size=2, max_size=12),
)
def test_what_was_not_seen_between_moments(edges: list[float], times: list[float]) -> None:
    edges, times = sorted(edges), sorted(times)
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    gaps = SeenTime(spans).gaps_s(np.array(times))
    for before, after, gap in zip(times, times[1:], gaps, strict=False):
        seen = sum(max(min(b, after) - max(a, before), 0.0) for a, b in spans)
        unseen = after - before - seen if spans else 0.0
        assert gap == pytest.approx(unseen if unseen > 1e-3 else 0.0, abs=1.1e-3)

"""The database's rows: what is in them, and that a run takes an earlier one's place."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Table

from detectors import Frame
from detectors.errors import UsageError
from tracker.compose import build_sink
from tracker.scene.model import Line, Scene
from tracker.storage.tables import COUNTS, EVENTS, RUNS, TRACKS
from tracker.types import Event, FrameResult, Origin, RunInfo, Track, TrackState

Make = Callable[..., Track]
Result = Callable[..., FrameResult]
Rows = Callable[[str, Table], list[dict[str, Any]]]
START = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
SCENE = Scene((64, 64), (Line("north", ((0.0, 30.0), (64.0, 30.0)), ("in", "out"), ("car",)),), start=START)


def crossing(track_id: int, time_s: float, **more: object) -> Event:
    box = np.array([1.0, 2.346, 21.0, 40.0], np.float32)
    event = Event(
        "crossing", time_s, round(time_s * 25), track_id, "north", "in", 0, 0.8, Origin.PREDICTED, box
    )
    return dataclasses.replace(event, **more)  # type: ignore[arg-type]


def write_all(url: str, run: RunInfo, results: list[FrameResult], completed: bool = True) -> None:
    sink = build_sink("database", {"url": url, "wait_s": 0})
    sink.open(run)
    for result in results:
        sink.write(result)
    sink.close(completed)


def of(run: RunInfo, name: str, live: bool = False, **more: object) -> RunInfo:
    source = dataclasses.replace(run.source, name=name, live=live)
    return dataclasses.replace(run, source=source, **more)  # type: ignore[arg-type]


def test_a_run_has_its_row(database_url: str, run_info: RunInfo, make_result: Result, rows: Rows) -> None:
    run = dataclasses.replace(run_info, scene=dataclasses.replace(SCENE, name="bridge"))
    sink = build_sink("database", {"url": database_url})
    sink.open(run)
    (row,) = rows(database_url, RUNS)
    assert (row["completed"], row["frames"], row["time_s"]) == (False, 0, None)
    for index in range(3):
        sink.write(make_result(index))
    sink.close(True)
    (row,) = rows(database_url, RUNS)
    assert len(row.pop("key")) == 64
    assert row.pop("written_utc") > run_info.start
    assert row.pop("source") == str(Path.cwd() / "road.mp4")
    assert row == {
        **{"id": 1, "live": False, "scene": "bridge", "width": 64, "height": 64, "rate_fps": 25.0},
        **{"duration_s": 0.4, "class_names": list(run_info.class_names), "settings": {"score": 0.3}},
        **{"detector": "replay", "detector_sha256": "abc", "started_utc": run_info.start},
        **{"video_start_utc": START, "time_s": 0.08, "frames": 3, "cnn_runs": 0, "tracks": 0, "events": 0},
        "completed": True,
    }


def test_a_track_has_one_row_when_it_has_ended(
    database_url: str, run_info: RunInfo, make_track: Make, make_result: Result, rows: Rows
) -> None:
    def at(index: int, state: TrackState, seen: int, **more: object) -> FrameResult:
        times = {"first_seen_s": 0.04, "last_seen_s": seen / 25, "last_detected_s": 0.0, "detections": 2}
        votes = np.array([1.0, 3.0], np.float32)
        track = make_track(7, state, box=(index, 2.346, 20.0, 30.0), label=1)
        track = dataclasses.replace(track, class_scores=votes, **times, **more)  # type: ignore[arg-type]
        return make_result(index, track, make_track(8, TrackState.TENTATIVE))

    run = dataclasses.replace(run_info, scene=SCENE)
    sink = build_sink("database", {"url": database_url, "wait_s": 0})
    sink.open(run)
    sink.write(at(1, TrackState.TENTATIVE, 1))
    sink.write(at(2, TrackState.CONFIRMED, 2))
    sink.write(at(3, TrackState.COASTING, 2))
    assert rows(database_url, TRACKS) == []
    sink.write(at(4, TrackState.REMOVED, 2))
    (row,) = rows(database_url, TRACKS)
    sink.close(True)
    assert rows(database_url, TRACKS) == [row]
    assert row == {
        **{"run_id": 1, "track_id": 7, "class": "bus", "class_share": 0.75, "detections": 2},
        **{"first_seen_s": 0.04, "last_seen_s": 0.08},
        **{
            "first_seen_utc": START + timedelta(seconds=0.04),
            "last_seen_utc": START + timedelta(seconds=0.08),
        },
        **{"first_x1": 1.0, "first_y1": 2.35, "first_x2": 20.0, "first_y2": 30.0},
        **{"last_x1": 2.0, "last_y1": 2.35, "last_x2": 20.0, "last_y2": 30.0},
    }


def test_who_is_still_there_at_the_end_has_a_row_and_who_was_never_shown_has_none(
    database_url: str, run_info: RunInfo, make_track: Make, make_result: Result, rows: Rows
) -> None:
    states = (TrackState.CONFIRMED, TrackState.TENTATIVE, TrackState.COASTING)
    write_all(database_url, run_info, [make_result(0, *(make_track(i, s) for i, s in enumerate(states, 1)))])
    assert [row["track_id"] for row in rows(database_url, TRACKS)] == [1, 3]
    (row,) = rows(database_url, RUNS)
    assert row["tracks"] == 2


def test_an_event_has_its_row(database_url: str, run_info: RunInfo, make_result: Result, rows: Rows) -> None:
    moment = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
    frame = Frame(np.zeros((64, 64, 3), np.uint8), 50, 2.0, wall_time=moment)
    given = crossing(3, 1.5, speed_kmh=51.5, speed_error_kmh=float("nan"), headway_s=2.5)
    sink = build_sink("database", {"url": database_url, "wait_s": 0, "evidence": "/shots"})
    sink.open(run_info)
    sink.write(FrameResult(frame, None, None, (), (given, crossing(4, 1.6, kind="zone"))))
    sink.close(True)
    first, second = rows(database_url, EVENTS)
    assert first.pop("evidence").startswith("/shots/000001.500s_north_in_3_")
    assert (second["number"], second["kind"], second["evidence"]) == (2, "zone", None)
    assert first == {
        **{"run_id": 1, "number": 1, "kind": "crossing", "time_s": 1.5, "frame": 38, "track_id": 3},
        **{"time_utc": moment - timedelta(seconds=0.5), "name": "north", "direction": "in", "class": "car"},
        **{"class_score": 0.8, "origin": "predicted", "x1": 1.0, "y1": 2.35, "x2": 21.0, "y2": 40.0},
        **{"speed_kmh": 51.5, "speed_error_kmh": None, "dwell_s": None, "headway_s": 2.5},
    }
    (run,) = rows(database_url, RUNS)
    assert run["video_start_utc"] == moment - timedelta(seconds=2)


def test_counts_grow_while_an_interval_goes_on(
    database_url: str, run_info: RunInfo, make_result: Result, rows: Rows
) -> None:
    scene = dataclasses.replace(SCENE, interval_s=10.0, pcu={"car": 1.5})
    sink = build_sink("database", {"url": database_url, "wait_s": 0})
    sink.open(dataclasses.replace(run_info, scene=scene))
    seen = []
    for time_s in range(26):
        event = crossing(time_s + 1, float(time_s), speed_kmh=50.0)
        sink.write(make_result(time_s * 25, time_s=float(time_s), events=(event,)))
        seen.append([row["count"] for row in rows(database_url, COUNTS) if row["direction"] == "in"])
    sink.close(True)
    assert seen[0] == [1]
    assert seen[9] == [10]
    assert seen[12] == [10, 3]
    assert seen[25] == [10, 10, 6]
    first, *_, last = (row for row in rows(database_url, COUNTS) if row["direction"] == "in")
    assert (last["start_s"], last["count"]) == (20.0, 6)
    assert (first["line"], first["class"], first["end_s"], first["pcu"]) == ("north", "car", 10.0, 15.0)
    assert (first["start_utc"], first["end_utc"]) == (START, START + timedelta(seconds=10))
    assert (first["speed_v85_kmh"], first["speed_median_kmh"], first["speed_mean_kmh"]) == (50.0, 50.0, 50.0)


def test_the_same_video_again_takes_the_place_of_its_rows(
    database_url: str, run_info: RunInfo, make_track: Make, make_result: Result, tmp_path: Path, rows: Rows
) -> None:
    (tmp_path / "link.mp4").symlink_to(tmp_path / "road.mp4")
    frames = [make_result(i, make_track(1), make_track(2), events=(crossing(1, i / 25),)) for i in range(9)]
    write_all(database_url, of(run_info, str(tmp_path / "road.mp4")), frames)
    write_all(database_url, of(run_info, str(tmp_path / "other.mp4")), frames[:5])
    write_all(database_url, of(run_info, f"{tmp_path}/./link.mp4"), frames[:3], completed=False)
    runs = {Path(row["source"]).name: row for row in rows(database_url, RUNS)}
    assert {name: (row["frames"], row["completed"]) for name, row in runs.items()} == {
        "other.mp4": (5, True),
        "road.mp4": (3, False),
    }
    assert sorted(row["run_id"] for row in rows(database_url, EVENTS)) == [2] * 5 + [3] * 3
    assert [row["run_id"] for row in rows(database_url, TRACKS)] == [2, 2, 3, 3]


def test_scenes_and_live_recordings_stand_beside_one_another(
    tmp_path: Path, run_info: RunInfo, rows: Rows
) -> None:
    url = str(tmp_path / "traffic.db")
    later = run_info.start + timedelta(hours=1)
    for run in (
        of(run_info, "road.mp4"),
        of(run_info, "road.mp4", scene=dataclasses.replace(SCENE, name="north")),
        of(run_info, "road.mp4", scene=dataclasses.replace(SCENE, name="south")),
        of(run_info, "rtsp://cam/1", live=True),
        of(run_info, "rtsp://cam/1", live=True, start=later),
        of(run_info, "http://host/road.mp4"),
    ):
        for _ in range(2):
            write_all(url, run, [])
    sources = [(row["source"], row["scene"]) for row in rows(url, RUNS)]
    road = str(Path.cwd() / "road.mp4")
    assert sources == [
        *((road, scene) for scene in (None, "north", "south")),
        *[("rtsp://cam/1", None)] * 2,
        ("http://host/road.mp4", None),
    ]


def test_no_password_comes_into_the_tables(database_url: str, run_info: RunInfo, rows: Rows) -> None:
    told = {"db": database_url, "deep": [{"video": "rtsp://me:geheim/x@cam/1"}], "inf": float("inf")}
    write_all(database_url, dataclasses.replace(run_info, settings=told), [])
    (row,) = rows(database_url, RUNS)
    assert "geheim" not in json.dumps(row, default=str)
    assert row["settings"]["deep"] == [{"video": "rtsp://me:***@cam/1"}]
    assert row["settings"]["inf"] == "inf"


def test_names_that_are_no_unicode_can_be_written(
    database_url: str, run_info: RunInfo, make_result: Result, rows: Rows
) -> None:
    names = ("car\x00", "bus\udcff")
    run = dataclasses.replace(of(run_info, os.fsdecode(b"/r\xffad.mp4")), class_names=names)
    write_all(database_url, run, [make_result(0, events=(crossing(1, 0.0, name="n\x00"),))])
    (row,) = rows(database_url, RUNS)
    assert row["source"] == "/r\\udcffad.mp4"
    assert row["class_names"] == ["car\\x00", "bus\\udcff"]
    (event,) = rows(database_url, EVENTS)
    assert (event["name"], event["class"]) == ("n\\x00", "car\\x00")


def test_rows_wait_for_others_but_not_too_many(
    tmp_path: Path, run_info: RunInfo, make_result: Result, rows: Rows
) -> None:
    url = str(tmp_path / "traffic.db")
    sink = build_sink("database", {"url": url, "wait_s": 3600})
    sink.open(run_info)
    sink.write(make_result(0, events=tuple(crossing(i, 0.0) for i in range(1999))))
    assert rows(url, EVENTS) == []
    sink.write(make_result(1, events=(crossing(2000, 0.0),)))
    assert len(rows(url, EVENTS)) == 2000
    sink.close(False)


@pytest.mark.parametrize(
    "options", [{"wait_s": -1}, {"wait_s": "inf"}, {"url": "mysql://host/x"}, {"url": ""}]
)
def test_wrong_options_are_usage_errors(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        build_sink("database", options)

"""A run that is broken off, killed, replaced or run beside others leaves whole rows of one run."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, text

from detectors import Frame
from tracker.compose import build_sink
from tracker.errors import SinkError
from tracker.scene.model import Line, Scene
from tracker.storage.address import read_address
from tracker.storage.database import Database
from tracker.storage.tables import COUNTS, EVENTS, RUNS, TRACKS
from tracker.types import Event, FrameResult, Origin, RunInfo, SourceInfo, Track, TrackState

Make = Callable[..., Track]
Result = Callable[..., FrameResult]
Rows = Callable[[str, Table], list[dict[str, Any]]]
SCRIPT = Path(__file__).parent / "write_run.py"
START = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
SCENE = Scene((64, 64), (Line("north", ((0.0, 30.0), (64.0, 30.0)), ("in", "out"), ("car",)),), start=START)
#: What differs from one run to the next.
FLEETING = {"id", "run_id", "started_utc", "written_utc"}


def lasting(rows: Rows, url: str) -> list[list[dict[str, Any]]]:
    """Return all that must be the same however often the run was begun."""
    return [
        [{name: value for name, value in row.items() if name not in FLEETING} for row in rows(url, table)]
        for table in (RUNS, TRACKS, EVENTS, COUNTS)
    ]


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


def test_a_run_that_was_replaced_meanwhile_writes_no_more(
    database_url: str, run_info: RunInfo, make_track: Make, make_result: Result, rows: Rows
) -> None:
    first = build_sink("database", {"url": database_url, "wait_s": 0})
    first.open(run_info)
    first.write(make_result(0))
    write_all(database_url, run_info, [make_result(i, make_track(1)) for i in range(3)])
    with pytest.raises(SinkError, match="another run of the same video was begun") as caught:
        first.write(make_result(1, make_track(5)))
    assert "geheim" not in str(caught.value)
    first.close(False)
    assert [row["track_id"] for row in rows(database_url, TRACKS)] == [1]
    (run,) = rows(database_url, RUNS)
    assert (run["frames"], run["completed"]) == (3, True)


def test_a_server_that_was_restarted_between_two_batches_is_no_harm(
    new_postgres: Callable[[], str], run_info: RunInfo, make_result: Result, rows: Rows
) -> None:
    url = new_postgres()
    sink = build_sink("database", {"url": url, "wait_s": 0})
    sink.open(run_info)
    sink.write(make_result(0, events=(crossing(1, 0.0),)))
    database = Database(read_address(url))
    with database.transaction() as connection:
        others = "pid <> pg_backend_pid() AND usename = 'tracker'"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
    database.close()
    sink.write(make_result(1, events=(crossing(2, 0.04),)))
    sink.close(True)
    assert [row["track_id"] for row in rows(url, EVENTS)] == [1, 2]


def test_a_full_disk_keeps_what_was_written(
    tmp_path: Path, run_info: RunInfo, make_result: Result, small_disk: Callable[[int], None], rows: Rows
) -> None:
    url = str(tmp_path / "traffic.db")
    sink = build_sink("database", {"url": url, "wait_s": 0})
    sink.open(run_info)
    small_disk(400_000)

    def write() -> None:
        for index in range(1000):
            sink.write(make_result(index, events=tuple(crossing(i, 0.0) for i in range(100))))

    with pytest.raises(SinkError, match=f"cannot write {url}: ") as caught:
        write()
    assert "\n" not in str(caught.value)
    sink.close(False)
    (run,) = rows(url, RUNS)
    assert len(rows(url, EVENTS)) == run["events"] == run["frames"] * 100 > 0
    assert not run["completed"]


def begun(url: str, video: str, frames: int, wait_s: float = 0.0) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), url, video, str(frames), str(wait_s)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return process


def test_a_killed_run_leaves_whole_batches_and_a_rerun_one_run(
    database_url: str, tmp_path: Path, rows: Rows
) -> None:
    process = begun(database_url, "/video/road.mp4", 100_000)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 20:
            break
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    (run,) = rows(database_url, RUNS)
    frames = run["frames"]
    assert frames >= 21
    assert (run["events"], run["tracks"], run["completed"]) == (frames, frames - 1, False)
    assert [row["number"] for row in rows(database_url, EVENTS)] == [*range(1, frames + 1)]
    assert [row["track_id"] for row in rows(database_url, TRACKS)] == [*range(1, frames)]
    assert sum(row["count"] for row in rows(database_url, COUNTS)) == frames
    fresh = f"sqlite:///{tmp_path / 'fresh.db'}"
    script: dict[str, Any] = {"__name__": "write_run"}
    exec(SCRIPT.read_text(), script)
    for url in (database_url, fresh):
        write_all(url, script["about"]("/video/road.mp4"), [script["result"](index) for index in range(60)])
    assert lasting(rows, database_url) == lasting(rows, fresh)


def test_an_interrupted_run_keeps_all_that_it_has(tmp_path: Path, rows: Rows) -> None:
    url = str(tmp_path / "traffic.db")
    process = begun(url, "/video/road.mp4", 100_000, 3600.0)
    assert process.stdout is not None
    said = 0
    for line in process.stdout:
        said = int(line)
        if said == 300:
            process.send_signal(signal.SIGINT)
    assert process.wait() == 0
    (run,) = rows(url, RUNS)
    assert said + 1 <= run["frames"] <= said + 2
    assert not run["completed"]
    assert run["events"] == len(rows(url, EVENTS))
    assert run["tracks"] == len(rows(url, TRACKS))


def test_several_processes_may_write_into_one_file(tmp_path: Path, rows: Rows) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'traffic.db'}"
    processes = [begun(url, f"/video/{number}.mp4", 40) for number in range(2)]
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
    assert [row["events"] for row in rows(url, RUNS)] == [40] * 2
    assert all(row["completed"] for row in rows(url, RUNS))
    assert len(rows(url, EVENTS)) == len(rows(url, TRACKS)) == 80


lives = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)), max_size=6
)


def frames_of(given: list[tuple[int, int, int, int]]) -> list[FrameResult]:
    """Return frames on which tracks begin, are confirmed (or not), have some events, and end."""
    frames: list[list[Track]] = [[] for _ in range(12)]
    events: list[list[Event]] = [[] for _ in range(12)]
    still, votes = np.zeros(2, np.float32), np.ones(2, np.float32)
    for number, (first, tentative, shown, crossings) in enumerate(given, 1):
        states = [TrackState.TENTATIVE] * tentative + [TrackState.CONFIRMED] * shown + [TrackState.REMOVED]
        for index, state in enumerate(states, first):
            box, s = np.array([index, number, 30, 40], np.float32), index / 5
            track = Track(number, box, still, 0, 0.9, votes, state, Origin.DETECTED, 0.8, first / 5, s, s)
            frames[index].append(track)
        events[first] += [crossing(number, first / 5)] * crossings
    image = np.full((8, 8, 3), 90, np.uint8)
    return [
        FrameResult(Frame(image, i, i / 5), None, None, tuple(tracks), tuple(events[i]))
        for i, tracks in enumerate(frames)
    ]


@settings(max_examples=8, deadline=None)
@given(
    given_lives=lives, stops=st.lists(st.integers(0, 12), max_size=2), batch=st.sampled_from([0.0, 3600.0])
)
def test_however_often_it_was_broken_a_run_ends_as_one_run(
    tmp_path_factory: pytest.TempPathFactory,
    given_lives: list[tuple[int, int, int, int]],
    stops: list[int],
    batch: float,
    rows: Rows,
) -> None:
    folder = tmp_path_factory.mktemp("run")
    scene = dataclasses.replace(SCENE, interval_s=1.0)
    run = RunInfo(SourceInfo("/road.mp4", 8, 8), ("car", "bus"), {}, START, scene=scene)
    frames = frames_of(given_lives)
    url, fresh = str(folder / "often.db"), str(folder / "once.db")
    for stop in stops:
        sink = build_sink("database", {"url": url, "wait_s": batch})
        sink.open(run)
        for frame in frames[:stop]:
            sink.write(frame)
        del sink  # as where the process was killed: nothing is closed
    write_all(url, run, frames)
    write_all(fresh, run, frames)
    assert lasting(rows, url) == lasting(rows, fresh)
    (row,) = rows(url, RUNS)
    assert row["tracks"] == sum(shown > 0 for _, _, shown, _ in given_lives)
    assert sum(count["count"] for count in rows(url, COUNTS)) == row["events"]

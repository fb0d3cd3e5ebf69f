"""A camera's recording: parts, power cuts, the switch, and what is removed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest

from tracker.errors import SinkError
from tracker.parts import PART_NAME
from tracker.sinks._retention import remove_pictures
from tracker.sinks.recording import Config, RecordingSink, build
from tracker.types import FrameResult, Track

Make = Callable[..., Track]
Result = Callable[..., FrameResult]
NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def played(path: Path) -> int:
    with av.open(str(path)) as file:
        return sum(1 for _ in file.decode(video=0))


def at(result: FrameResult, begin: datetime = NOON) -> FrameResult:
    """Give a result the wall clock's time."""
    frame = result.frame
    return replace(result, frame=replace(frame, wall_time=begin + timedelta(seconds=frame.time_s)))


def named(begin: datetime, number: int = 1) -> str:
    return f"annotated-{begin:%Y%m%dT%H%M%S}Z{f'-{number}' if number > 1 else ''}.mp4"


def write(sink: RecordingSink, results: list[FrameResult]) -> None:
    """Hand results over, not faster than they can be encoded."""
    for result in results:
        sink.write(result)
        while sink._queue.full():
            time.sleep(0.001)


def test_parts_of_some_seconds_each_of_which_can_be_played(tmp_path, run_info, make_result):
    sink = build(Config(str(tmp_path), part_s=1))
    sink.open(run_info)
    write(sink, [at(make_result(i)) for i in range(60)])
    sink.close(True)
    parts = sorted(tmp_path.iterdir())
    assert [part.name for part in parts] == [named(NOON + timedelta(seconds=s)) for s in range(3)]
    assert [played(part) for part in parts] == [25, 25, 10]
    assert sink.skipped == 0


def test_what_was_written_before_a_power_cut_can_be_played(tmp_path, run_info, make_result):
    """The file is copied while it is being written: the index is not at its end."""
    sink = build(Config(str(tmp_path / "parts")))
    sink.open(run_info)
    rng = np.random.default_rng(0)
    for index in range(250):
        result = make_result(index)
        result.frame.image[:] = rng.integers(0, 256, result.frame.image.shape, np.uint8)
        write(sink, [at(result)])
    while not sink._queue.empty():
        time.sleep(0.001)
    cut = shutil.copy(next((tmp_path / "parts").iterdir()), tmp_path / "cut.mp4")
    assert 150 <= played(cut) <= 250  # two seconds, and what the encoder looks ahead, are lost
    sink.close(False)
    assert played(next((tmp_path / "parts").iterdir())) == 250


def test_it_can_be_switched_on_and_off(tmp_path, run_info, make_result):
    sink = build(Config(str(tmp_path), start=False))
    sink.open(run_info)
    for index in range(100):
        sink.on = 25 <= index < 50 or index >= 90
        write(sink, [at(make_result(index))])
    sink.close(True)
    assert [played(part) for part in sorted(tmp_path.iterdir())] == [25, 10]


def test_a_gap_begins_another_part(tmp_path, run_info, make_result):
    sink = build(Config(str(tmp_path)))
    sink.open(run_info)
    write(sink, [at(make_result(i)) for i in range(10)])
    late = at(make_result(10, time_s=3600.0))
    write(sink, [replace(late, frame=replace(late.frame, gap_s=3599.0))])
    sink.close(True)
    assert [played(part) for part in sorted(tmp_path.iterdir())] == [10, 1]


@pytest.mark.parametrize(("keep", "left"), [({"keep_days": 2}, 3), ({"keep_gb": 2.5e-5}, 3), ({}, 6)])
def test_the_oldest_are_removed_first(tmp_path, run_info, make_result, keep, left):
    own = tmp_path / "holiday.mp4"
    own.write_bytes(b"0" * 10**6)
    for days in range(1, 6):
        old = tmp_path / named(NOON - timedelta(days=days))
        old.write_bytes(b"0" * 10_000)
    sink = build(Config(str(tmp_path), **keep))
    sink.open(run_info)
    write(sink, [at(make_result(0))])
    sink.close(True)
    parts = sorted(path for path in tmp_path.iterdir() if PART_NAME.fullmatch(path.name))
    assert len(parts) == left
    assert parts[-1].name == named(NOON)
    assert own.exists()


def test_two_parts_of_one_second_have_two_names(tmp_path, run_info, make_result):
    for _ in range(3):
        sink = build(Config(str(tmp_path)))
        sink.open(run_info)
        write(sink, [at(make_result(0))])
        sink.close(True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(named(NOON, n) for n in (1, 2, 3))


def test_a_tracker_never_waits_for_it(tmp_path, run_info, make_result):
    sink = build(Config(str(tmp_path)))
    sink.open(run_info)
    results = [at(make_result(i, size=(640, 640))) for i in range(300)]
    longest_s = 0.0
    for result in results:
        began = time.perf_counter()
        sink.write(result)
        longest_s = max(longest_s, time.perf_counter() - began)
    sink.close(True)
    kept = sum(played(part) for part in tmp_path.iterdir())
    assert kept + sink.skipped == 300
    assert kept > 0


def test_people_are_hidden(tmp_path, run_info, make_track, make_result):
    person = make_track(1, label=5, box=(16.0, 16.0, 48.0, 48.0))
    rng = np.random.default_rng(0)
    spread = {}
    for blur in (False, True):
        sink = build(Config(str(tmp_path / str(blur)), blur=blur, trail_s=0))
        sink.open(run_info)
        for index in range(20):
            result = make_result(index, person, size=(128, 128))
            result.frame.image[:] = 128
            result.frame.image[20:44, 20:44] = rng.integers(0, 2, (24, 24, 1), np.uint8) * 255
            write(sink, [at(result)])
        sink.close(True)
        with av.open(str(next((tmp_path / str(blur)).iterdir()))) as file:
            last = [frame.to_ndarray(format="gray") for frame in file.decode(video=0)][-1]
        spread[blur] = last[24:40, 24:40].std()
    assert spread[True] < 0.5 * spread[False]


def test_a_folder_that_cannot_be_written_is_said(tmp_path, run_info):
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="cannot write"):
        build(Config(str(tmp_path / "file" / "parts"))).open(run_info)


@pytest.mark.parametrize(
    "wrong", [{"part_s": 0}, {"part_s": 1e9}, {"keep_days": 0}, {"keep_gb": -1}, {"trail_s": -1}]
)
def test_wrong_values(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Config(**wrong)


def test_a_purge_knows_the_parts(tmp_path, run_info, make_result):
    run = tmp_path / "run"
    sink = build(Config(str(run / "recording")))
    sink.open(run_info)
    write(sink, [at(make_result(0))])
    sink.close(True)
    (run / "run.json").write_text('{"end": "2026-01-01T00:00:00+00:00"}')
    (run / "recording" / "note.txt").write_text("mine")
    removal = remove_pictures(run, timedelta(days=1), NOON)
    assert [path.name for path, _ in removal.removed] == [named(NOON)]
    assert (run / "recording" / "note.txt").exists()

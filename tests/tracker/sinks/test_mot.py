"""``tracks.mot.txt``: MOTChallenge's result format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tracker.errors import SinkError
from tracker.sinks.mot import Config, build
from tracker.types import FrameResult, Origin, RunInfo, Track, TrackState

Make = Callable[..., Track]
Result = Callable[..., FrameResult]
Limit = Callable[[int], None]


def test_frames_begin_at_one_and_boxes_are_corner_and_size(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    sink = build(Config(str(tmp_path / "tracks.mot.txt")))
    sink.open(run_info)
    box = (10.0, 20.5, 30.0, 60.0)
    sink.write(make_result(0, make_track(3, TrackState.TENTATIVE, box=box)))
    sink.write(make_result(1, make_track(3, origin=Origin.PROPAGATED, box=box)))
    sink.write(make_result(2, make_track(3, TrackState.COASTING, Origin.PREDICTED, box)))
    assert not (tmp_path / "tracks.mot.txt").exists()
    sink.close(True)
    assert (tmp_path / "tracks.mot.txt").read_text().splitlines() == [
        "1,3,10.00,20.50,20.00,39.50,0.750,-1,-1,-1",
        "2,3,10.00,20.50,20.00,39.50,0.750,-1,-1,-1",
    ]


def test_a_full_disk_leaves_nothing_under_the_final_name(
    tmp_path: Path,
    run_info: RunInfo,
    make_track: Make,
    make_result: Result,
    small_disk: Limit,
) -> None:
    sink = build(Config(str(tmp_path / "tracks.mot.txt")))
    sink.open(run_info)
    small_disk(1000)
    for index in range(100):
        sink.write(make_result(index, make_track(1)))
    with pytest.raises(SinkError, match="File too large"):
        sink.close(True)
    sink.close(True)
    assert list(tmp_path.iterdir()) == []

"""The sinks of a run: their settings are checked first, and their totals are those that are shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Track = Callable[..., Any]


def test_wrong_settings_are_told_before_a_detector_is_loaded(track: Track, tmp_path: Path) -> None:
    (tmp_path / "x.mp4").touch()
    (tmp_path / "y.mp4").touch()
    for option in ("sink.csv.hold_s=-1", "sink.video.trail_s=-1", "sink.video.queue_frames=0"):
        done = track("--video", "?.mp4", "--detector", "replay:gone.txt", "--set", option)
        assert done.code == 2
        assert option.partition("=")[0].rpartition(".")[2] in done.complaint
    assert not (tmp_path / "runs").exists()


def test_the_closing_table_has_the_totals_of_run_json(replay: Track, tmp_path: Path) -> None:
    done = replay("--out", "o", "--no-video")
    run = json.loads((tmp_path / "o" / "run.json").read_text())
    assert f"CNN runs      {run['cnn_runs']['total']} ({run['cnn_share']:.0%} of 50 frames)" in done.err


def test_what_a_run_that_saw_nothing_wrote_can_be_replayed(
    replay: Track, track: Track, tmp_path: Path, tiny_video: Path
) -> None:
    assert replay("--out", "a", "--no-video", "--score", "0.95").code == 0
    boxes = tmp_path / "a" / "tracks.csv"
    again = track("--video", tiny_video, "--detector", boxes, "--out", "b", "--no-video")
    assert again.code == 0, again.err
    assert (tmp_path / "b" / "tracks.csv").read_text() == boxes.read_text()
    assert len(boxes.read_text().splitlines()) == 1

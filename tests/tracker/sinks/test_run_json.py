"""``run.json`` and the totals behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tracker.sinks._summary import Summary
from tracker.sinks.run_json import Config, build
from tracker.types import FrameResult, Reason, RunInfo, Track, TrackState

Make = Callable[..., Track]
Result = Callable[..., FrameResult]


def results(make_track: Make, make_result: Result) -> list[FrameResult]:
    tentative, removed = TrackState.TENTATIVE, TrackState.REMOVED
    half = np.array([0, 0, 64, 32], np.float32)
    return [
        make_result(0, make_track(1, tentative), reason=Reason.FIRST_FRAME, stage_s={"decode": 0.5}),
        make_result(1, make_track(1), make_track(2, tentative), stage_s={"decode": 0.25, "detect": 1.0}),
        make_result(2, make_track(1), make_track(2, removed), reason=Reason.INTERVAL, looked_at=half),
        make_result(3, make_track(1, removed, label=1), make_track(3, label=0), reason=Reason.INTERVAL),
        make_result(4, make_track(3, label=0)),
    ]


def test_the_numbers_of_a_run(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    warnings: list[str] = []
    sink = build(Config(str(tmp_path / "run.json")))
    sink.warnings = warnings
    sink.open(run_info)
    for result in results(make_track, make_result):
        sink.write(result)
    warnings.append("cut off after frame 4")
    sink.close(True)
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["frames"] == 5
    assert run["cnn_runs"] == {"total": 3, "first_frame": 1, "interval": 2}
    assert run["cnn_share"] == pytest.approx(0.6)
    assert run["cnn_pixels_share"] == pytest.approx(0.5)
    assert run["tracks_by_class"] == {"bus": 1, "car": 1}
    assert run["stage_s"] == {"decode": 0.75, "detect": 1.0}
    assert run["duration_s"] == pytest.approx(0.16)
    assert run["fps"] > 0
    assert run["wall_s"] >= 0
    assert run["completed"] is True
    assert run["warnings"] == ["cut off after frame 4"]
    assert run["source"]["name"] == "road.mp4"
    assert run["detector"]["sha256"] == "abc"
    assert run["settings"] == {"score": 0.3}
    assert run["start"] == "2026-01-02T03:04:05+00:00"
    assert {"python", "torch", "av", "cv2", "numpy"} <= run["versions"].keys()
    assert run["peak_memory_mb"] > 10
    assert run["processor"]


def test_names_and_numbers_that_json_does_not_have(tmp_path: Path, run_info: RunInfo) -> None:
    name = b"Stra\xdfe.mp4".decode("utf-8", "surrogateescape")
    source = replace(run_info.source, name=name)
    sink = build(Config(str(tmp_path / "run.json")))
    sink.open(replace(run_info, source=source, settings={"interval_s": float("inf"), "classes": ("car",)}))
    sink.close(True)
    run = json.loads((tmp_path / "run.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert run["source"]["name"] == name
    assert run["settings"] == {"interval_s": "inf", "classes": ["car"]}


def test_a_broken_off_run_says_so(tmp_path: Path, run_info: RunInfo) -> None:
    sink = build(Config(str(tmp_path / "run.json")))
    sink.open(run_info)
    sink.close(False)
    run = json.loads((tmp_path / "run.json").read_text())
    assert (run["completed"], run["frames"], run["cnn_share"], run["cnn_runs"]) == (False, 0, 0, {"total": 0})


def test_a_track_counts_once_under_its_last_class(make_track: Make, make_result: Result) -> None:
    summary = Summary()
    for index, label in enumerate([0, 0, 2]):
        summary.add(make_result(index, make_track(5, label=label)))
    summary.add(make_result(3, make_track(5, TrackState.COASTING, label=2)))
    assert summary.tracks_by_class(("car", "bus", "truck")) == {"truck": 1}


def test_what_is_kept_does_not_grow_with_the_run(make_track: Make, make_result: Result) -> None:
    summary = Summary()
    for index in range(300):
        summary.add(make_result(index, make_track(index + 1), make_track(index, TrackState.REMOVED)))
    assert len(summary._live) == 1
    assert summary.tracks_by_class(("car",)) == {"car": 300}

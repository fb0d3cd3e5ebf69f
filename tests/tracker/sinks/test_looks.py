"""Why the CNN ran, look by look."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from detectors import Detections, Frame
from tracker.sinks.looks import COLUMNS, Config, build
from tracker.triggers import confidence
from tracker.types import FrameResult, Origin, Reason, RunInfo, SourceInfo, Track, TrackState

PICTURE = np.zeros((20, 20, 3), np.uint8)


def followed(track_id: int, sure: float, state: TrackState = TrackState.CONFIRMED) -> Track:
    box, still, votes = np.array([1, 1, 9, 9], np.float32), np.zeros(2, np.float32), np.ones(1, np.float32)
    times = (0.0, 0.0, 0.0)
    return Track(track_id, box, still, 0, 0.9, votes, state, Origin.PROPAGATED, sure, *times)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_says_who_asked_and_what_came_of_it(tmp_path: Path) -> None:
    sink = build(Config(str(tmp_path / "looks.csv")))
    sink.open(RunInfo(SourceInfo("x.mp4", 20, 20), ("car",), {}, datetime(2026, 1, 1, tzinfo=UTC)))
    gone = followed(2, 0.9, TrackState.REMOVED)
    found = Detections.empty()
    sink.write(FrameResult(Frame(PICTURE, 0, 0.0), Reason.FIRST_FRAME, found, ()))
    sink.write(FrameResult(Frame(PICTURE, 1, 0.04), None, None, (followed(1, 0.5),)))
    asked = FrameResult(
        Frame(PICTURE, 2, 0.08),
        Reason.LOW_CONFIDENCE,
        found,
        (followed(1, 0.9), gone),
        stage_s={"detect": 0.0123},
        cause=followed(1, 0.25),
        looked_at=np.array([10, 0, 20, 10], np.float32),
    )
    sink.write(asked)
    sink.close(completed=True)
    first, second = rows(tmp_path / "looks.csv")
    assert list(first) == list(COLUMNS)
    assert (first["reason"], first["track_id"], first["since_s"]) == ("first_frame", "", "")
    assert first["part"] == "1.00"
    assert second == {
        **{"frame": "2", "time_s": "0.080", "reason": "low_confidence", "track_id": "1"},
        **{"confidence": "0.250", "since_s": "0.080", "tracks": "1", "detections": "0", "detect_ms": "12.3"},
        "part": "0.25",
    }


def test_the_least_sure_track_is_the_cause() -> None:
    trigger = confidence.build(confidence.Config(interval_s=9.0))
    trigger.looked(Frame(PICTURE), [])
    tracks = [followed(1, 0.9), followed(2, 0.3), followed(3, 0.1)]
    assert trigger.reason(Frame(PICTURE, 5, 0.2), tracks) is Reason.LOW_CONFIDENCE
    assert trigger.cause == 3
    assert trigger.reason(Frame(PICTURE, 6, 9.9), tracks[:1]) is Reason.INTERVAL
    assert trigger.cause is None


def test_a_run_explains_every_look(
    track: Callable[..., Any], tiny_video: Path, tiny_boxes: Path, tmp_path: Path
) -> None:
    given = ("--video", tiny_video, "--detector", f"replay:{tiny_boxes}", "--no-video")
    ran = track(*given, "--explain", "--out", tmp_path / "out")
    assert ran.code == 0
    looks = rows(tmp_path / "out" / "looks.csv")
    counted = Counter(row["reason"] for row in looks)
    told = json.loads((tmp_path / "out" / "run.json").read_text())["cnn_runs"]
    assert {"total": len(looks), **counted} == told
    asked = [row for row in looks if row["reason"] in ("unconfirmed", "low_confidence", "track_lost")]
    assert asked
    assert all(row["track_id"] for row in asked)
    assert looks[0]["reason"] == "first_frame"

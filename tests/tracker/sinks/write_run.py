"""A run of its own process that writes into a database: ``write_run.py URL VIDEO FRAMES WAIT_S``.

It says the number of every frame once that frame is written, and waits for a line before the first.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from datetime import UTC, datetime

import numpy as np

from detectors import Frame
from tracker.compose import build_sink
from tracker.pipeline import record
from tracker.scene.model import Line, Scene
from tracker.types import Event, FrameResult, Origin, RunInfo, SourceInfo, Track, TrackState

START = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
LINE = Line("north", ((0.0, 30.0), (64.0, 30.0)), ("in", "out"))
SCENE = Scene((64, 64), (LINE,), start=START, interval_s=1.0, name="bridge")
IMAGE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
STILL = np.zeros(2, np.float32)
VOTES = np.array([3.0, 1.0], np.float32)


def about(video: str) -> RunInfo:
    """Return what the sink is told."""
    source = SourceInfo(video, 64, 64, 25.0)
    return RunInfo(source, ("car", "bus"), {"score": 0.3}, datetime.now(UTC), {"name": "x"}, SCENE)


def result(index: int) -> FrameResult:
    """Return a frame on which a track begins, the one of the frame before ends, and both do something."""
    time_s = index / 25
    box = np.array([index % 40, 20, index % 40 + 20, 40], np.float32)

    def track(track_id: int, state: TrackState) -> Track:
        votes, origin = VOTES, Origin.DETECTED
        return Track(track_id, box, STILL, 0, 0.9, votes, state, origin, 0.8, time_s, time_s, time_s, 3)

    tracks = (*([track(index, TrackState.REMOVED)] if index else []), track(index + 1, TrackState.CONFIRMED))
    event = Event("crossing", time_s, index, index + 1, "north", "in", 0, 0.75, Origin.DETECTED, box, 50.0)
    return FrameResult(Frame(IMAGE, index, time_s), None, None, tracks, (event,))


def main(url: str, video: str, frames: int, wait_s: float) -> None:
    """Write a run."""
    sink = build_sink("database", {"url": url, "wait_s": wait_s})
    sys.stdin.readline()
    for one in record(map(result, range(frames)), [sink], about(video)):
        print(one.frame.index, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has it ignored
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))

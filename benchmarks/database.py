"""How long the database sink takes for 100,000 tracks and as many events, and how much memory.

python benchmarks/database.py --url /tmp/traffic.db
python benchmarks/database.py --url postgresql://me@host/traffic
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from detectors.frame import Frame
from tracker.compose import build_sink
from tracker.scene.model import Line, Scene
from tracker.sinks.run_json import peak_memory_mb
from tracker.types import Event, FrameResult, Origin, RunInfo, SourceInfo, Track, TrackState

_AT_ONCE = 20
_STEP_S = 0.04
_STILL, _VOTES = np.zeros(2, np.float32), np.array([3.0, 1.0], np.float32)
_IMAGE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
_LINE = Line("north", ((0.0, 10.0), (60.0, 10.0)))
_SCENE = Scene((64, 64), (_LINE,), start=datetime(2026, 3, 2, 7, tzinfo=UTC), name="benchmark")


def results(tracks: int) -> Iterator[FrameResult]:
    """Yield frames on which 20 tracks cross a line, each followed by one on which they end."""
    for index in range(0, 2 * (tracks // _AT_ONCE), 2):
        time_s = index * _STEP_S
        ids = range(index // 2 * _AT_ONCE + 1, (index // 2 + 1) * _AT_ONCE + 1)
        box = np.array([index % 30, 5, index % 30 + 10, 20], np.float32)
        events = tuple(
            Event("crossing", time_s, index, i, "north", "A", 0, 0.75, Origin.DETECTED, box, 50.0, 3.0)
            for i in ids
        )
        for step, (state, what) in enumerate(((TrackState.CONFIRMED, events), (TrackState.REMOVED, ()))):
            there = tuple(
                Track(i, box, _STILL, 0, 0.9, _VOTES, state, Origin.DETECTED, 0.8, time_s, time_s, time_s, 3)
                for i in ids
            )
            frame = Frame(_IMAGE, index + step, time_s + step * _STEP_S)
            yield FrameResult(frame, None, None, there, what)


def main() -> None:
    """Write a run into the database and print what it took; making the results is not counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--tracks", type=int, default=100_000)
    given = parser.parse_args()
    sink = build_sink("database", {"url": given.url})
    about = RunInfo(
        SourceInfo("benchmark", 64, 64, 25.0), ("car", "bus"), {}, datetime.now(UTC), scene=_SCENE
    )
    wall_s = cpu_s = 0.0

    def timed(work: object, *arguments: object) -> None:
        nonlocal wall_s, cpu_s
        wall, cpu = time.perf_counter(), time.process_time()
        work(*arguments)  # type: ignore[operator]
        wall_s, cpu_s = wall_s + time.perf_counter() - wall, cpu_s + time.process_time() - cpu

    before_mb = peak_memory_mb()
    timed(sink.open, about)
    for result in results(given.tracks):
        timed(sink.write, result)
    timed(sink.close, True)
    print(f"{given.tracks} tracks and events: {wall_s:.1f} s, {cpu_s:.1f} s of CPU in this process")
    print(f"peak memory {peak_memory_mb():.0f} MB, {before_mb:.0f} MB of it before the sink was opened")


if __name__ == "__main__":
    main()

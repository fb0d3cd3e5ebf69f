"""Small real results for the sinks' tests."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from detectors import Frame
from tracker.types import FrameResult, Origin, Reason, RunInfo, SourceInfo, Track, TrackState

NAMES = ("car", "bus", "truck", "motorbike", "bicycle", "person")


@pytest.fixture
def make_track() -> Callable[..., Track]:
    def make(
        track_id: int,
        state: TrackState = TrackState.CONFIRMED,
        origin: Origin = Origin.DETECTED,
        box: tuple[float, float, float, float] = (4.0, 6.0, 20.0, 16.0),
        label: int = 0,
        score: float = 0.75,
    ) -> Track:
        votes = np.zeros(len(NAMES), np.float32)
        votes[label] = score
        place = np.array(box, np.float32)
        still = np.zeros(2, np.float32)
        return Track(track_id, place, still, label, score, votes, state, origin, 0.5, 0.0, 0.0, 0.0)

    return make


@pytest.fixture
def make_result() -> Callable[..., FrameResult]:
    def make(
        index: int,
        *tracks: Track,
        time_s: float | None = None,
        size: tuple[int, int] = (64, 64),
        reason: Reason | None = None,
        grey: int = 90,
        **more: object,
    ) -> FrameResult:
        image = np.full((size[1], size[0], 3), grey, np.uint8)
        moment = index / 25 if time_s is None else time_s
        return FrameResult(Frame(image, index, moment), reason, None, tracks, **more)  # type: ignore[arg-type]

    return make


@pytest.fixture
def run_info() -> RunInfo:
    source = SourceInfo("road.mp4", 64, 64, 25.0, frames=10, duration_s=0.4)
    start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return RunInfo(source, NAMES, {"score": 0.3}, start, {"name": "replay", "sha256": "abc"})


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], None]]:
    """Let no file grow beyond a number of bytes, which the system then refuses as it refuses a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)

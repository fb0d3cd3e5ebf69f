"""How fast a live run is, over its last seconds."""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tracker.types import FrameResult

#: Figures are those of the last seconds.
_WINDOW_S = 10.0


class _Done(NamedTuple):
    at_s: float
    latency_s: float | None
    looked: bool


class Meter:
    """Written by the thread that tracks, read by the one that tells.

    Attributes:
        frames: processed so far.
    """

    def __init__(self) -> None:
        """Begin with no frame."""
        self.frames = 0
        self._lock = threading.Lock()
        self._done: deque[_Done] = deque()
        self._runs: Counter[str] = Counter()

    def add(self, result: FrameResult) -> None:
        """Take in a frame whose result is there now."""
        now_s = time.monotonic()
        arrival_s, looked = result.frame.arrival_s, result.reason is not None
        with self._lock:
            self.frames += 1
            self._done.append(_Done(now_s, None if arrival_s is None else now_s - arrival_s, looked))
            if result.reason is not None:
                self._runs[result.reason.value] += 1
            self._forget(now_s)

    def fps(self) -> float:
        """Return the frames a second."""
        done = self._recent()
        since_s = min(_WINDOW_S, time.monotonic() - done[0].at_s) if done else 0.0
        return len(done) / since_s if since_s > 0 else 0.0

    def cnn_share(self) -> float:
        """Return on which share of the frames the CNN looked."""
        done = self._recent()
        return sum(frame.looked for frame in done) / len(done) if done else 0.0

    def cnn_runs(self) -> Mapping[str, int]:
        """Return how often it looked so far, by reason."""
        with self._lock:
            return dict(self._runs)

    def latency_ms(self) -> Mapping[str, float]:
        """Return the time from a picture's arrival to its result in milliseconds; empty without a camera."""
        times_s = [frame.latency_s for frame in self._recent() if frame.latency_s is not None]
        if not times_s:
            return {}
        median, p99, most = (1000 * np.percentile(times_s, (50, 99, 100))).tolist()
        return {"median": round(median, 1), "p99": round(p99, 1), "most": round(most, 1)}

    def _recent(self) -> list[_Done]:
        with self._lock:
            self._forget(time.monotonic())
            return list(self._done)

    def _forget(self, now_s: float) -> None:
        while self._done and self._done[0].at_s < now_s - _WINDOW_S:
            self._done.popleft()


def memory_mb() -> float:
    """Return the resident memory of this process in megabytes (10^6 bytes); the most so far but on Linux."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return round(pages * resource.getpagesize() / 1e6, 1)
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return round(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6, 1)

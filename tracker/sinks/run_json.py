"""``run.json``: what was run, with what, and what it came to."""

from __future__ import annotations

import dataclasses
import json
import math
import platform
import resource
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import metadata
from pathlib import Path

from detectors.runtimes import processor
from tracker.sinks._files import discard, draft, prepare, publish, writing
from tracker.sinks._summary import Summary
from tracker.traffic.coverage import Coverage
from tracker.types import FrameResult, RunInfo

# What is imported and what it is installed as; several wheels bring the same module.
_DISTRIBUTIONS = {
    "road-tracker": ("road-tracker",),
    "torch": ("torch",),
    "torchvision": ("torchvision",),
    "av": ("av",),
    "cv2": ("opencv-python", "opencv-contrib-python", "opencv-python-headless"),
    "numpy": ("numpy",),
    "scipy": ("scipy",),
    "dlib": ("dlib-bin", "dlib"),
    "openvino": ("openvino",),
    "onnxruntime": ("onnxruntime",),
}


#: Cuts behind these are not told: no road has so many.
_MOST_CUTS = 10_000


@dataclass(frozen=True, slots=True)
class Config:
    """Where to write."""

    path: str = "run.json"


class RunJson:
    """Adds the run up and writes it in one step when it is closed.

    Attributes:
        warnings: what went wrong without stopping the run; may be set to something that grows until it is
            read, at ``close``.
        summary: the totals so far.
    """

    def __init__(self, config: Config) -> None:
        """Nothing is written before ``open``."""
        self._path = Path(config.path)
        self._run: RunInfo | None = None
        self._opened = 0.0
        self.warnings: Iterable[str] = ()
        self.summary = Summary()
        self._coverage = Coverage()
        self._cuts_s: list[float] = []

    def open(self, run: RunInfo) -> None:
        """Start the clock and see that the file can be written.

        Raises:
            SinkError: it cannot.
        """
        prepare(self._path)
        with writing(self._path):
            draft(self._path).touch()
        self._run = run
        self._opened = time.perf_counter()

    def write(self, result: FrameResult) -> None:
        """Count one frame's result."""
        self.summary.add(result)
        self._coverage.add(result)
        if result.frame.cut and len(self._cuts_s) < _MOST_CUTS:
            self._cuts_s.append(result.frame.time_s)

    def close(self, completed: bool) -> None:
        """Write the file; a second time does nothing.

        Raises:
            SinkError: the disk is full or gone.
        """
        if self._run is None:
            return
        run, self._run = self._run, None
        wall_s = time.perf_counter() - self._opened
        content = _about(run) | _outcome(self.summary, run, wall_s)
        self._coverage.finish()
        content["seen_s"] = [[round(a, 3), round(b, 3)] for a, b in self._coverage.spans]
        content["cuts_s"] = [round(time_s, 3) for time_s in self._cuts_s]
        content |= {"completed": completed, "warnings": [str(warning) for warning in self.warnings]}
        text = json.dumps(_finite(content), indent=2, default=str, ensure_ascii=False) + "\n"
        try:
            with writing(self._path):
                # a file name that is not UTF-8 has lone surrogates, which JSON can hold as escapes alone
                draft(self._path).write_text(text, encoding="utf-8", errors="backslashreplace")
            publish(self._path)
        finally:
            discard(self._path)


def _about(run: RunInfo) -> dict[str, object]:
    return {
        "source": dataclasses.asdict(run.source),
        "start": run.start.isoformat(),
        "class_names": list(run.class_names),
        "settings": dict(run.settings),
        "detector": dict(run.detector),
        "versions": versions(),
        "processor": f"{processor.name()}, {processor.cores()} cores",
    }


def _outcome(summary: Summary, run: RunInfo, wall_s: float) -> dict[str, object]:
    reasons = {reason.value: n for reason, n in summary.cnn_runs.most_common()}
    return {
        "end": (run.start + timedelta(seconds=wall_s)).isoformat(),
        "frames": summary.frames,
        "cnn_runs": {"total": summary.cnn_runs_total, **reasons},
        "cnn_share": round(summary.cnn_share, 4),
        "cnn_pixels_share": round(summary.cnn_pixels_share, 4),
        "tracks_by_class": summary.tracks_by_class(run.class_names),
        "stage_s": {stage: round(seconds, 3) for stage, seconds in summary.stage_s.items()},
        "wall_s": round(wall_s, 3),
        "fps": round(summary.frames / wall_s, 2) if wall_s > 0 else 0.0,
        "duration_s": round(summary.duration_s, 3),
        "peak_memory_mb": peak_memory_mb(),
    }


def _finite(value: object) -> object:
    """Return the value with infinite numbers in words: JSON has none."""
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def versions() -> dict[str, str]:
    """Return the versions of Python and of what is installed, read without importing anything."""
    found = {"python": platform.python_version()}
    for module, names in _DISTRIBUTIONS.items():
        for name in names:
            try:
                found[module] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
            break
    return found


def peak_memory_mb() -> float:
    """Return the largest resident memory that this process has had, in megabytes (10^6 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6, 1)


def build(config: Config) -> RunJson:
    """Build the sink."""
    return RunJson(config)

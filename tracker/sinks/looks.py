"""``looks.csv``: one row for every time that the CNN ran, and why.

The columns are ``frame,time_s,reason,track_id,confidence,since_s,tracks,detections,detect_ms,part``: the
reason as ``tracker.types.Reason`` has it; the track that asked for the look and how sure its place was, where
it was one track's wish; seconds since the look before; how many tracks were live; what the CNN found, and how
long that took; the share of the picture that it saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tracker.sinks._files import LineFile
from tracker.sinks._rows import lines
from tracker.types import FrameResult, Reason, RunInfo, TrackState

COLUMNS = (
    *("frame", "time_s", "reason", "track_id", "confidence", "since_s", "tracks", "detections", "detect_ms"),
    "part",
)


@dataclass(frozen=True, slots=True)
class Config:
    """Where to write."""

    path: str = "looks.csv"


class LooksSink:
    """Writes looks as they happen."""

    def __init__(self, config: Config) -> None:
        """Nothing is written before ``open``."""
        self._path = Path(config.path)
        self._file: LineFile | None = None
        self._looked_s: float | None = None

    def open(self, run: RunInfo) -> None:
        """Create the file with its header.

        Raises:
            SinkError: the file cannot be written.
        """
        self._file = LineFile(self._path)
        self._file.write(lines([COLUMNS]))
        self._file.flush()

    def write(self, result: FrameResult) -> None:
        """Write the look at this frame, if there was one.

        Raises:
            SinkError: the disk is full or gone.
        """
        if self._file is None or result.reason is None:
            return
        self._file.write(lines([self._row(result, result.reason)]))
        self._looked_s = result.frame.time_s

    def close(self, completed: bool) -> None:
        """Close, also when the run was broken off.

        Raises:
            SinkError: the disk is full or gone.
        """
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _row(self, result: FrameResult, reason: Reason) -> list[str]:
        cause, time_s = result.cause, result.frame.time_s
        live = sum(track.state is not TrackState.REMOVED for track in result.tracks)
        detect_s = result.stage_s.get("detect")
        return [
            str(result.frame.index),
            f"{time_s:.3f}",
            reason.value,
            "" if cause is None else str(cause.id),
            "" if cause is None else f"{cause.confidence:.3f}",
            "" if self._looked_s is None else f"{time_s - self._looked_s:.3f}",
            str(live),
            "" if result.detections is None else str(len(result.detections)),
            "" if detect_s is None else f"{1000 * detect_s:.1f}",
            f"{result.seen_share:.2f}",
        ]


def build(config: Config) -> LooksSink:
    """Build the sink."""
    return LooksSink(config)

"""``events.csv``: one row for everything that a track did at a line, in a zone or between two gates.

The columns are ``time_s,clock,frame,kind,name,direction,track_id,class,class_score,speed_kmh,
speed_error_kmh,dwell_s,headway_s,origin,x1,y1,x2,y2,evidence``: when it happened in seconds of the video, and
on the clock where that is known; the frame behind that moment; what happened, as ``tracker.types.Event`` has
it; the box then. ``origin`` is "predicted" where nobody saw it there. Events stand in the order in which they
became sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tracker.sinks._evidence_name import evidence_name
from tracker.sinks._files import LineFile
from tracker.sinks._rows import lines
from tracker.traffic.clock import Clock
from tracker.types import Event, FrameResult, RunInfo

COLUMNS = (
    *("time_s", "clock", "frame", "kind", "name", "direction", "track_id", "class", "class_score"),
    *("speed_kmh", "speed_error_kmh", "dwell_s", "headway_s", "origin", "x1", "y1", "x2", "y2", "evidence"),
)


@dataclass(frozen=True, slots=True)
class Config:
    """Where to write, and in which folder the pictures of crossings are: empty where none are written."""

    path: str = "events.csv"
    evidence: str = ""


class EventsSink:
    """Writes events as they are reported."""

    def __init__(self, config: Config) -> None:
        """Nothing is written before ``open``."""
        self._path, self._evidence = Path(config.path), config.evidence
        self._file: LineFile | None = None
        self._run: RunInfo | None = None
        self._clock: Clock | None = None

    def open(self, run: RunInfo) -> None:
        """Create the file with its header.

        Raises:
            SinkError: the file cannot be written.
        """
        self._run = run
        self._file = LineFile(self._path)
        self._file.write(lines([COLUMNS]))
        self._file.flush()

    def write(self, result: FrameResult) -> None:
        """Write what was reported on this frame.

        Raises:
            SinkError: the disk is full or gone.
        """
        if self._file is None or self._run is None:
            return
        self._clock = self._clock or Clock.of(self._run.scene, result.frame)
        if result.events:
            self._file.write(lines(self._row(event, self._run.class_names) for event in result.events))

    def close(self, completed: bool) -> None:
        """Close, also when the run was broken off.

        Raises:
            SinkError: the disk is full or gone.
        """
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _row(self, event: Event, names: Sequence[str]) -> list[str]:
        assert self._clock is not None
        shown = self._evidence and event.kind == "crossing"
        x1, y1, x2, y2 = event.box.tolist()
        return [
            f"{event.time_s:.3f}",
            self._clock.text(event.time_s),
            str(event.frame_index),
            event.kind,
            event.name,
            event.direction,
            str(event.track_id),
            names[event.label],
            f"{event.class_score:.3f}",
            _optional(event.speed_kmh),
            _optional(event.speed_error_kmh),
            _optional(event.dwell_s),
            _optional(event.headway_s),
            event.origin.value,
            *(f"{x1:.2f}", f"{y1:.2f}", f"{x2:.2f}", f"{y2:.2f}"),
            f"{self._evidence}/{evidence_name(event)}" if shown else "",
        ]


def _optional(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def build(config: Config) -> EventsSink:
    """Build the sink."""
    return EventsSink(config)

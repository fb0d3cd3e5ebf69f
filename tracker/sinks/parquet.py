"""``tracks.parquet`` and ``events.parquet``: the columns of the CSV files of these names, with their types.

``clock`` is a moment in UTC. Row groups are written while the run goes on, under ``NAME.part``; the final
names come at the end, also where the run was broken off, but not where the process was killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracker.sinks._decided import Decided, Rows, check_hold
from tracker.sinks._parquet import ParquetFile, check_pyarrow
from tracker.sinks._stored import Moments, clean, picture_of
from tracker.traffic.clock import Clock
from tracker.types import Event, FrameResult, RunInfo


@dataclass(frozen=True, slots=True)
class Config:
    """The folder to write into, and how long a row may wait for its track to be confirmed.

    Attributes:
        path: the folder.
        hold_s: in seconds of video.
        evidence: folder in which the pictures of crossings are; empty where none are written.
    """

    path: str = "."
    hold_s: float = 2.0
    evidence: str = ""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: the time is negative or has no end.
            UsageError: pyarrow is not installed.
        """
        check_hold(self.hold_s)
        check_pyarrow()


class ParquetSink:
    """Writes rows of tracks as soon as the tracks are decided, and events as they are reported."""

    def __init__(self, config: Config) -> None:
        """Nothing is written before ``open``."""
        self._folder, self._evidence = Path(config.path), config.evidence
        self._decided = Decided(config.hold_s)
        self._tracks: ParquetFile | None = None
        self._events: ParquetFile | None = None
        self._run: RunInfo | None = None
        self._moments: Moments | None = None

    def open(self, run: RunInfo) -> None:
        """Create the drafts of both files.

        Raises:
            SinkError: one cannot be written.
        """
        self._run = run
        self._tracks = ParquetFile(self._folder / "tracks.parquet", _track_columns())
        self._events = ParquetFile(self._folder / "events.parquet", _event_columns())

    def write(self, result: FrameResult) -> None:
        """Take one frame; write the tracks that are decided with it.

        Raises:
            SinkError: the disk is full or gone.
        """
        if self._tracks is None or self._events is None or self._run is None:
            return
        moments = self._moments = self._moments or Moments(Clock.of(self._run.scene, result.frame))
        self._tracks.write(self._track_rows(self._decided.add(result)))
        self._events.write(self._event_row(event, moments) for event in result.events)

    def close(self, completed: bool) -> None:
        """Write the rows still held and finish both files, also when the run was broken off.

        Raises:
            SinkError: the disk is full or gone.
        """
        tracks, self._tracks = self._tracks, None
        events, self._events = self._events, None
        try:
            if tracks is not None:
                tracks.close(self._track_rows(self._decided.flush()))
        finally:
            if events is not None:
                events.close()

    def _track_rows(self, ready: Iterator[Rows]) -> Iterator[tuple[object, ...]]:
        assert self._run is not None
        names = self._run.class_names
        for rows in ready:
            for track in rows.tracks:
                head = (rows.frame_index, rows.time_s, track.id, clean(names[track.label]), track.score)
                yield (*head, *track.box.tolist(), track.origin.value, track.confidence)

    def _event_row(self, event: Event, moments: Moments) -> tuple[object, ...]:
        assert self._run is not None
        what = (event.kind, clean(event.name), clean(event.direction))
        return (
            *(event.time_s, moments.at(event.time_s), event.frame_index, *what, event.track_id),
            *(clean(self._run.class_names[event.label]), float(event.class_score)),
            *(event.speed_kmh, event.speed_error_kmh, event.dwell_s, event.headway_s, event.origin.value),
            *(*event.box.tolist(), picture_of(event, self._evidence)),
        )


def _track_columns() -> dict[str, Any]:
    import pyarrow as pa

    box = {side: pa.float32() for side in ("x1", "y1", "x2", "y2")}
    head = {"frame": pa.int64(), "time_s": pa.float64(), "track_id": pa.int64(), "class": pa.string()}
    return {**head, "score": pa.float32(), **box, "origin": pa.string(), "confidence": pa.float32()}


def _event_columns() -> dict[str, Any]:
    import pyarrow as pa

    words = {name: pa.string() for name in ("kind", "name", "direction")}
    measured = {name: pa.float64() for name in ("speed_kmh", "speed_error_kmh", "dwell_s", "headway_s")}
    box = {side: pa.float32() for side in ("x1", "y1", "x2", "y2")}
    return {
        **{"time_s": pa.float64(), "clock": pa.timestamp("us", tz="UTC"), "frame": pa.int64(), **words},
        **{"track_id": pa.int64(), "class": pa.string(), "class_score": pa.float32(), **measured},
        **{"origin": pa.string(), **box, "evidence": pa.string()},
    }


def build(config: Config) -> ParquetSink:
    """Build the sink."""
    return ParquetSink(config)

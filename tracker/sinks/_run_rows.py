"""Collects what a run writes into the database, and writes what has come together."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from sqlalchemy import Connection

from tracker.sinks._lives import Life, Lives
from tracker.sinks._stored import Moments, Row, count_row, event_row, picture_of, track_row
from tracker.storage.tables import EVENTS, TRACKS
from tracker.storage.writing import add_rows, put_counts, update_run
from tracker.traffic.clock import Clock
from tracker.traffic.intervals import CountRow, IntervalCounts
from tracker.types import Event, FrameResult, RunInfo


class RunRows:
    """The rows of one run that are not written yet, and its totals.

    Args:
        run_id: of the row in ``runs``, which is there already.
        run: as the sinks were told.
        counts_s: least wall-clock time between two times that the counts of intervals that go on are written.
        evidence: folder of the pictures of crossings; empty where none are written.
    """

    def __init__(self, run_id: int, run: RunInfo, counts_s: float, evidence: str) -> None:
        """Begin with nothing."""
        self._run_id, self._run, self._evidence = run_id, run, evidence
        self._moments = Moments(Clock(run.scene.start if run.scene else None))
        self._counter = IntervalCounts(run.scene, run.class_names) if run.scene else None
        self._lives = Lives()
        self._frames = self._looks = 0
        self._time_s: float | None = None
        self._tracks_done = self._events_done = 0
        self._tracks: list[Row] = []
        self._events: list[Row] = []
        self._finished: list[CountRow] = []
        self._counts_s, self._counted_s = counts_s, time.monotonic()

    def __len__(self) -> int:
        """Return the number of rows that wait."""
        return len(self._tracks) + len(self._events)

    def add(self, result: FrameResult) -> None:
        """Take one frame's result."""
        if self._time_s is None:
            self._moments = Moments(Clock.of(self._run.scene, result.frame))
        self._time_s = result.frame.time_s
        self._frames += 1
        self._looks += result.reason is not None
        for event in result.events:
            self._add_event(event)
        self._add_tracks(self._lives.add(result))
        if self._counter is not None:
            self._counter.add(result)
            self._finished += self._counter.finished()

    def flush(self) -> None:
        """Take what only the end of the run gives: the tracks that live still, the last intervals."""
        self._add_tracks(self._lives.flush())
        if self._counter is not None:
            self._finished += self._counter.finish()

    def write(self, connection: Connection, completed: bool = False) -> None:
        """Write all that waits; it waits on until ``written`` says that the transaction is done."""
        update_run(connection, self._run_id, self._state(completed))
        add_rows(connection, TRACKS, self._tracks)
        add_rows(connection, EVENTS, self._events)
        put_counts(connection, [count_row(self._run_id, count) for count in [*self._finished, *self._open()]])

    def written(self) -> None:
        """Let go of what was written."""
        self._tracks_done, self._tracks = self._tracks_done + len(self._tracks), []
        self._events_done, self._events = self._events_done + len(self._events), []
        self._finished = []

    def _open(self) -> list[CountRow]:
        """Return the counts of the intervals that go on, if it is time for them."""
        if self._counter is None or time.monotonic() - self._counted_s < self._counts_s:
            return []
        self._counted_s = time.monotonic()
        return self._counter.rows()

    def _add_event(self, event: Event) -> None:
        number, names = self._events_done + len(self._events) + 1, self._run.class_names
        row = event_row(self._run_id, number, event, names, self._moments)
        row["evidence"] = picture_of(event, self._evidence)
        self._events.append(row)

    def _add_tracks(self, ended: list[Life]) -> None:
        names = self._run.class_names
        self._tracks += [track_row(self._run_id, life, names, self._moments) for life in ended]

    def _state(self, completed: bool) -> Row:
        earlier = self._run.earlier
        return {
            "tracks": self._tracks_done + len(self._tracks),
            "events": self._events_done + len(self._events),
            "frames": earlier.frames if earlier else self._frames,
            "cnn_runs": earlier.cnn_runs if earlier else self._looks,
            "time_s": self._time_s,
            "video_start_utc": self._moments.start,
            "written_utc": datetime.now(UTC),
            "completed": completed,
        }

"""``--db``: the run, its tracks, events and interval counts, in the tables of ``tracker.storage.tables``.

Rows are written in batches, each in one transaction, so that whoever reads sees a run grow and never half a
batch, also where the process was killed. A run takes the place of an earlier one of the same video.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from tracker.errors import SinkError
from tracker.sinks._files import prepare, writing
from tracker.sinks._run_rows import RunRows
from tracker.sinks._stored import run_row
from tracker.storage.address import read_address
from tracker.storage.database import Database, open_database
from tracker.storage.writing import begin_run
from tracker.types import FrameResult, RunInfo

#: More rows than this do not wait, so that memory stays bounded.
_MOST_ROWS = 2000
#: Counts of an interval that goes on are all written again, so not with every batch.
_COUNTS_BATCHES = 5


@dataclass(frozen=True, slots=True)
class Config:
    """Where to write, and how long rows may wait.

    Attributes:
        url: a file's name, ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``.
        wait_s: seconds of wall-clock time for which rows wait for others; 0 writes every frame's at once.
        evidence: folder in which the pictures of crossings are; empty where none are written.
    """

    url: str = "sqlite:///traffic.db"
    wait_s: float = 2.0
    evidence: str = ""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: the time is negative or has no end.
            UsageError: the address means no database.
        """
        if not 0 <= self.wait_s < float("inf"):
            raise ValueError(f"wait_s must be at least 0 and finite, not {self.wait_s}")
        read_address(self.url)


class DatabaseSink:
    """Writes batches of rows; after a failure nothing more, as a run must not go on behind a hole."""

    def __init__(self, config: Config) -> None:
        """Nothing is opened before ``open``."""
        self._address = read_address(config.url)
        self._config = config
        self._written_s = 0.0
        self._database: Database | None = None
        self._rows: RunRows | None = None

    def open(self, run: RunInfo) -> None:
        """Open the database and write the run's row, in place of an earlier run's rows.

        Raises:
            SinkError: it cannot be opened or written, or is none of ours.
        """
        if self._address.file is not None:
            prepare(self._address.file)
            with writing(self._address.file):  # the system says better than SQLite why a file cannot be made
                self._address.file.open("ab").close()
        self._database = open_database(self._address)
        with self._database.transaction(alone=True) as connection:
            run_id = begin_run(connection, run_row(run))
        self._rows = RunRows(run_id, run, _COUNTS_BATCHES * self._config.wait_s, self._config.evidence)
        self._written_s = time.monotonic()

    def write(self, result: FrameResult) -> None:
        """Take one frame; write what waits where it is much, or has waited long.

        Raises:
            SinkError: the database is full or gone, or another run has taken this one's place.
        """
        if self._rows is None:
            return
        self._rows.add(result)
        if len(self._rows) >= _MOST_ROWS or time.monotonic() - self._written_s >= self._config.wait_s:
            self._write(self._rows)

    def close(self, completed: bool) -> None:
        """Write the rest and what the run came to; a second time does nothing.

        Raises:
            SinkError: the database is full or gone, or another run has taken this one's place.
        """
        database, rows = self._database, self._rows
        try:
            if rows is not None:
                rows.flush()
                self._write(rows, completed)
        finally:
            self._database = self._rows = None
            if database is not None:
                database.close()

    def _write(self, rows: RunRows, completed: bool = False) -> None:
        assert self._database is not None
        try:
            with self._database.transaction() as connection:
                rows.write(connection, completed)
        except SinkError:
            self._rows = None
            raise
        # an interruption leaves the rows, for close to write them; those that are there already stay
        rows.written()
        self._written_s = time.monotonic()


def build(config: Config) -> DatabaseSink:
    """Build the sink."""
    return DatabaseSink(config)

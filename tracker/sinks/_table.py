"""Files with a row for every interval: rows are written when their interval is over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from tracker.scene.model import Scene
from tracker.sinks._rows import RowFile
from tracker.types import FrameResult, RunInfo

Row_co = TypeVar("Row_co", covariant=True)
Row = TypeVar("Row")


class Adder(Protocol[Row_co]):
    """Adds a run up by intervals."""

    def add(self, result: FrameResult) -> None:
        """Take one frame's result."""
        ...

    def finished(self) -> list[Row_co]:
        """Take out the rows of the intervals that are over."""
        ...

    def finish(self) -> list[Row_co]:
        """Take out all rows that are left."""
        ...


class TableSink(Generic[Row]):
    """Writes a run's intervals into a CSV file.

    Args:
        path: the file.
        row: dataclass of a row.
        make: makes what adds the run up, from the run and its scene.
    """

    def __init__(self, path: Path, row: type[Row], make: Callable[[RunInfo, Scene], Adder[Row]]) -> None:
        """Nothing is written before ``open``."""
        self._path, self._row, self._make = path, row, make
        self._file: RowFile | None = None
        self._adder: Adder[Row] | None = None

    def open(self, run: RunInfo) -> None:
        """Create the file with its header; a run without a scene has no rows.

        Raises:
            SinkError: the file cannot be written.
        """
        self._adder = self._make(run, run.scene or Scene())
        self._file = RowFile(self._path, self._row)

    def write(self, result: FrameResult) -> None:
        """Take one frame; write the intervals that are over with it.

        Raises:
            SinkError: the disk is full or gone.
        """
        if self._file is not None and self._adder is not None:
            self._adder.add(result)
            self._file.write(self._adder.finished())

    def close(self, completed: bool) -> None:
        """Write the intervals that are left and close, also when the run was broken off.

        Raises:
            SinkError: the disk is full or gone.
        """
        if self._file is None or self._adder is None:
            return
        file, self._file = self._file, None
        try:
            file.write(self._adder.finish())
        finally:
            file.close()

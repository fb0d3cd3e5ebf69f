"""Files with a row for every interval: rows are written when their interval is over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from tracker.scene.model import Scene
from tracker.sinks._rows import RowFile
from tracker.types import FrameResult, RunInfo

Row = TypeVar("Row")


class Adder(Protocol[Row]):
    """Adds a run up by intervals."""

    def add(self, result: FrameResult) -> None:
        """Take one frame's result."""
        ...

    def finished(self) -> list[Row]:
        """Take out the rows of the intervals that are over."""
        ...

    def finish(self) -> list[Row]:
        """Take out all rows that are left."""
        ...


class TableSink(Generic[Row]):
    """Writes a run's intervals into a CSV file.

    Args:
        path: the file.
        row: dataclass of a row.
        make: makes what adds the run up, from its scene and the names of the classes.
        kind: what the scene must have for that: "lines", "zones" or "gates"; no file is written without.
    """

    def __init__(
        self, path: Path, row: type[Row], make: Callable[[Scene, tuple[str, ...]], Adder[Row]], kind: str
    ) -> None:
        """Nothing is written before ``open``."""
        self._path, self._row, self._make, self._kind = path, row, make, kind
        self._file: RowFile | None = None
        self._adder: Adder[Row] | None = None

    def open(self, run: RunInfo) -> None:
        """Create the file with its header.

        Raises:
            SinkError: the file cannot be written.
        """
        if run.scene is not None and getattr(run.scene, self._kind):
            self._adder = self._make(run.scene, run.class_names)
            self._file = RowFile(self._path, self._row)

    def write(self, result: FrameResult) -> None:
        """Take one frame; write the intervals that are over with it.

        Raises:
            SinkError: the disk is full or gone.
        """
        if self._file is not None and self._adder is not None:
            self._adder.add(result)
            rows = self._adder.finished()
            if rows:
                self._file.write(rows)

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

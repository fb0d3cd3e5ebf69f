"""One Parquet file: rows in, row groups out while the run goes on, the final name at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from detectors.errors import UsageError
from detectors.registry import is_installed
from tracker.sinks._files import discard, draft, prepare, publish, writing

#: Rows of a row group: enough for the columns to be packed well, few enough to be held in memory.
_GROUP_ROWS = 20_000


def check_pyarrow() -> None:
    """See that pyarrow is installed, before anything is begun; it is not imported.

    Raises:
        UsageError: it is not.
    """
    if not is_installed("pyarrow"):
        raise UsageError("Parquet files need pyarrow: pip install 'pyarrow>=20,<27'")


class ParquetFile:
    """A file that is written as ``NAME.part``: without its end, which comes last, nobody can read it.

    Args:
        path: the file.
        columns: the pyarrow type of every column, by name and in order.

    Raises:
        SinkError: the file cannot be written.
    """

    def __init__(self, path: Path, columns: Mapping[str, Any]) -> None:
        """Create the draft."""
        from pyarrow import parquet, schema

        self._path = path
        self._schema = schema(list(columns.items()))
        self._failed = False
        self._values: list[list[object]] = [[] for _ in columns]
        prepare(path)
        with writing(path):
            self._file = draft(path).open("wb")
        self._writer = parquet.ParquetWriter(self._file, self._schema, compression="zstd")

    def write(self, rows: Iterable[Iterable[object]]) -> None:
        """Take rows, each with a value for every column.

        Raises:
            SinkError: the disk is full or gone.
        """
        for row in rows:
            for values, value in zip(self._values, row, strict=True):
                values.append(value)
        if len(self._values[0]) >= _GROUP_ROWS:
            self._write_group()

    def close(self, rows: Iterable[Iterable[object]] = ()) -> None:
        """Write the last rows and give the file its name; a file that could not be written is removed.

        Raises:
            SinkError: the disk is full or gone.
        """
        try:
            if self._failed:  # told already, and what a footer would close is not whole
                return
            self.write(rows)
            self._write_group()
            with writing(self._path):
                self._writer.close()
                self._file.close()
            publish(self._path)
        finally:
            self._abandon()

    def _abandon(self) -> None:
        """Let go of the draft, if there is still one."""
        self._writer.is_open = False  # else it would try once more to write its end, when it is collected
        with contextlib.suppress(OSError):
            self._file.close()
        discard(self._path)

    def _write_group(self) -> None:
        from pyarrow import RecordBatch, array

        values, self._values = self._values, [[] for _ in self._values]
        if not values[0] or self._failed:
            return
        columns = zip(values, self._schema, strict=True)
        batch = RecordBatch.from_arrays(
            [array(column, field.type) for column, field in columns], schema=self._schema
        )
        self._failed = True
        with writing(self._path):
            self._writer.write_batch(batch)
        self._failed = False

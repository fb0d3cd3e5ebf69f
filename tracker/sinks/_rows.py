"""CSV files whose rows are dataclasses: the fields are the columns."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tracker.sinks._files import LineFile

#: A column's name where the field cannot have it.
_NAMES = {"class_name": "class"}


class RowFile:
    """A CSV file that holds whole lines only, and its header from the start.

    Args:
        path: the file.
        row: the dataclass of its rows.

    Raises:
        SinkError: the file cannot be written.
    """

    def __init__(self, path: Path, row: type[Any]) -> None:
        """Write the header."""
        self._fields = [field.name for field in dataclasses.fields(row)]
        self._file = LineFile(path)
        self._file.write(lines([[_NAMES.get(name, name) for name in self._fields]]))
        self._file.flush()

    def write(self, rows: Iterable[Any]) -> None:
        """Add rows.

        Raises:
            SinkError: the disk is full or gone.
        """
        self._file.write(lines([cell(getattr(row, name)) for name in self._fields] for row in rows))

    def close(self) -> None:
        """Write what is left.

        Raises:
            SinkError: the disk is full or gone.
        """
        self._file.close()


def cell(value: object) -> str:
    """Return a value as it stands in a file: nothing for None, times in ISO 8601, numbers to a thousandth."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value)


def lines(rows: Iterable[Sequence[str]]) -> str:
    """Return rows, of two cells at least, as lines of CSV."""
    rows = list(rows)
    plain = "".join([",".join(row) + "\n" for row in rows])
    # nearly all rows need no quotes; a writer takes three times as long
    if (
        plain.count(",") == sum(map(len, rows)) - len(rows)
        and plain.count("\n") == len(rows)
        and '"' not in plain
        and "\r" not in plain
    ):
        return plain
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()

"""Read ``run.json`` and the rows of a run's tables, and say by file and line what is wrong in them."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.errors import ResultError
from tracker.evaluation.results import read_text
from tracker.track_rows import place_columns

Span = tuple[float, float]
#: Rows that are taken at a time; thousands would be looked through by the garbage collector again and again.
_BLOCK = 200


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What ``run.json`` says.

    Attributes:
        source: what was read, as the user named it.
        size: width and height of the frames in pixels.
        frames: number of frames.
        duration_s: length of the run in seconds of the video.
        cnn_runs: looks of the CNN by reason, without their total.
        cnn_share: share of the frames that the CNN saw.
        seen_s: spans of the video's time that were seen; None where the run does not tell.
        completed: False for a run that was broken off.
        warnings: in the words of the run.
        class_names: of the detector, in its order.
        about: the whole file.
    """

    source: str
    size: tuple[int, int]
    frames: int
    duration_s: float
    cnn_runs: Mapping[str, int]
    cnn_share: float
    seen_s: tuple[Span, ...] | None
    completed: bool
    warnings: tuple[str, ...]
    class_names: tuple[str, ...]
    about: Mapping[str, Any]

    @property
    def cnn_total(self) -> int:
        """Return the number of looks."""
        return sum(self.cnn_runs.values())


def read_facts(folder: Path) -> RunFacts:
    """Read the ``run.json`` of a run folder.

    Raises:
        ResultError: there is none, or it is not what a run writes.
    """
    path = folder / "run.json"
    if not folder.is_dir():
        raise ResultError(f"{folder} is no folder: name the folder that 'track --video' wrote its results to")
    if not path.is_file():
        raise ResultError(f"{folder} holds no run.json: it is not the folder of a finished run")
    try:
        content = json.loads(read_text(path, "run"))
    except ValueError as exc:
        raise ResultError(f"{path} is no JSON: {exc}") from exc
    try:
        return _facts(content)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        what = f"{exc} is missing" if isinstance(exc, KeyError) else str(exc)
        raise ResultError(f"{path} is not what a run writes: {what}") from exc


def _facts(content: Mapping[str, Any]) -> RunFacts:
    source, names = content["source"], content["class_names"]
    size = int(source["width"]), int(source["height"])
    if min(size) < 1:
        raise ValueError(f"a picture of {size[0]}x{size[1]} pixels")
    runs = {str(reason): int(number) for reason, number in content["cnn_runs"].items() if reason != "total"}
    seen = content.get("seen_s")
    return RunFacts(
        source=str(source["name"]),
        size=size,
        frames=int(content["frames"]),
        duration_s=_finite(content["duration_s"]),
        cnn_runs=runs,
        cnn_share=_finite(content["cnn_share"]),
        seen_s=None if seen is None else tuple((_finite(begin), _finite(end)) for begin, end in seen),
        completed=bool(content["completed"]),
        warnings=tuple(str(warning) for warning in content["warnings"]),
        class_names=tuple(str(name) for name in names),
        about=content,
    )


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not finite")
    return number


class Row(NamedTuple):
    """One row of a table; a cell that is not as it should be is named with file and line.

    Attributes:
        path: of the table.
        line: of the file on which it ends, from 1.
        places: which cell belongs to which column.
        cells: as they stand there.
    """

    path: Path
    line: int
    places: Mapping[str, int]
    cells: Sequence[str]

    def text(self, column: str) -> str:
        """Return a cell."""
        return self.cells[self.places[column]]

    def optional(self, column: str) -> float | None:
        """Return a number, or None of an empty cell, or of a column that the file does not have."""
        text = self.text(column) if column in self.places else ""
        if not text:
            return None
        try:
            return _finite(text)
        except ValueError as exc:
            raise self.wrong(column, "is no number") from exc

    def number(self, column: str) -> float:
        """Return a number that must be there."""
        value = self.optional(column)
        if value is None:
            raise self.wrong(column, "is empty")
        return value

    def moment(self, column: str) -> datetime | None:
        """Return a moment with its time zone, or None of an empty cell."""
        text = self.text(column)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as exc:
            raise self.wrong(column, "is no time in ISO 8601") from exc
        if moment.tzinfo is None:
            raise self.wrong(column, "has no time zone")
        return moment

    def wrong(self, column: str, what: str) -> ResultError:
        """Return the error that names file, line and cell."""
        return ResultError(f"{self.path} line {self.line}: {column} {what}: {self.text(column)!r}")


class Columns:
    """Rows of one table, column by column: of some tables a day has hundreds of thousands.

    Args:
        rows: at least one.

    Attributes:
        rows: the same.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        """Take the rows apart."""
        self.rows, self._places = rows, rows[0].places
        self._cells = list(zip(*(row.cells for row in rows), strict=True))

    def texts(self, column: str) -> Sequence[str]:
        """Return the cells of a column."""
        return self._cells[self._places[column]]

    def numbers(self, column: str, needed: bool = False) -> NDArray[np.float64]:
        """Return a column of numbers (N,): NaN for empty cells, or where the file does not have the column.

        Raises:
            ResultError: a cell is no number, or is empty though it is ``needed``.
        """
        cells = self.texts(column) if column in self._places else ("",) * len(self.rows)
        try:
            numbers = np.array([float(cell or "nan") for cell in cells])
            fine = len(cells) - np.count_nonzero(np.isfinite(numbers)) == (0 if needed else cells.count(""))
        except ValueError:
            fine = False
        if not fine:  # one by one, for the words that name the cell
            numbers = np.array(
                [row.number(column) if needed else row.optional(column) for row in self.rows], np.float64
            )
        return numbers


def read_columns(path: Path, columns: Sequence[str], newer: Sequence[str] = ()) -> Iterator[Columns]:
    """Yield the rows of a table some hundreds at a time, else like ``read_rows``."""
    rows = read_rows(path, columns, newer)
    while some := list(itertools.islice(rows, _BLOCK)):
        yield Columns(some)


def read_rows(path: Path, columns: Sequence[str], newer: Sequence[str] = ()) -> Iterator[Row]:
    """Yield the rows of a table, one at a time; none where there is no such file.

    Args:
        path: the table.
        columns: that it must have.
        newer: columns that the tables of earlier versions do not have.

    Raises:
        ResultError: the file cannot be read, or lacks one of the ``columns``, or a row is cut.
    """
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield from _rows(path, csv.reader(stream), columns, newer)
    except OSError as exc:
        raise ResultError(f"cannot read {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ResultError(f"cannot read {path}: it is no text") from exc


def _rows(path: Path, cells: Any, columns: Sequence[str], newer: Sequence[str]) -> Iterator[Row]:
    try:
        header: list[str] = next(cells, [])
        places = place_columns(path, header, (*columns, *(name for name in newer if name in header)))
        for row in cells:
            if not row:
                continue
            if len(row) != len(header):
                raise ResultError(f"{path} line {cells.line_num}: {len(row)} cells, {len(header)} expected")
            # what Row() does in three times as long: a day has hundreds of thousands
            yield tuple.__new__(Row, (path, cells.line_num, places, row))
    except csv.Error as exc:
        raise ResultError(f"{path} line {cells.line_num}: {exc}") from exc

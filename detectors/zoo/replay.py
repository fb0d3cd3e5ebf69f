"""Boxes read from a file instead of found by a network: everything behind the detector on fixed detections.

Two formats, told apart by the first line:

- MOTChallenge ``det.txt``, ``frame,id,x,y,width,height,score,...`` with frames from 1;
- the project's own ``tracks.csv``, whose header begins with ``frame,``, with frames from 0; with no
  rows under it nothing is seen on any frame.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors import boxes as boxlib
from detectors.detections import Detections
from detectors.errors import DataError, DetectorError
from detectors.frame import Frame

_CLASS_ORDER = ("car", "bus", "truck", "motorbike", "bicycle", "person")
_OWN_COLUMNS = ("frame", "x1", "y1", "x2", "y2", "score", "class")
_MOT_COLUMNS = (0, 2, 3, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class Config:
    """Settings.

    Attributes:
        path: ``det.txt`` or ``tracks.csv``.
        class_name: what the boxes of a ``det.txt``, which has no classes, are.
        min_score: boxes below it are left out; compared after scores were brought to [0, 1].
    """

    path: str
    class_name: str = "person"
    min_score: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    frames: NDArray[np.int64]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]


class Replay:
    """A detector whose answer depends on ``frame.index`` alone."""

    def __init__(self, rows: _Rows, min_score: float) -> None:
        """Sort the rows by frame, and within one by score, highest first."""
        scores = unit_scores(rows.scores)
        order = np.lexsort((-scores, rows.frames))
        order = order[scores[order] >= min_score]
        self.class_names = rows.class_names
        self._frames = rows.frames[order]
        self._all = Detections(rows.boxes, scores, rows.labels).select(order)

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return each frame's boxes from the file; none for a frame that the file does not name."""
        return [self._of(frame.index) for frame in frames]

    def detect_within(
        self, frame: Frame, region: NDArray[np.float32]
    ) -> tuple[Detections, NDArray[np.float32] | None]:
        """Return the frame's boxes that lie in the region whole."""
        found = self._of(frame.index)
        return found.select(boxlib.within(found.boxes, region, frame.width, frame.height, 0.0)), region

    def _of(self, index: int) -> Detections:
        first, last = np.searchsorted(self._frames, [index, index + 1])
        return self._all.select(np.arange(first, last)) if first < last else Detections.empty()


def unit_scores(scores: NDArray[np.float64]) -> NDArray[np.float32]:
    """Bring a file's scores to [0, 1]; where all lie there already, they stay as they are.

    Otherwise 1 / (1 + exp(-(score - mean) / deviation)), with mean and standard deviation over the whole
    file: public detections carry the margins of support vector machines, from -1 to 5 or to 140
    depending on the sequence, and no sigmoid with fixed constants fits them all. Order is kept, and 0.5
    means as good as this file's average.

    Args:
        scores: (N,), any range.

    Returns:
        float32 (N,).
    """
    if not len(scores) or (scores.min() >= 0.0 and scores.max() <= 1.0):
        return scores.astype(np.float32)
    deviation = scores.std() or 1.0
    return np.asarray(1.0 / (1.0 + np.exp(-(scores - scores.mean()) / deviation)), np.float32)


def read_rows(path: Path, class_name: str) -> _Rows:
    """Read either format.

    Raises:
        DetectorError: the file cannot be opened.
        DataError: the file is empty, or a line is not as it should be.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is no text"
        raise DetectorError(f"cannot read the boxes in {path}: {reason}") from exc
    if not any(line.strip() for line in lines):
        raise DataError(f"{path} is empty: no boxes to replay")
    own = lines[0].startswith("frame,")
    return _own_rows(path, lines) if own else _mot_rows(path, lines, class_name)


def _mot_rows(path: Path, lines: list[str], class_name: str) -> _Rows:
    table = _numbers(path, lines, _MOT_COLUMNS, skip=0)
    boxes = boxlib.xywh_to_xyxy(table[:, 1:5])
    frames = table[:, 0].astype(np.int64) - 1
    return _Rows(frames, boxes, table[:, 5], np.zeros(len(table), np.int64), (class_name,))


def _own_rows(path: Path, lines: list[str]) -> _Rows:
    header = [name.strip() for name in lines[0].split(",")]
    missing = [name for name in _OWN_COLUMNS if name not in header]
    if missing:
        raise DataError(f"{path} line 1: the header has no column {', '.join(missing)}")
    places = [header.index(name) for name in _OWN_COLUMNS]
    table = _numbers(path, lines, places[:-1], skip=1)
    filled = [line for line in lines[1:] if line.strip()]
    words = np.array([row[places[-1]].strip() for row in csv.reader(filled)], dtype=str)
    found = set(words.tolist())
    names = tuple(name for name in _CLASS_ORDER if name in found)
    names += tuple(sorted(found.difference(_CLASS_ORDER)))
    labels = np.zeros(len(words), np.int64)
    for label, name in enumerate(names):
        labels[words == name] = label
    return _Rows(table[:, 0].astype(np.int64), table[:, 1:5].astype(np.float32), table[:, 5], labels, names)


def _numbers(path: Path, lines: list[str], columns: Sequence[int], skip: int) -> NDArray[np.float64]:
    """Return the columns as (N, C) float64; NumPy reads fast, and only a failure looks line by line."""
    if not any(line.strip() for line in lines[skip:]):
        return np.zeros((0, len(columns)))
    try:
        table = np.loadtxt(
            lines[skip:], delimiter=",", usecols=columns, ndmin=2, comments=None, quotechar='"'
        )
    except (ValueError, IndexError) as exc:
        raise DataError(_first_fault(path, lines, columns, skip)) from exc
    if not np.isfinite(table).all():
        raise DataError(_first_fault(path, lines, columns, skip))
    return np.asarray(table, np.float64)


def _first_fault(path: Path, lines: list[str], columns: Sequence[int], skip: int) -> str:
    for number, line in enumerate(lines[skip:], start=skip + 1):
        if not line.strip():
            continue
        cells = next(csv.reader([line]))
        if len(cells) <= max(columns):
            return f"{path} line {number}: {len(cells)} columns where at least {max(columns) + 1} are needed"
        for column in columns:
            try:
                finite = np.isfinite(float(cells[column]))
            except ValueError:
                finite = False
            if not finite:
                return f"{path} line {number}: '{cells[column].strip()}' is no number"
    return f"{path} cannot be read as a table of numbers"


def build(config: Config) -> Replay:
    """Build the detector.

    Raises:
        DetectorError: the file cannot be opened.
        DataError: the file is empty, or a line is not as it should be.
    """
    return Replay(read_rows(Path(config.path), config.class_name), config.min_score)

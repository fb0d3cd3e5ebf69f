"""``tracks.csv`` read as a stream: a sample of paths, a heat map, and how long each track was.

A day has millions of rows, so that nothing is kept of a row but what it adds. The sample holds the tracks
whose numbers have the smallest hashes: whenever it grows too large, the least of them leave, and a track
that is left has every one of its rows, without the file being read twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.report.reading import RunFacts
from tracker.track_rows import Codes, Piece, read_track_rows

#: Cells of the heat map from left to right, and what the sample holds.
_CELLS, _MOST_PATHS, _MOST_POINTS = 160, 600, 300_000
_COLUMNS = ("time_s", "track_id", "class", "x1", "y1", "x2", "y2", "origin")
_PREDICTED = b"predicted"


@dataclass(frozen=True, slots=True, eq=False)
class TrackDigest:
    """What is left of the rows of N tracks.

    Attributes:
        ids: int64 (N,), ascending.
        length_s: float64 (N,), from a track's first row to its last.
        label: int64 (N,), index into ``class_names``: the last row's.
        class_names: in the order in which they occur.
        heat_s: float64 (rows, columns), how many seconds somebody was seen in each cell of the picture.
        paths: middles of the boxes (M, 2) in pixels of some tracks, by number.
    """

    ids: NDArray[np.int64]
    length_s: NDArray[np.float64]
    label: NDArray[np.int64]
    class_names: tuple[str, ...]
    heat_s: NDArray[np.float64]
    paths: dict[int, NDArray[np.float64]]


def digest_tracks(path: Path, run: RunFacts) -> TrackDigest:
    """Read the tracks of a run in little memory; a missing file is one without rows.

    Raises:
        ResultError: the file cannot be read, or a row is not as it should be.
    """
    codes = Codes()
    spans, heat, sample = _Spans(), _Heat(run.size), _Sample(run.size)
    for piece in read_track_rows(path, _COLUMNS, codes) if path.exists() else ():
        spans.add(piece)
        heat.add(piece[piece["origin"] != _PREDICTED])
        sample.add(piece)
    ids, length_s, label = spans.result()
    row_s = run.duration_s / run.frames if run.frames else 0.0
    return TrackDigest(ids, length_s, label, tuple(codes), heat.cells * row_s, sample.paths())


class _Spans:
    """First and last moment of every track, and its class."""

    def __init__(self) -> None:
        self._parts: list[Piece] = []
        self._size = 0

    def add(self, piece: Piece) -> None:
        parts = np.empty(len(piece), [("id", "i8"), ("first", "f8"), ("last", "f8"), ("label", "i8")])
        parts["id"], parts["label"] = piece["track_id"], piece["class"]
        parts["first"] = parts["last"] = piece["time_s"]
        self._parts.append(_merged(parts))
        self._size += len(self._parts[-1])
        if self._size > 2 * len(self._parts[0]) + 100_000:
            self._parts = [_merged(np.concatenate(self._parts))]
            self._size = len(self._parts[0])

    def result(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
        if not self._parts:
            return np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64)
        whole = _merged(np.concatenate(self._parts))
        return whole["id"], whole["last"] - whole["first"], whole["label"]


def _merged(parts: Piece) -> Piece:
    """Return one row a track, in the order of their numbers."""
    parts = parts[np.argsort(parts["id"], kind="stable")]
    begins = np.flatnonzero(np.diff(parts["id"], prepend=parts["id"][0] - 1))
    ends = np.append(begins[1:], len(parts)) - 1
    merged: Piece = parts[ends]
    merged["first"] = np.minimum.reduceat(parts["first"], begins)
    merged["last"] = np.maximum.reduceat(parts["last"], begins)
    return merged


class _Heat:
    """How often a box had its middle in each cell of a coarse grid."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._cell_px = size[0] / _CELLS
        self.cells: NDArray[np.float64] = np.zeros((max(round(size[1] / self._cell_px), 1), _CELLS))

    def add(self, piece: Piece) -> None:
        rows, columns = self.cells.shape
        column = ((piece["x1"] + piece["x2"]) / 2 // self._cell_px).astype(np.int64)
        row = ((piece["y1"] + piece["y2"]) / 2 // self._cell_px).astype(np.int64)
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        places = row[inside] * columns + column[inside]
        self.cells += np.bincount(places, minlength=rows * columns).reshape(rows, columns)


class _Sample:
    """The paths of the tracks with the smallest hashes, thinned where a track hardly moves."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._step_px = max(size) / 320
        self._limit = np.uint64(1 << 32)
        self._ids: NDArray[np.int64] = np.zeros(0, np.int64)
        self._points: NDArray[np.float64] = np.zeros((0, 2))

    def add(self, piece: Piece) -> None:
        piece = piece[_hashes(piece["track_id"]) < self._limit]
        piece = piece[np.argsort(piece["track_id"], kind="stable")]
        points = np.stack([piece["x1"] + piece["x2"], piece["y1"] + piece["y2"]], 1) / 2
        cells = np.column_stack([piece["track_id"], points // self._step_px])
        moved = np.any(np.diff(cells, axis=0, prepend=cells[:1] - 1) != 0, axis=1)
        self._ids = np.concatenate([self._ids, piece["track_id"][moved]])
        self._points = np.concatenate([self._points, points[moved]])
        self._shrink(2 * _MOST_PATHS, 2 * _MOST_POINTS)

    def _shrink(self, paths: int, points: int) -> None:
        while len(self._ids) > points or len(np.unique(self._ids)) > paths:
            hashes = _hashes(self._ids)
            self._limit = np.uint64(np.median(np.unique(hashes)))
            kept = hashes < self._limit
            self._ids, self._points = self._ids[kept], self._points[kept]

    def paths(self) -> dict[int, NDArray[np.float64]]:
        known, sizes = np.unique(self._ids, return_counts=True)
        order = np.argsort(self._ids, kind="stable")
        pieces = np.split(self._points[order], np.cumsum(sizes)[:-1])
        return {int(id_): piece for id_, piece in zip(known, pieces, strict=False) if len(piece) > 1}


def _hashes(ids: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return a number below 2^32 for every track, as good as drawn by lot and always the same."""
    mixed = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return mixed >> np.uint64(32)

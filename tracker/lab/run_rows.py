"""The rows of an earlier run's tracks, in memory, with what is known of its video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.errors import ResultError
from tracker.recount import read_run
from tracker.track_rows import Codes, Piece, read_track_rows

_COLUMNS = ("frame", "track_id", "class", "score", "x1", "y1", "x2", "y2", "origin")
CORNERS = ("x1", "y1", "x2", "y2")
PREDICTED, DETECTED = b"predicted", b"detected"


@dataclass(frozen=True, slots=True, eq=False)
class RunRows:
    """What a run found.

    Attributes:
        folder: of the run.
        video: as it was named when it ran.
        size: width and height of its frames in pixels.
        frames: how many were seen; the last has this number less one.
        live: it was a camera or stream, whose frames cannot be read again.
        names: of the classes: those of the detector first, in their order.
        rows: structured (N,), N >= 1, sorted by frame: frame, track_id, class (index of its name), score, the
            corners x1, y1, x2, y2 in pixels, origin (bytes).
    """

    folder: Path
    video: str
    size: tuple[int, int]
    frames: int
    live: bool
    names: tuple[str, ...]
    rows: Piece

    def boxes(self, chosen: Piece) -> NDArray[np.float64]:
        """Return the boxes of some rows, cut off at the border of the frame: float64 (M, 4) xyxy."""
        corners = np.stack([chosen[name] for name in CORNERS], axis=1)
        limits = np.array([*self.size, *self.size], np.float64)
        return np.asarray(np.clip(corners, 0.0, limits), np.float64)

    def of_track(self) -> list[Piece]:
        """Return the rows of each track, sorted by frame, in the order of the tracks' numbers.

        All have the class that the track had last, when all votes were in. The predictions behind its last
        sight are left out: most are of who has gone. A track that was predicted alone has none left.
        """
        rows = self.rows[np.lexsort((self.rows["frame"], self.rows["track_id"]))]
        tracks = np.split(rows, np.flatnonzero(np.diff(rows["track_id"])) + 1)
        for track in tracks:
            track["class"] = track["class"][-1]
        seen = [np.flatnonzero(track["origin"] != PREDICTED) for track in tracks]
        return [t[: found[-1] + 1] for t, found in zip(tracks, seen, strict=True) if len(found)]


def read_rows(folder: Path) -> RunRows:
    """Read the tracks of a run.

    Raises:
        ResultError: it is no run, its files are damaged, or it has no tracks.
    """
    about = read_run(folder)
    codes = Codes({str(name): number for number, name in enumerate(about["class_names"])})
    file = folder / "tracks.csv"
    pieces = list(read_track_rows(file, _COLUMNS, codes))
    if not pieces:
        raise ResultError(f"{file} has no tracks: nothing was seen in that run")
    rows = np.concatenate([piece[list(_COLUMNS)] for piece in pieces])
    rows = rows[np.argsort(rows["frame"], kind="stable")]
    if rows["frame"][0] < 0:
        raise ResultError(f"{file} has the frame {rows['frame'][0]}")
    source = about["source"]
    return RunRows(
        folder=folder,
        video=str(source.get("name", "")),
        size=(int(source["width"]), int(source["height"])),
        frames=max(int(about.get("frames") or 0), int(rows["frame"][-1]) + 1),
        live=bool(source.get("live")),
        names=tuple(codes),
        rows=rows,
    )

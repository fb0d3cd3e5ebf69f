"""``tracks.csv``: one row a confirmed track and frame.

The columns are ``frame,time_s,track_id,class,score,x1,y1,x2,y2,origin,confidence``: frame 0-based, time in
seconds, the class by the votes so far, the box in pixels of the source frame, how the box is known
(detected, propagated, predicted) and how sure that is. Rows are sorted by frame, then track. The rows of a
track's tentative frames are written once it is confirmed, so the file is a fraction of a second late;
at any moment it holds whole lines only, and so it bears its final name from the start.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tracker.sinks._decided import Decided, Rows, check_hold
from tracker.sinks._files import LineFile
from tracker.sinks._rows import lines
from tracker.types import FrameResult, RunInfo, Track

COLUMNS = ("frame", "time_s", "track_id", "class", "score", "x1", "y1", "x2", "y2", "origin", "confidence")


@dataclass(frozen=True, slots=True)
class Config:
    """Where to write, and how long a row may wait for its track to be confirmed, in seconds of video."""

    path: str = "tracks.csv"
    hold_s: float = 2.0

    def __post_init__(self) -> None:
        """Raise ValueError for a time that is negative or has no end."""
        check_hold(self.hold_s)


class CsvSink:
    """Writes rows as soon as their tracks are decided."""

    def __init__(self, config: Config) -> None:
        """Nothing is written before ``open``."""
        self._path = Path(config.path)
        self._decided = Decided(config.hold_s)
        self._file: LineFile | None = None
        self._names: tuple[str, ...] = ()

    def open(self, run: RunInfo) -> None:
        """Create the file with its header.

        Raises:
            SinkError: the file cannot be written.
        """
        self._names = run.class_names
        self._file = LineFile(self._path)
        self._file.write(lines([COLUMNS]))
        self._file.flush()

    def write(self, result: FrameResult) -> None:
        """Take one frame; write the frames that are decided with it.

        Raises:
            SinkError: the disk is full or gone.
        """
        if self._file is not None:
            self._file.write(self._text(self._decided.add(result)))

    def close(self, completed: bool) -> None:
        """Write the rows still held and close, also when the run was broken off.

        Raises:
            SinkError: the disk is full or gone.
        """
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            file.write(self._text(self._decided.flush()))
        finally:
            file.close()

    def _text(self, ready: Iterable[Rows]) -> str:
        return lines(self._row(rows, track) for rows in ready for track in rows.tracks)

    def _row(self, rows: Rows, track: Track) -> list[str]:
        return [
            str(rows.frame_index),
            f"{rows.time_s:.3f}",
            str(track.id),
            self._names[track.label],
            f"{track.score:.3f}",
            *(f"{value:.2f}" for value in track.box.tolist()),
            track.origin.value,
            f"{track.confidence:.3f}",
        ]


def build(config: Config) -> CsvSink:
    """Build the sink."""
    return CsvSink(config)

"""``tracks.mot.txt``: the result format of MOTChallenge, ``frame,id,x,y,w,h,score,-1,-1,-1``.

Frames are 1-based; x and y are the left top corner in pixels of the source frame, from 0. Rows that are
only predicted are left out, as the benchmark counts a box nobody sees as false. Like ``tracks.csv``,
the rows of a track's tentative frames are there once it is confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from detectors.boxes import xyxy_to_xywh
from tracker.sinks._decided import Decided, Rows, check_hold
from tracker.sinks._files import LineFile, discard, draft, publish
from tracker.types import FrameResult, Origin, RunInfo, Track


@dataclass(frozen=True, slots=True)
class Config:
    """Where to write, and how long a row may wait for its track to be confirmed, in seconds of video."""

    path: str = "tracks.mot.txt"
    hold_s: float = 2.0

    def __post_init__(self) -> None:
        """Raise ValueError for a time that is negative or has no end."""
        check_hold(self.hold_s)


class MotSink:
    """Writes under ``.part`` and renames when closed, also when the run was broken off."""

    def __init__(self, config: Config) -> None:
        """Nothing is written before ``open``."""
        self._path = Path(config.path)
        self._decided = Decided(config.hold_s)
        self._file: LineFile | None = None

    def open(self, run: RunInfo) -> None:
        """Create the draft.

        Raises:
            SinkError: the file cannot be written.
        """
        self._file = LineFile(draft(self._path), self._path)

    def write(self, result: FrameResult) -> None:
        """Take one frame; write the frames that are decided with it.

        Raises:
            SinkError: the disk is full or gone.
        """
        if self._file is not None:
            self._file.write(_text(self._decided.add(result)))

    def close(self, completed: bool) -> None:
        """Write the rows still held and give the file its final name.

        Raises:
            SinkError: the disk is full or gone; the draft is removed then.
        """
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            file.write(_text(self._decided.flush()))
            file.close()
            if not file.failed:
                publish(self._path)
        finally:
            discard(self._path)


def _text(ready: Iterable[Rows]) -> str:
    seen = (Origin.DETECTED, Origin.PROPAGATED)
    return "".join(_line(r.frame_index, t) for r in ready for t in r.tracks if t.origin in seen)


def _line(frame_index: int, track: Track) -> str:
    x, y, width, height = xyxy_to_xywh(track.box).tolist()
    box = f"{x:.2f},{y:.2f},{width:.2f},{height:.2f}"
    return f"{frame_index + 1},{track.id},{box},{track.score:.3f},-1,-1,-1\n"


def build(config: Config) -> MotSink:
    """Build the sink."""
    return MotSink(config)

"""Hold a frame's rows back until it is known which of its tracks are real.

A track begins as TENTATIVE. Its first rows are wanted if it is confirmed, and must not be there if it
is not: only the frames after it can tell. So rows leave a fraction of a second late, in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from tracker.types import FrameResult, Track, TrackState


def check_hold(hold_s: float) -> None:
    """Check how long a frame may be held, in seconds; for ever is too long, as memory must stay bounded.

    Raises:
        ValueError: it is negative or has no end.
    """
    if not 0 <= hold_s < float("inf"):
        raise ValueError(f"hold_s must be at least 0 and finite, not {hold_s}")


@dataclass(slots=True)
class Rows:
    """The tracks of one frame that are to be written, sorted by id; the picture is not held."""

    frame_index: int
    time_s: float
    tracks: list[Track]


class Decided:
    """Gives frames out, in order, as soon as each of their tracks is confirmed or gone.

    Args:
        hold_s: longest time that a frame is held, in seconds of the video. A track that is still
            tentative then loses its row on that frame, so that memory stays bounded.
    """

    def __init__(self, hold_s: float = 2.0) -> None:
        """Begin with nothing held."""
        self._hold_s = hold_s
        self._held: deque[Rows] = deque()
        self._open: set[int] = set()

    def add(self, result: FrameResult) -> Iterator[Rows]:
        """Take one frame's result; return the frames that are decided now."""
        self._decide(result)
        tracks = sorted((t for t in result.tracks if t.state is not TrackState.REMOVED), key=lambda t: t.id)
        self._open.update(t.id for t in tracks if t.state is TrackState.TENTATIVE)
        self._held.append(Rows(result.frame.index, result.frame.time_s, tracks))
        return self._release(result.frame.time_s - self._hold_s)

    def flush(self) -> Iterator[Rows]:
        """Return all frames that are held; what is tentative still is not written."""
        return self._release(float("inf"))

    def _decide(self, result: FrameResult) -> None:
        """Settle the open tracks that ``result`` shows, has ended, or does not name any more."""
        shown = {t.id for t in result.tracks if t.shown}
        waiting = {t.id for t in result.tracks if t.state is TrackState.TENTATIVE}
        gone = self._open - shown - waiting
        if gone:
            for rows in self._held:
                rows.tracks = [t for t in rows.tracks if t.id not in gone]
        self._open &= waiting

    def _release(self, oldest_s: float) -> Iterator[Rows]:
        """Let go of frames from the front while they are decided, or older than ``oldest_s``."""
        ready = []
        while self._held and (self._held[0].time_s < oldest_s or not self._undecided(self._held[0])):
            rows = self._held.popleft()
            rows.tracks = [t for t in rows.tracks if t.id not in self._open or t.shown]
            ready.append(rows)
        return iter(ready)

    def _undecided(self, rows: Rows) -> bool:
        return any(track.id in self._open for track in rows.tracks)

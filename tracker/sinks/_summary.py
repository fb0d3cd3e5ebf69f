"""What a run came to, added up frame by frame: for ``run.json`` and the command line's closing table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tracker.types import FrameResult, Reason


class Summary:
    """Running totals; what it keeps does not grow with the length of the run.

    Attributes:
        frames: number of frames processed.
        cnn_runs: number of looks by reason; a look at a part of the picture counts as one.
        stage_s: seconds of wall-clock time by stage.
        crossings: number of crossings by line and direction.
    """

    def __init__(self) -> None:
        """Begin at nothing."""
        self.frames = 0
        self.cnn_runs: Counter[Reason] = Counter()
        self.stage_s: dict[str, float] = {}
        self.crossings: Counter[tuple[str, str]] = Counter()
        self._pixels = 0
        self._pixels_seen = 0.0
        self._first_s: float | None = None
        self._last_s = 0.0
        self._live: dict[int, int] = {}
        self._ended: Counter[int] = Counter()

    def add(self, result: FrameResult) -> None:
        """Count one frame's result."""
        self.frames += 1
        self._first_s = result.frame.time_s if self._first_s is None else self._first_s
        self._last_s = result.frame.time_s
        for stage, seconds in result.stage_s.items():
            self.stage_s[stage] = self.stage_s.get(stage, 0.0) + seconds
        self.crossings.update((e.name, e.direction) for e in result.events if e.kind == "crossing")
        self._count_look(result)
        self._count_tracks(result)

    @property
    def cnn_runs_total(self) -> int:
        """Number of frames on which the CNN ran."""
        return self.cnn_runs.total()

    @property
    def cnn_share(self) -> float:
        """CNN runs over frames; 0 without frames."""
        return self.cnn_runs_total / self.frames if self.frames else 0.0

    @property
    def cnn_pixels_share(self) -> float:
        """Pixels that the CNN was given over all pixels of all frames; 0 without frames."""
        return self._pixels_seen / self._pixels if self._pixels else 0.0

    @property
    def duration_s(self) -> float:
        """Time from the first frame to the last, in seconds of the video."""
        return 0.0 if self._first_s is None else self._last_s - self._first_s

    def tracks_by_class(self, class_names: Sequence[str]) -> dict[str, int]:
        """Return the number of tracks by final class, most frequent first.

        A track counts once; one that was never confirmed does not count.
        """
        count = self._ended + Counter(self._live.values())
        return {class_names[label]: n for label, n in count.most_common()}

    def _count_look(self, result: FrameResult) -> None:
        pixels = result.frame.width * result.frame.height
        self._pixels += pixels
        self._pixels_seen += pixels * result.seen_share
        if result.reason is not None:
            self.cnn_runs[result.reason] += 1

    def _count_tracks(self, result: FrameResult) -> None:
        """Keep the class of live tracks by id, and only a number of those that ended."""
        for track in result.tracks:
            if track.shown:
                self._live[track.id] = track.label
            elif track.id in self._live:
                del self._live[track.id]
                self._ended[track.label] += 1

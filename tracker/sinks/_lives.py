"""Each track as a whole: one row when it has ended, instead of one a frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.types import FrameResult, Track, TrackState


@dataclass(slots=True)
class Life:
    """What is kept of a track while it lives.

    Attributes:
        track: as it was on its last frame.
        first_box: float32 (4,) xyxy in pixels, on the first frame.
        last_box: the same where it was last believed to be; what was only predicted after that is left out.
        shown: it was reported to the user at least once.
    """

    track: Track
    first_box: NDArray[np.float32]
    last_box: NDArray[np.float32]
    shown: bool

    @property
    def class_share(self) -> float:
        """Share of the votes that the track's class has, in [0, 1]; 0 without votes."""
        votes: list[float] = self.track.class_scores.tolist()
        total = sum(votes)
        return votes[self.track.label] / total if total > 0 else 0.0


class Lives:
    """Gives out every track that was ever shown, once, when it has ended."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._live: dict[int, Life] = {}

    def add(self, result: FrameResult) -> list[Life]:
        """Take one frame's result; return the tracks that ended with it, by id."""
        ended = []
        for track in result.tracks:
            self._meet(track)
            if track.state is TrackState.REMOVED:
                ended.append(track.id)
        return list(self._over(ended))

    def flush(self) -> list[Life]:
        """Return the tracks that live still, at the end of the run."""
        return list(self._over(list(self._live)))

    def _meet(self, track: Track) -> None:
        life = self._live.get(track.id)
        if life is None:
            self._live[track.id] = Life(track, track.box, track.box, track.shown)
            return
        if track.last_seen_s > life.track.last_seen_s:
            life.last_box = track.box
        life.track, life.shown = track, life.shown or track.shown

    def _over(self, ended: list[int]) -> Iterator[Life]:
        for track_id in sorted(ended):
            life = self._live.pop(track_id)
            if life.shown:
                yield life

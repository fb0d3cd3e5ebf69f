"""The CNN where something moves at an entrance of the picture, and where entrances are is learnt.

Where tracks began that were confirmed later is an entry zone: at the border, but also in the distance where
vehicles become large enough, or behind a bridge. What moves there on two frames outside all boxes asks for a
look, even where it is faint; what moves elsewhere (a tree, a flag, the middle of the road) never does. As
long as nobody was seen to enter there is no zone: the first one at an entrance is found by the longest
interval.

Who is found by the first look, or by the first one after a cut or a gap, was there already and says nothing;
nor does who stood still at first, whom the CNN merely missed before. A place where nobody began for
``forget_s`` is no entry zone any more; a cut shows another view, which is learnt anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame
from tracker.triggers._background import Background, BackgroundConfig, Watching
from tracker.types import Reason, Track, TrackState


@dataclass(frozen=True, slots=True)
class Config(BackgroundConfig):
    """Settings: those of ``BackgroundConfig``, and of the zones.

    In zones less contrast is enough than elsewhere. The picture is smaller than that of ``motion``, which
    halves the time.

    Attributes:
        around: by how much a zone is larger than the first box of who entered there, as a share of the longer
            side of the picture.
        least_moving: share of a first box that must move for it to be an entrance.
        forget_s: how long a place is an entry zone after the last one who entered there.
    """

    side_px: int = 128
    contrast: float = 16.0
    around: float = 0.06
    least_moving: float = 0.1
    forget_s: float = 3600.0

    def __post_init__(self) -> None:
        """Raise ValueError for times, shares or sizes with which nothing can be seen or learnt."""
        BackgroundConfig.__post_init__(self)
        if not 0 <= self.around <= 1 or not 0 <= self.least_moving <= 1:
            raise ValueError("around and least_moving must lie in [0, 1]")
        if self.forget_s <= 0:
            raise ValueError("forget_s must be above 0")


class _View:
    """What moves, and where who entered began.

    Args:
        config: of the trigger.
        shape: height and width of the frames.
    """

    def __init__(self, config: Config, shape: tuple[int, int]) -> None:
        self.background = Background(config, shape)
        self._config = config
        self._began_s = np.full(self.background.size, -np.inf)  # when somebody began here the last time
        self._first: dict[int, NDArray[np.float32]] = {}  # first boxes of who may have entered, by id
        self._watched = False  # whether who is new must have entered since the last look

    def compares(self, frame: Frame) -> bool:
        """Return whether a frame is of the same view: neither another shot nor another size."""
        return self.background.compares(frame)

    def see(self, frame: Frame) -> None:
        """Take a frame; the same one again changes nothing."""
        self._watched = self._watched and frame.gap_s <= 0
        self.background.see(frame)

    def asks(self, tracks: Sequence[Track]) -> bool:
        """Return whether something that no track explains moves in an entry zone."""
        zones = self._began_s > self.background.now_s - self._config.forget_s
        return self.background.asks(tracks, zones)

    def settle(self, result: Sequence[Track]) -> None:
        """Learn from the tracks after a look who entered where, and where it was in vain."""
        now_s, least = self.background.now_s, self._config.least_moving
        live = [track for track in result if track.state is not TrackState.REMOVED]
        if self._watched:
            new = [track for track in live if track.first_seen_s >= now_s]
            self._first |= {t.id: t.box for t in new if self.background.moving(t.box) >= least}
        self._watched = True
        for track in live:
            if track.state is TrackState.CONFIRMED and track.id in self._first:
                self._open(self._first.pop(track.id))
        ids = {track.id for track in live}
        self._first = {track_id: box for track_id, box in self._first.items() if track_id in ids}
        self.background.settle(result)

    def _open(self, box: NDArray[np.float32]) -> None:
        """Make the place around a first box an entry zone."""
        around_px = self._config.around * max(self.background.size)
        self._began_s[self.background.part(box, around_px, around_px)] = self.background.now_s


def build(config: Config) -> Watching[Config]:
    """Build the trigger: first frame, unexplained motion in an entry zone, longest interval."""
    return Watching(config, Reason.ENTRY_ZONE, _View)

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
from tracker.triggers._background import Background, BackgroundConfig
from tracker.types import Reason, Track, TrackState


@dataclass(frozen=True, slots=True)
class Config(BackgroundConfig):
    """Settings: those of ``BackgroundConfig``, and of the zones.

    In zones less contrast is enough than elsewhere. The picture is smaller than that of ``motion``: that
    halves the time, and on the counted clips vehicles waited 0.002 s longer on average.

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


class EntryZone:
    """First frame, unexplained motion in an entry zone, longest interval."""

    def __init__(self, config: Config) -> None:
        """Begin without a zone."""
        self._config = config
        self.cause: int | None = None
        self.region: NDArray[np.float32] | None = None
        self._looked_s: float | None = None
        self._view: _View | None = None

    def reason(self, frame: Frame, tracks: Sequence[Track]) -> Reason | None:
        """Return why the CNN must look at this frame, or None."""
        if self._looked_s is None:
            return Reason.FIRST_FRAME
        asks = self._seen(frame).asks(tracks)
        since_s = frame.time_s - self._looked_s + 5e-4  # time stamps are rounded
        if asks and since_s >= self._config.rest_s:
            return Reason.ENTRY_ZONE
        return Reason.INTERVAL if since_s >= self._config.interval_s else None

    def looked(
        self, frame: Frame, result: Sequence[Track], looked_at: NDArray[np.float32] | None = None
    ) -> None:
        """Learn who entered where, and where the look was in vain, if it was at all of the frame."""
        if looked_at is not None:
            return
        self._looked_s = frame.time_s
        self._seen(frame).learn(result)

    def _seen(self, frame: Frame) -> _View:
        """Return the view after this frame; a new one where nothing can be compared any more."""
        if self._view is None or not self._view.background.compares(frame):
            self._view = _View(self._config, (frame.height, frame.width))
        self._view.see(frame)
        return self._view


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

    def see(self, frame: Frame) -> None:
        """Take a frame; the same one again changes nothing."""
        self._watched = self._watched and frame.gap_s <= 0
        self.background.see(frame)

    def asks(self, tracks: Sequence[Track]) -> bool:
        """Return whether something that no track explains moves in an entry zone."""
        zones = self._began_s > self.background.now_s - self._config.forget_s
        return self.background.asks(tracks, zones)

    def learn(self, result: Sequence[Track]) -> None:
        """Learn from the tracks after a look."""
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


def build(config: Config) -> EntryZone:
    """Build the trigger."""
    return EntryZone(config)

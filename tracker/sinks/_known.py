"""Who is known to be in a picture, and how far around: what hides people and clears roads must not be exact.

It knows more than the tracks that are shown: those that are tentative, detections that are no track yet
(until the next looks had their chance to follow them), and tracks that were just lost. Boxes are grown,
the more the longer nobody looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import iou
from tracker.types import FrameResult, Origin, Track, TrackState

_HOLD_S = 0.7  # two looks at the usual distance of 0.3 s, and a little more
_SAME_IOU = 0.5
_MARGIN = 0.06  # of a side: a good box is this exact
_GROWTH = 0.3  # of a side a second without a look
_UNSURE = 0.08  # of a side, more: the last look missed it, or nobody sees it
_LEAST_PX = 2.0
_FAR_PX = 1e6  # a lost box may run away
_VOTES = 0.15  # share of the votes from which a class counts


@dataclass(frozen=True, slots=True)
class Known:
    """One road user, or what may be one.

    Attributes:
        box: xyxy in pixels of the source frame, grown; may reach out of the picture.
        labels: every class that it may have, indices into ``class_names``.
        sure: a confirmed track, that the last look found.
    """

    box: tuple[float, float, float, float]
    labels: tuple[int, ...]
    sure: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class _Sight:
    """A box that nobody follows (any more), and when and how fast it was seen."""

    box: NDArray[np.float32]
    velocity: NDArray[np.float32]
    labels: tuple[int, ...]
    time_s: float
    margin: float
    sure: bool


class Presence:
    """Follows results in order; remembers for 0.7 s of video what no track stands for."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._tracks: dict[int, _Sight] = {}
        self._lost: list[_Sight] = []

    def update(self, result: FrameResult) -> list[Known]:
        """Take the next result; return all who are known to be on its frame."""
        now_s = result.frame.time_s
        if result.frame.cut:
            self._tracks, self._lost = {}, []
        tracks = {track.id: _sight(track, now_s) for track in result.tracks}
        over = {track.id for track in result.tracks if track.state is TrackState.REMOVED}
        loose = [*self._lost, *(sight for i, sight in self._tracks.items() if i not in tracks)]
        loose = [sight for sight in loose if 0 <= now_s - sight.time_s <= _HOLD_S]
        self._lost = _apart([*loose, *_detected(result, now_s)], list(tracks.values()))
        self._lost += [tracks[i] for i in over]
        self._tracks = {i: sight for i, sight in tracks.items() if i not in over}
        return _grown([*self._tracks.values(), *self._lost], now_s)


def _sight(track: Track, now_s: float) -> _Sight:
    votes: list[float] = track.class_scores.tolist()
    least = max(_VOTES * sum(votes), 1e-6)
    likely = (label for label, vote in enumerate(votes) if vote >= least)
    unsure = track.origin is Origin.PREDICTED or track.state in (TrackState.COASTING, TrackState.REMOVED)
    age_s = min(max(now_s - track.last_detected_s, 0.0), 1.0)
    margin = _MARGIN + _GROWTH * age_s + (_UNSURE if unsure else 0.0)
    sure = track.state is TrackState.CONFIRMED and not unsure
    return _Sight(track.box, track.velocity, tuple({track.label, *likely}), now_s, margin, sure)


def _detected(result: FrameResult, now_s: float) -> Iterable[_Sight]:
    """Yield what the CNN saw on this frame; where it goes is not known."""
    if result.detections is None:
        return
    still = np.zeros(2, np.float32)
    for box, label in zip(result.detections.boxes, result.detections.labels.tolist(), strict=True):
        yield _Sight(box, still, (label,), now_s, _MARGIN, False)


def _apart(loose: Sequence[_Sight], followed: Sequence[_Sight]) -> list[_Sight]:
    """Return who of the loose is none of those whom tracks follow."""
    if not loose or not followed:
        return list(loose)
    common = iou(_finite([sight.box for sight in loose]), _finite([sight.box for sight in followed]))
    return [sight for sight, best in zip(loose, common.max(1).tolist(), strict=True) if best < _SAME_IOU]


def _grown(sights: Sequence[_Sight], now_s: float) -> list[Known]:
    """Return where they may be now: moved on, with their margins all around.

    A box that is no number at all is taken for none, at the left top corner.
    """
    if not sights:
        return []
    age_s = now_s - np.array([[sight.time_s] for sight in sights])
    step = _finite([sight.velocity for sight in sights]) * age_s
    boxes = _finite([sight.box for sight in sights]) + np.tile(step, 2)
    share = np.array([[sight.margin] for sight in sights]) + _GROWTH * age_s
    more = np.maximum(share * (boxes[:, 2:] - boxes[:, :2]), _LEAST_PX)
    boxes = np.concatenate([boxes[:, :2] - more, boxes[:, 2:] + more], 1)
    return [Known(tuple(b), s.labels, s.sure) for b, s in zip(boxes.tolist(), sights, strict=True)]


def _finite(values: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    return np.clip(np.nan_to_num(np.array(values, np.float64)), -_FAR_PX, _FAR_PX)

"""The life of a track: tentative, confirmed, coasting, removed. All times in seconds.

    born ------> TENTATIVE --found again--> CONFIRMED --looked, not found--> COASTING
                     |                          ^                               |  |
           looked, not found                    '---------- found again --------'  |
                     v                                                             v
                  REMOVED <------------- not seen for max_missing_s ------------ (any)

A frame on which the CNN did not look is no miss: it changes no state, it only lets time pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import has_left, hidden_shares, iou, within
from detectors.detections import Detections
from detectors.frame import Frame
from tracker.types import Origin, Track, TrackState

#: Nearer than this to the border of the part that was looked at a box may be cut, in units of the frame's
#: longer side.
CUT = 0.01
#: How much the class of a box counts that the picture's border may cut, beside that of one it does not.
CUT_VOTE = 0.3
#: A box of which nearer ones hide more than this teaches nobody what its track looks like.
MOST_HIDDEN = 0.3
#: Share of the latest look in what a track looks like, at least; of its first looks each counts the same.
LEAST_LEARNT = 0.1


@dataclass(frozen=True, slots=True)
class LifeConfig:
    """How long tracks live.

    Attributes:
        born_score: least score of a detection that may start a track. Where the settings do not say it, it is
            the detector's own, and not above a least score of a detection (``--score``) that they say.
        confirm_looks: looks that must have found a track before it is reported.
        sure_score: a detection with at least this score counts as two looks; above 1 for never.
        max_missing_s: a track that was not seen for this long is removed.
        max_tentative_s: a tentative track that was neither found nor surely carried for this long is removed.
        min_confidence: least confidence of a propagated box that is believed.
        duplicate_iou: a track that a look missed is removed where it covers a found one this much...
        duplicate_s: ...and was not found for at least this long: who walks past somebody is hidden for less.
    """

    born_score: float = 0.4
    confirm_looks: int = 2
    sure_score: float = 1.1
    max_missing_s: float = 1.0
    max_tentative_s: float = 0.6
    min_confidence: float = 0.2
    duplicate_iou: float = 0.7
    duplicate_s: float = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError for a share outside [0, 1], a negative score or time, or less than one look."""
        check_shares(self, "born_score", "min_confidence", "duplicate_iou")
        for name in ("sure_score", "max_missing_s", "max_tentative_s", "duplicate_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0")
        if self.confirm_looks < 1:
            raise ValueError("confirm_looks must be at least 1")


def check_shares(config: LifeConfig, *names: str) -> None:
    """Raise ValueError where one of these settings lies outside [0, 1]."""
    for name in names:
        if not 0 <= getattr(config, name) <= 1:
            raise ValueError(f"{name} must lie in [0, 1]")


class LifeCycle:
    """Gives out ids, and moves tracks from state to state.

    Args:
        config: how long tracks live.
    """

    def __init__(self, config: LifeConfig) -> None:
        """Begin with id 1."""
        self.config = config
        self._next_id = 1

    def born(self, frame: Frame, detections: Detections, row: int) -> Track:
        """Return a new tentative track for one detection, with an id never used before."""
        label, score = int(detections.labels[row]), float(detections.scores[row])
        looks = 1 if score < self.config.sure_score else self.config.confirm_looks
        track_id, self._next_id = self._next_id, self._next_id + 1
        return Track(
            id=track_id,
            box=detections.boxes[row],
            velocity=np.zeros(2, np.float32),
            label=label,
            score=score,
            class_scores=_vote(np.zeros(0, np.float32), label, _weight(frame, detections, row)),
            state=self._state(looks, TrackState.TENTATIVE),
            origin=Origin.DETECTED,
            confidence=score,
            first_seen_s=frame.time_s,
            last_seen_s=frame.time_s,
            last_detected_s=frame.time_s,
            detections=looks,
            embedding=_embedding(detections, row),
        )

    def found(self, frame: Frame, track: Track, detections: Detections, row: int) -> Track:
        """Return the track at the place of the detection that was matched with it."""
        label, score = int(detections.labels[row]), float(detections.scores[row])
        votes = _vote(track.class_scores, label, _weight(frame, detections, row))
        looks = track.detections + (2 if score >= self.config.sure_score else 1)
        return replace(
            track,
            box=detections.boxes[row],
            label=int(votes.argmax()),
            score=score,
            class_scores=votes,
            state=self._state(looks, track.state),
            origin=Origin.DETECTED,
            confidence=score,
            last_seen_s=frame.time_s,
            last_detected_s=frame.time_s,
            detections=looks,
            embedding=self._learnt(track, detections, row),
        )

    def _learnt(self, track: Track, detections: Detections, row: int) -> NDArray[np.float32] | None:
        """Return the running mean of what the track looks like, of length 1.

        Of who is half hidden a box shows what hides it, and a doubtful box may be anybody's: there only a
        track that knows nothing yet learns.
        """
        new, old = _embedding(detections, row), track.embedding
        if new is None or old is None:
            return old if new is None else new
        hidden = hidden_shares(detections.boxes[row], detections.boxes)[0]
        if detections.scores[row] < self.config.born_score or hidden > MOST_HIDDEN:
            return old
        share = max(1 / (track.detections + 1), LEAST_LEARNT)
        mean = (1 - share) * old + share * new
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-6), np.float32)

    def missed(self, frame: Frame, tracks: Sequence[Track]) -> list[Track]:
        """Return the tracks after a look that did not find them."""
        ghost, lost = TrackState.REMOVED, TrackState.COASTING  # who was seen once only was a ghost
        after = [replace(t, state=ghost if t.state is TrackState.TENTATIVE else lost) for t in tracks]
        return self._aged(frame, after)

    def unmatched(
        self, frame: Frame, tracks: Sequence[Track], looked_at: NDArray[np.float32] | None
    ) -> list[Track]:
        """Return the tracks after a look that gave them no detection: a miss for those that it could see.

        Args:
            frame: the new frame.
            tracks: with nothing found for them.
            looked_at: float32 (4,) xyxy, the part of the frame that the CNN saw; None for the whole.
        """
        if looked_at is None:
            return self.missed(frame, tracks)
        seen = looked_over(stacked(tracks), looked_at, frame).tolist()
        missed = self.missed(frame, [t for t, s in zip(tracks, seen, strict=True) if s])
        return missed + self.carried(frame, [t for t, s in zip(tracks, seen, strict=True) if not s])

    def carried(self, frame: Frame, tracks: Sequence[Track]) -> list[Track]:
        """Return the tracks after a frame on which nobody looked."""
        alive = [self.believed(t) for t in tracks]
        seen = [replace(t, last_seen_s=frame.time_s) if a else t for t, a in zip(tracks, alive, strict=True)]
        return self._aged(frame, seen)

    def believed(self, track: Track) -> bool:
        """Return whether the track was carried to where it is, surely enough, by what the last look saw.

        Of a track that it missed a filter follows what hides it: with the CNN on every frame that cost 9
        points of HOTA on TUD-Stadtmitte (benchmarks/hota.py, 44.5 instead of 53.5).
        """
        carried = track.origin is Origin.PROPAGATED and track.state is not TrackState.COASTING
        return carried and track.confidence >= self.config.min_confidence

    def without_duplicates(self, frame: Frame, tracks: Sequence[Track]) -> list[Track]:
        """Remove tracks that a look missed and that lie on one that it found."""
        latest_s = frame.time_s - self.config.duplicate_s + 1e-6
        found = [t for t in tracks if t.origin is Origin.DETECTED]
        missed = [t for t in tracks if t.origin is not Origin.DETECTED and t.last_detected_s <= latest_s]
        missed = [t for t in missed if t.state is not TrackState.REMOVED]
        if not found or not missed:
            return list(tracks)
        cover = iou(stacked(missed), stacked(found)).max(1)
        gone = {t.id for t, c in zip(missed, cover, strict=True) if c >= self.config.duplicate_iou}
        return [replace(t, state=TrackState.REMOVED) if t.id in gone else t for t in tracks]

    def ended_by_cut(self, frame: Frame) -> bool:
        """Return whether no track can live on into this frame: a new shot, or too long a gap."""
        return frame.cut or frame.gap_s > self.config.max_missing_s

    def _state(self, looks: int, otherwise: TrackState) -> TrackState:
        return TrackState.CONFIRMED if looks >= self.config.confirm_looks else otherwise

    def _aged(self, frame: Frame, tracks: Sequence[Track]) -> list[Track]:
        left = has_left(stacked(tracks), frame.width, frame.height).tolist()
        gone = [out or self._is_over(frame, track) for out, track in zip(left, tracks, strict=True)]
        return [replace(t, state=TrackState.REMOVED) if g else t for t, g in zip(tracks, gone, strict=True)]

    def _is_over(self, frame: Frame, track: Track) -> bool:
        tentative = track.state is TrackState.TENTATIVE
        limit = self.config.max_tentative_s if tentative else self.config.max_missing_s
        return frame.time_s - track.last_seen_s > limit


def looked_over(
    boxes: NDArray[np.float32], looked_at: NDArray[np.float32], frame: Frame
) -> NDArray[np.bool_]:
    """Return bool (N,), whether a look at a part of a frame shows each box whole.

    Args:
        boxes: float32 (N, 4) xyxy in pixels.
        looked_at: float32 (4,) xyxy, the part.
        frame: the whole.
    """
    return within(boxes, looked_at, frame.width, frame.height, CUT * max(frame.width, frame.height))


def stacked(tracks: Sequence[Track]) -> NDArray[np.float32]:
    """Return the boxes of the tracks, float32 (N, 4) xyxy."""
    return np.array([track.box for track in tracks], np.float32).reshape(-1, 4)


def _vote(votes: NDArray[np.float32], label: int, vote: float) -> NDArray[np.float32]:
    new = np.zeros(max(len(votes), label + 1), np.float32)
    new[: len(votes)] = votes
    new[label] += vote
    return new


def _weight(frame: Frame, detections: Detections, row: int) -> float:
    """Return how much a detection's class counts: by score and size, less where the picture's border cuts it.

    A bus far away, or half in the picture, is often called a truck.
    """
    x1, y1, x2, y2 = detections.boxes[row].tolist()
    edge = CUT * max(frame.width, frame.height)
    cut = min(x1, y1) <= edge or x2 >= frame.width - edge or y2 >= frame.height - edge
    size = math.sqrt(max(x2 - x1, 1.0) * max(y2 - y1, 1.0)) / max(frame.width, frame.height)
    return float(detections.scores[row]) * size * (CUT_VOTE if cut else 1.0)


def _embedding(detections: Detections, row: int) -> NDArray[np.float32] | None:
    return None if detections.embeddings is None else detections.embeddings[row]

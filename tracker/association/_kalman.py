"""What associators with Kalman filters have in common: where tracks should be, and their lives.

Prediction and update as in SORT (Bewley et al., ICIP 2016), with time in seconds; a propagated box is a
measurement too, as exact as its confidence says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from detectors.boxes import clip, cxcywh_to_xyxy, has_left, iou, xyxy_to_cxcywh
from detectors.detections import Detections
from detectors.frame import Frame
from tracker.motion import KalmanBank
from tracker.tracks import LifeConfig, LifeCycle, check_shares, stacked
from tracker.types import Origin, Track, TrackState


@dataclass(frozen=True, slots=True)
class KalmanConfig(LifeConfig):
    """Settings beside those of the tracks' life.

    Attributes:
        class_penalty: the overlap of two different classes is multiplied by this.
        propagated_noise: how much less exact than a detection a propagated box of confidence 1 is taken to
            be; one of confidence 0.5 twice as much.
    """

    class_penalty: float = 0.8
    propagated_noise: float = 2.5

    def __post_init__(self) -> None:
        """Raise ValueError for what no track's life allows, or for a value outside its range."""
        LifeConfig.__post_init__(self)
        check_shares(self, "class_penalty")
        if self.propagated_noise <= 0:
            raise ValueError("propagated_noise must be above 0")


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """One round of matching.

    Attributes:
        tracks: bool (N,), which take part.
        detections: bool (M,), which take part.
        least: overlap of a match.
        buffers: float64 (N,), how much a track's box and the detections are enlarged on every side for that.
        upright: the overlap of the heights (0 to 1) to this power weighs a match; 0 for not at all.
        likeness: where above 0, who overlaps at all is matched by the cosine of the embeddings instead, from
            this on; who has none takes no part.
    """

    tracks: NDArray[np.bool_]
    detections: NDArray[np.bool_]
    least: float
    buffers: NDArray[np.float64]
    upright: float = 0.0
    likeness: float = 0.0


class KalmanAssociator(ABC):
    """Gives detections to tracks by where each should be; how they are matched is the component's own.

    Args:
        config: how tracks live and boxes are believed.

    Attributes:
        bank: where all live tracks should be on the frame in hand.
    """

    def __init__(self, config: KalmanConfig) -> None:
        """Begin with no tracks."""
        self._config = config
        self._life = LifeCycle(config)
        self.bank = KalmanBank()
        self._time_s: float | None = None

    def update(
        self,
        frame: Frame,
        tracks: Sequence[Track],
        detections: Detections | None,
        looked_at: NDArray[np.float32] | None = None,
    ) -> list[Track]:
        """Return all tracks after this frame; see ``tracker.protocols.Associator``."""
        if self._life.ended_by_cut(frame):
            self._time_s = frame.time_s
            ended = [replace(t, state=TrackState.REMOVED) for t in tracks]
            self.bank.stop(t.id for t in tracks)
            return ended + self._born(frame, detections, range(len(detections or ())))
        moved = self._moved(frame, tracks)
        if detections is None:
            after = self._life.carried(frame, moved)
        else:
            after = self._looked(frame, moved, detections, looked_at)
        self.bank.stop(t.id for t in after if t.state is TrackState.REMOVED)
        return sorted(after, key=lambda t: t.id)

    def _looked(
        self,
        frame: Frame,
        tracks: list[Track],
        detections: Detections,
        looked_at: NDArray[np.float32] | None,
    ) -> list[Track]:
        pairs = self._match(tracks, detections)
        found = [self._life.found(frame, tracks[i], detections, row) for i, row in pairs.items()]
        left = [t for i, t in enumerate(tracks) if i not in pairs]
        missed = self._life.unmatched(frame, left, looked_at)
        self.bank.update([t.id for t in found], stacked(found))
        after = self._life.without_duplicates(frame, self._with_velocity(found + missed))
        free = sorted(set(range(len(detections))) - set(pairs.values()))
        return after + self._born(frame, detections, free)

    def _born(self, frame: Frame, detections: Detections | None, rows: Sequence[int]) -> list[Track]:
        if detections is None:
            return []
        least = self._config.born_score
        new = [self._life.born(frame, detections, r) for r in rows if detections.scores[r] >= least]
        self.bank.start([t.id for t in new], stacked(new))
        return new

    def _moved(self, frame: Frame, tracks: Sequence[Track]) -> list[Track]:
        """Return the tracks where they should be now: propagated if believed, else predicted."""
        if self._time_s is not None:
            self.bank.predict(max(0.0, frame.time_s - self._time_s))
        self._time_s = frame.time_s
        ids = [t.id for t in tracks]
        predicted = self.bank.boxes(ids)
        believed = [self._life.believed(t) for t in tracks]
        # A box that the kalman propagator extrapolated without a look at a pixel counts here too. Left out,
        # it changed no count and no HOTA, and the velocity between looks became 7 % worse (0.55 box sizes a
        # second off instead of 0.51; 1556 of them, replayed looks every 0.3 s): it acts as smoothing.
        seen = [t for t, b in zip(tracks, believed, strict=True) if b]
        doubt = np.array([self._config.propagated_noise / max(t.confidence, 0.05) for t in seen])
        self.bank.update([t.id for t in seen], stacked(seen), doubt)
        # a box that was carried out of the picture is where it is: the life cycle must see that it has gone
        carried, filtered, size = stacked(tracks), self.bank.boxes(ids), (frame.width, frame.height)
        out = has_left(carried, *size).tolist()
        # what a filter carries trembles from frame to frame: smoothed, and cut at the borders as it was
        smoothed = np.where(has_left(filtered, *size)[:, None], carried, clip(filtered, *size))
        after = []
        for place, (track, velocity) in enumerate(zip(tracks, self.bank.velocities(ids), strict=True)):
            box, origin = track.box, track.origin
            if believed[place] and not out[place]:
                box = smoothed[place]
            elif not out[place]:
                box, origin = predicted[place], Origin.PREDICTED
            after.append(replace(track, box=box, origin=origin, velocity=velocity))
        return after

    def _with_velocity(self, tracks: list[Track]) -> list[Track]:
        velocities = self.bank.velocities([t.id for t in tracks])
        return [replace(t, velocity=v) for t, v in zip(tracks, velocities, strict=True)]

    @abstractmethod
    def rounds(self, tracks: Sequence[Track], detections: Detections) -> list[Round]:
        """Return who may be matched with what, round by round; what is matched is out of the later ones."""

    def _match(self, tracks: Sequence[Track], detections: Detections) -> dict[int, int]:
        """Return which track (by place) gets which detection (by row)."""
        pairs: dict[int, int] = {}
        if not tracks or not len(detections):
            return pairs
        boxes, labels = stacked(tracks), np.array([t.label for t in tracks], np.int64)
        for round_ in self.rounds(tracks, detections):
            taken = set(pairs.values())
            rows = np.array([i for i in np.flatnonzero(round_.tracks) if i not in pairs], np.intp)
            columns = np.array([j for j in np.flatnonzero(round_.detections) if j not in taken], np.intp)
            if not len(rows) or not len(columns):
                continue
            overlap = buffered_iou(boxes[rows], detections.boxes[columns], round_.buffers[rows])
            same = labels[rows][:, None] == detections.labels[columns][None]
            if round_.likeness > 0:
                likeness = cosines([tracks[i] for i in rows], detections.select(columns))
                overlap = np.where(overlap >= round_.least, likeness, 0.0)
            overlap = overlap * np.where(same, 1.0, self._config.class_penalty)
            weights: NDArray[np.floating] | float = 1.0
            if round_.upright > 0:
                weights = height_iou(boxes[rows], detections.boxes[columns]) ** round_.upright
            for i, j in zip(*assign(overlap, round_.likeness or round_.least, weights), strict=True):
                pairs[int(rows[i])] = int(columns[j])
        return pairs


def cosines(tracks: Sequence[Track], detections: Detections) -> NDArray[np.float32]:
    """Return how alike tracks and detections look (N, M), in [-1, 1]; 0 where one has no embedding."""
    likeness = np.zeros((len(tracks), len(detections)), np.float32)
    known = [place for place, track in enumerate(tracks) if track.embedding is not None]
    if known and detections.embeddings is not None:
        mine = np.array([tracks[place].embedding for place in known], np.float32)
        likeness[known] = mine @ detections.embeddings.T
    return likeness


def assign(
    overlap: NDArray[np.floating], least: float, weights: NDArray[np.floating] | float = 1.0
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the one-to-one assignment with the largest sum, pairs below ``least`` cut.

    Args:
        overlap: (N, M), larger is better.
        least: pairs below this are no match, whatever they weigh.
        weights: (N, M), what the overlaps are multiplied by; a pair of weight 0 is no match.
    """
    gated = np.where(overlap >= least, overlap * weights, 0.0)
    rows, columns = linear_sum_assignment(gated, maximize=True)
    keep = gated[rows, columns] > 0
    return rows[keep], columns[keep]


def buffered_iou(
    boxes: NDArray[np.float32], others: NDArray[np.float32], buffers: NDArray[np.float64]
) -> NDArray[np.floating]:
    """Return the overlaps (N, M) of boxes that are enlarged on every side (Yang et al., WACV 2023).

    Args:
        boxes: float32 (N, 4) xyxy in pixels.
        others: float32 (M, 4), enlarged as much as the box that each is compared with.
        buffers: (N,), by how much, in units of a box's own sides.
    """
    overlap = iou(boxes, others)
    for size in np.unique(buffers[buffers > 0]):
        rows = buffers == size
        overlap[rows] = iou(_enlarged(boxes[rows], float(size)), _enlarged(others, float(size)))
    return overlap


def height_iou(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.floating]:
    """Return how much of their heights boxes share (N, M), in [0, 1]; widths and columns play no part."""
    top, bottom = boxes[:, None, 1], boxes[:, None, 3]
    shared = np.minimum(bottom, others[None, :, 3]) - np.maximum(top, others[None, :, 1])
    spanned = np.maximum(bottom, others[None, :, 3]) - np.minimum(top, others[None, :, 1])
    share: NDArray[np.floating] = np.clip(shared / np.maximum(spanned, 1e-9), 0.0, 1.0)
    return share


def _enlarged(boxes: NDArray[np.float32], buffer: float) -> NDArray[np.float32]:
    return cxcywh_to_xyxy(
        xyxy_to_cxcywh(boxes) * np.array([1, 1, 1 + 2 * buffer, 1 + 2 * buffer], np.float32)
    )

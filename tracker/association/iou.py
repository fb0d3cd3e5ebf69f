"""Kalman prediction, overlap, Hungarian assignment (SORT: Bewley et al., ICIP 2016), in two rounds.

The first round matches by plain overlap. What is left is tried again with boxes that are enlarged in
proportion to their size (buffered IoU: Yang et al., "Hard to Track Objects With Irregular Motions and
Similar Appearances?", WACV 2023): a small, fast vehicle that was seen only once has no velocity yet and
does not overlap with itself at the next look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.detections import Detections
from tracker.association._kalman import KalmanAssociator, KalmanConfig, Round
from tracker.tracks import check_shares
from tracker.types import Track


@dataclass(frozen=True, slots=True)
class Config(KalmanConfig):
    """Settings of the matching, beside those of the tracks' life.

    Attributes:
        min_iou: least overlap of a match in the first round.
        buffers: how much boxes are enlarged on every side, in units of their sides, round by round.
        min_buffered_iou: least overlap of a match in the later rounds.
    """

    min_iou: float = 0.2
    buffers: tuple[float, ...] = (0.0, 0.5)
    min_buffered_iou: float = 0.1

    def __post_init__(self) -> None:
        """Raise ValueError for what no track's life allows, a share outside [0, 1], or impossible buffers."""
        KalmanConfig.__post_init__(self)
        check_shares(self, "min_iou", "min_buffered_iou")
        if not self.buffers or not all(0 <= buffer < np.inf for buffer in self.buffers):
            raise ValueError("buffers must be one or more finite numbers of at least 0")


class IouAssociator(KalmanAssociator):
    """Matches by overlap with where each track should be."""

    def __init__(self, config: Config) -> None:
        """Begin with no tracks."""
        super().__init__(config)
        self._matching = config

    def rounds(self, tracks: Sequence[Track], detections: Detections) -> list[Round]:
        """Return a round for every buffer, for all."""
        matching, everyone = self._matching, np.ones(len(tracks), np.bool_)
        whole = np.ones(len(detections), np.bool_)
        return [
            Round(
                everyone,
                whole,
                matching.min_buffered_iou if buffer else matching.min_iou,
                np.full(len(tracks), buffer),
            )
            for buffer in matching.buffers
        ]


def build(config: Config) -> IouAssociator:
    """Build the associator."""
    return IouAssociator(config)

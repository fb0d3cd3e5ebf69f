"""Sure detections first, then doubtful ones (ByteTrack: Zhang et al., ECCV 2022), in five rounds.

1. Tracks that were confirmed, with sure detections.
2. Those of them that the last look found, with doubtful detections: who is half hidden scores low, and where
   a track should be, a low score is still its own. Doubtful ones begin no track.
3. Tracks that were seen once, with the sure detections that are left.
4. The same once more with boxes that are enlarged by how unsure their place is (buffered IoU: Yang et al.,
   WACV 2023): who was seen once has no velocity yet. At the next frame that is next to nothing; a third of a
   second later a small fast vehicle does not overlap with itself.
5. Confirmed tracks that are left, with the sure detections that nobody wanted, where they overlap a little:
   rather an old id a little off its place than a new one. In the first round so little would do harm: there a
   lost track takes what belongs to its neighbour.

Of these, in all but the fourth a pair weighs its overlap times the root of what the heights alone have in
common (as Hybrid-SORT does: Yang et al., AAAI 2024): in perspective, who is behind or before stands higher
or lower in the picture, and columns say little. Rounds 1 and 5 and that weight were chosen on the sequences
of benchmarks/tracking.py and on the replayed rare looks of benchmarks/hota.py.

With ``appearance`` and a detector that gives embeddings there is a sixth: tracks that the last look missed
get a sure detection that nobody wanted, where it lies within reach and looks like them. (In DeepSORT, Wojke
et al., ICIP 2017, appearance comes first.) With a look on every frame and ``max_missing_s`` 2.5, 0.7 gave
HOTA 34.7, 39.1 and 45.3 on MOT16-09, PETS09-S2L1 and TUD-Stadtmitte, the wider reach alone 31.5, 39.2 and
45.0, neither 33.3, 38.6 and 44.0 (before there was a fifth round). It was chosen on
TUD-Stadtmitte and CDNET-highway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.detections import Detections
from tracker.association._kalman import KalmanAssociator, KalmanConfig, Round
from tracker.tracks import check_shares
from tracker.types import Track, TrackState

#: Boxes that touch at all, of those that are enlarged by how far a lost track may be.
LEAST_OVERLAP = 0.01


@dataclass(frozen=True, slots=True)
class Config(KalmanConfig):
    """Settings of the matching, beside those of the tracks' life.

    Attributes:
        born_score: see ``LifeConfig``; detections with at least this score are the sure ones.
        low_score: least score of a doubtful detection.
        min_iou: least overlap of a confirmed track with a sure detection.
        min_low_iou: the same with a doubtful one.
        min_tentative_iou: the same of a track that was seen once, with a sure one.
        min_left_iou: the same of a confirmed one with a sure one, when all others have chosen.
        upright: the share of their heights that two boxes have in common, to this power, weighs a pair; 0 for
            overlap alone.
        most_buffer: a box is enlarged by no more than this on every side, in units of its sides.
        max_missing_s: see ``LifeConfig``, as the next one.
        duplicate_s: who walks past somebody is hidden for less.
        appearance: least cosine of the embeddings with which a lost track is found again where it does not
            overlap; 0 for never.
        reach: how far such a track's box is enlarged, in standard deviations of its place; ``most_reach`` at
            most, in units of its sides.
    """

    born_score: float = 0.6
    low_score: float = 0.1
    min_iou: float = 0.3
    min_low_iou: float = 0.4
    min_tentative_iou: float = 0.1
    min_left_iou: float = 0.1
    upright: float = 0.5
    most_buffer: float = 0.5
    max_missing_s: float = 1.5
    duplicate_s: float = 0.3
    appearance: float = 0.0
    reach: float = 2.0
    most_reach: float = 2.0

    def __post_init__(self) -> None:
        """Raise ValueError for what no track's life allows, or for a value outside its range."""
        KalmanConfig.__post_init__(self)
        check_shares(
            self, "low_score", "min_iou", "min_low_iou", "min_tentative_iou", "min_left_iou", "appearance"
        )
        for name in ("upright", "most_buffer", "reach", "most_reach"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be finite and at least 0")


class TwoStageAssociator(KalmanAssociator):
    """Matches by overlap with where each track should be, sure detections before doubtful ones."""

    def __init__(self, config: Config) -> None:
        """Begin with no tracks."""
        super().__init__(config)
        self._matching = config

    def rounds(self, tracks: Sequence[Track], detections: Detections) -> list[Round]:
        """Return the five rounds, and the sixth where it is wanted."""
        matching, scores = self._matching, detections.scores
        sure = scores >= matching.born_score
        doubtful = (scores >= matching.low_score) & ~sure
        new = np.array([track.state is TrackState.TENTATIVE for track in tracks])
        found = np.array([track.state is TrackState.CONFIRMED for track in tracks])
        exact = np.zeros(len(tracks))
        spread = self.bank.spread([track.id for track in tracks]).astype(np.float64)
        rounds = [
            Round(~new, sure, matching.min_iou, exact, matching.upright),
            Round(found, doubtful, matching.min_low_iou, exact, matching.upright),
            Round(new, sure, matching.min_tentative_iou, exact, matching.upright),
            Round(new, sure, matching.min_tentative_iou, np.minimum(spread, matching.most_buffer)),
            Round(~new, sure, matching.min_left_iou, exact, matching.upright),
        ]
        if matching.appearance > 0 and detections.embeddings is not None:
            lost = np.array([track.state is TrackState.COASTING for track in tracks])
            within = np.minimum(matching.reach * spread, matching.most_reach)
            rounds.append(Round(lost, sure, LEAST_OVERLAP, within, likeness=matching.appearance))
        return rounds


def build(config: Config) -> TwoStageAssociator:
    """Build the associator."""
    return TwoStageAssociator(config)

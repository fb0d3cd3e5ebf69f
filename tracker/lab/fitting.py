"""Fit how likely carried boxes are right, and tell how well that holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.errors import UsageError
from tracker.confidence import EVIDENCE, Calibration
from tracker.lab.sampling import Samples, of_one

#: Bins of equal mass in which stated and observed shares are compared.
BINS = 15
#: Fewer boxes of either kind say nothing.
LEAST = 30

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quality:
    """How well probabilities tell right from wrong boxes.

    Attributes:
        boxes: how many were judged.
        right: share of them that were right.
        ece: expected calibration error: mean distance between stated and observed share, over ``BINS`` bins.
        brier_gain: by what share the Brier score is better than that of always stating ``right``.
        auroc: chance that a right box has the higher probability of a right and a wrong one.
    """

    boxes: int
    right: float
    ece: float
    brier_gain: float
    auroc: float


def fit(samples: Sequence[Samples]) -> Calibration:
    """Return the calibration that is most likely, given what was sampled.

    A video with many boxes counts more than one with few, but only as the root of their number: boxes of one
    video are alike.

    Raises:
        UsageError: there are too few right or wrong boxes.
    """
    from sklearn.linear_model import LogisticRegression  # a second, for whoever fits alone

    whole = of_one(samples, "all")
    wrong, right = np.bincount(whole.right, minlength=2).tolist()
    if min(wrong, right) < LEAST:
        raise UsageError(
            f"too little to fit a confidence: {right} right and {wrong} wrong boxes, at least {LEAST} of "
            "each are needed; give longer videos or more of them"
        )
    mass = np.concatenate([np.full(len(s.right), 1 / np.sqrt(max(len(s.right), 1))) for s in samples])
    mean, spread = whole.evidence.mean(axis=0), whole.evidence.std(axis=0)
    spread[spread < 1e-9] = 1.0  # evidence that never varied has no weight
    regression = LogisticRegression(max_iter=1000)
    regression.fit((whole.evidence - mean) / spread, whole.right, sample_weight=mass * len(mass) / mass.sum())
    weights = regression.coef_[0] / spread
    bias = float(regression.intercept_[0] - weights @ mean)
    return Calibration(bias, dict(zip(EVIDENCE, weights.tolist(), strict=True)))


def quality(probability: Doubles, right: NDArray[np.bool_]) -> Quality:
    """Return how well probabilities (N,) tell what was right (N,); NaN where there is nothing to tell."""
    share = float(right.mean()) if len(right) else float("nan")
    if not 0 < share < 1:
        return Quality(len(right), share, float("nan"), float("nan"), float("nan"))
    from sklearn.metrics import roc_auc_score

    bins = reliability(probability, right)
    ece = float(np.abs(bins[:, 0] - bins[:, 1]) @ bins[:, 2]) / len(right)
    brier, constant = float(((probability - right) ** 2).mean()), share * (1 - share)
    return Quality(len(right), share, ece, 1 - brier / constant, float(roc_auc_score(right, probability)))


def reliability(probability: Doubles, right: NDArray[np.bool_]) -> Doubles:
    """Return stated share, observed share and number of boxes of each of ``BINS`` bins, float64 (B, 3).

    The bins hold as many boxes each, give or take one; with fewer boxes than ``BINS`` there are fewer bins.
    """
    order = np.argsort(probability, kind="stable")
    bins = [some for some in np.array_split(order, BINS) if len(some)]
    return np.array([[probability[some].mean(), right[some].mean(), len(some)] for some in bins])

"""How long a look takes, by stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.dataset import Picture
from detectors.frame import Frame
from detectors.protocol import Detector

#: The first looks are slower: memory is set aside, kernels are chosen.
WARM_UP = 3
LOOKS = 40


@dataclass(frozen=True, slots=True)
class LookTimes:
    """Median times of a look in milliseconds, without the reading of the picture.

    Attributes:
        total_ms: of the whole look.
        stage_ms: by stage, in the order of work; empty for a detector that does not tell.
        looks: over how many looks.
    """

    total_ms: float
    stage_ms: Mapping[str, float]
    looks: int


def time_looks(
    detector: Detector, pictures: Sequence[Picture], read: Callable[[Picture], NDArray[np.uint8]]
) -> LookTimes:
    """Return how long the detector takes over pictures of the sets, ``LOOKS`` at the most, evenly spread.

    A detector may have ``stage_s``, the seconds by stage of all its looks so far.

    Args:
        detector: as it is used: with a lower score it has more boxes to sort out, and takes longer.
        pictures: at least one.
        read: returns a picture's pixels, uint8 (H, W, 3) BGR.
    """
    places = np.linspace(0, len(pictures) - 1, min(LOOKS, len(pictures))).round().astype(int)
    for place in places[:WARM_UP]:
        detector.detect([Frame(read(pictures[place]))])
    totals_s, stages_s = [], []
    for place in places:
        frame, before = Frame(read(pictures[place])), _stages(detector)
        began = time.perf_counter()
        detector.detect([frame])
        totals_s.append(time.perf_counter() - began)
        stages_s.append({stage: s - before.get(stage, 0.0) for stage, s in _stages(detector).items()})
    stage_ms = {stage: _median_ms([look[stage] for look in stages_s]) for stage in stages_s[0]}
    return LookTimes(_median_ms(totals_s), stage_ms, len(totals_s))


def _stages(detector: Detector) -> dict[str, float]:
    return dict(getattr(detector, "stage_s", {}))


def _median_ms(seconds: Sequence[float]) -> float:
    return round(1000 * float(np.median(seconds)), 2)

"""Figures that traffic engineers use."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def percentile_speed(speeds_kmh: Sequence[float], share: float = 0.85) -> float | None:
    """Return the speed that ``share`` of the vehicles do not exceed; V85 by default, None of none."""
    return float(np.quantile(speeds_kmh, share)) if len(speeds_kmh) else None


def mean_speed(speeds_kmh: Sequence[float]) -> float | None:
    """Return the time mean speed (of vehicles at a place) in km/h; None of none."""
    return float(np.mean(speeds_kmh)) if len(speeds_kmh) else None


def geh(counted: float, true: float, length_s: float) -> float:
    """Return the GEH statistic, sqrt(2 (m - c)^2 / (m + c)); below 5 is a good fit.

    It is defined on hourly volumes, so both numbers are scaled to an hour first (UK Design Manual for Roads
    and Bridges, volume 12).

    Args:
        counted: vehicles that were counted in ``length_s``.
        true: vehicles that there were.
        length_s: length of the count in seconds, above 0.
    """
    model, count = counted * 3600 / length_s, true * 3600 / length_s
    return math.sqrt(2 * (model - count) ** 2 / (model + count)) if model + count else 0.0

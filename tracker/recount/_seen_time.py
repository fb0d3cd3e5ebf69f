"""Which time an earlier run saw."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

#: A shorter time is the rounding of two files.
_LEAST_S = 1e-3

Span = tuple[float, float]
Times = NDArray[np.float64]


class SeenTime:
    """The time that a run saw, as its ``run.json`` says it.

    Args:
        spans: from and to in seconds of the video, in order and apart; empty where nothing is said.

    Attributes:
        begin_s: of the first span; 0 without any.
        end_s: of the last span; 0 without any.
    """

    def __init__(self, spans: list[Span]) -> None:
        """Add the spans up."""
        self._edges = np.array([edge for span in spans for edge in span], np.float64)
        self._totals = np.array(list(itertools.accumulate((b - a for a, b in spans), initial=0.0)))
        self.begin_s = float(self._edges[0]) if spans else 0.0
        self.end_s = float(self._edges[-1]) if spans else 0.0

    def gaps_s(self, times_s: Times) -> Times:
        """Return how many seconds before each moment were not seen.

        Args:
            times_s: float64 (N,), moments in order.

        Returns:
            float64 (N - 1,), from each moment to the next; 0 where nothing is said of that.
        """
        if not len(self._edges):
            return np.zeros(len(times_s) - 1)
        unseen_s: Times = np.diff(times_s) - np.diff(self._until(times_s))
        return np.where(unseen_s > _LEAST_S, unseen_s, 0.0)

    def _until(self, times_s: Times) -> Times:
        """Return how much was seen until each moment (N,)."""
        places = np.searchsorted(self._edges, times_s, "right")
        totals: Times = self._totals[places // 2]
        inside = places % 2 == 1
        totals[inside] += times_s[inside] - self._edges[places[inside] - 1]
        return totals

"""Fewer CNN runs before fewer frames: the budget follows what the machine can do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Protocol

from tracker.types import FrameResult

#: So much of the time between two pictures may be used up; the rest is for what comes in between.
_LOAD = 0.9
#: The CNN looks so often a second in any case, if that takes no more than this share of the frames (and
#: no less than the last): who is seen too seldom is never confirmed, and then frames are worth nothing.
_LEAST_FPS, _LEAST_MOST, _LEAST = 2.0, 0.5, 0.01
#: Measurements of about so many frames, or looks, count.
_FRAMES, _LOOKS = 50, 10


class HasShare(Protocol):
    """Whatever limits how often the CNN looks.

    Attributes:
        share: of the frames, in (0, 1].
    """

    share: float


class Pace:
    """Lets a live run look as often as it can afford to.

    A look costs many frames' worth of tracking. Where there is not time enough for all the looks that the
    triggers want, frames would be dropped, and every track would be carried over longer steps.

    Args:
        budget: its share is changed; the one that it has is the most.
    """

    def __init__(self, budget: HasShare) -> None:
        """Begin with the whole budget."""
        self._budget, self._most = budget, budget.share
        self._period_s: float | None = None
        self._rest_s: float | None = None
        self._look_s: float | None = None
        self._step_s: float | None = None
        self._before: tuple[int, float] | None = None

    def follow(self, results: Iterator[FrameResult]) -> Iterator[FrameResult]:
        """Pass the results on, and measure: also what is done with them, before the next is asked for."""
        began_s = time.perf_counter()
        for result in results:
            yield result
            ended_s = time.perf_counter()
            self.measure(result, ended_s - began_s)
            began_s = ended_s

    def measure(self, result: FrameResult, spent_s: float) -> None:
        """Take in what one frame cost, and set the share.

        Args:
            result: of the frame; one that came from no camera changes nothing.
            spent_s: wall-clock time from the end of the frame before to the end of this one.
        """
        frame, stages = result.frame, result.stage_s
        if frame.arrival_s is None:
            return
        look_s = stages.get("detect", 0.0)
        rest_s = max(spent_s - look_s - stages.get("read", 0.0), 0.0)
        self._rest_s = _mean(self._rest_s, rest_s, _FRAMES)
        if result.reason is not None:
            self._look_s = _mean(self._look_s, look_s, _LOOKS)
        if self._before is not None and not frame.gap_s and frame.index > self._before[0]:
            step_s = max(frame.arrival_s - self._before[1], 0.0)
            self._step_s = _mean(self._step_s, step_s, _FRAMES)
            # dropped frames are counted: so this is how often they come, not how often one is processed
            self._period_s = _mean(self._period_s, step_s / (frame.index - self._before[0]), _FRAMES)
        self._before = frame.index, frame.arrival_s
        self._budget.share = self._affordable()

    def _affordable(self) -> float:
        if self._period_s is None or self._step_s is None or self._rest_s is None or not self._look_s:
            return self._most
        share = (_LOAD * self._period_s - self._rest_s) / self._look_s
        least = min(max(_LEAST_FPS * self._step_s, _LEAST), _LEAST_MOST)
        return min(max(share, least), self._most)


def _mean(before: float | None, value: float, number: int) -> float:
    return value if before is None else before + (value - before) / number

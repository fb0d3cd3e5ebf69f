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
        self._period, self._step, self._rest = _Mean(_FRAMES), _Mean(_FRAMES), _Mean(_FRAMES)
        self._look = _Mean(_LOOKS)
        self._before: tuple[int, float] | None = None
        self._begun = False

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
        if not self._begun:
            self._begun = result.reason is not None  # with the first look much is done for once
            return
        look_s = stages.get("detect", 0.0)
        self._rest.add(max(spent_s - look_s - stages.get("read", 0.0), 0.0))
        if result.reason is not None:
            self._look.add(look_s)
        if self._before is not None and not frame.gap_s and frame.index > self._before[0]:
            # by the camera's time: pictures may arrive in bursts
            step_s = max(frame.time_s - self._before[1], 0.0)
            self._step.add(step_s)
            # dropped frames are counted: so this is how often they come, not how often one is processed
            self._period.add(step_s / (frame.index - self._before[0]))
        self._before = frame.index, frame.time_s
        self._budget.share = self._affordable()

    def _affordable(self) -> float:
        period_s, step_s, rest_s, look_s = (
            mean.value for mean in (self._period, self._step, self._rest, self._look)
        )
        if period_s is None or step_s is None or rest_s is None or not look_s:
            return self._most
        share = (_LOAD * period_s - rest_s) / look_s
        least = min(max(_LEAST_FPS * step_s, _LEAST), _LEAST_MOST)
        return min(max(share, least), self._most)


class _Mean:
    """The mean of the last values, about so many."""

    def __init__(self, number: int) -> None:
        self._number, self._count = number, 0
        self.value: float | None = None

    def add(self, value: float) -> None:
        self._count = min(self._count + 1, self._number)
        self.value = value if self.value is None else self.value + (value - self.value) / self._count

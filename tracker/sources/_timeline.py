"""Time stamps that can be relied on: the first is 0, and none is before the one ahead of it."""

from __future__ import annotations

import math

from tracker.sources._notes import Notes

_LONGEST_STEP_S = 1.0
_LONGEST_STEPS = 5.0


class Timeline:
    """Turns a container's time stamps into seconds since the first frame.

    - No stamp: one nominal step after the frame before.
    - A stamp that is not after the one before: half a nominal step after the frame before, so that the
      next good stamp is usually still ahead. If the clock goes on from the earlier time (two recordings
      joined), the frames that follow are moved along; if it returns, so do they.

    Args:
        step_s: the nominal time between two frames.
        notes: is told of every stamp that was repaired.
    """

    def __init__(self, step_s: float, notes: Notes) -> None:
        """Begin before the first frame."""
        self._step_s = step_s
        self._notes = notes
        self._origin_s: float | None = None
        self._stamp_s = 0.0
        self._shift_s = 0.0
        self._last_s: float | None = None

    def place(self, stamp_s: float | None) -> float:
        """Return the time in seconds of the next frame, whose stamp is ``stamp_s`` (None: it has none)."""
        if stamp_s is None:
            self._notes.add("frames without a time stamp, placed by the nominal frame rate: {n}")
            time_s = 0.0 if self._last_s is None else self._last_s + self._step_s
        else:
            time_s = self._from_stamp(stamp_s)
        self._last_s = time_s
        return time_s

    def _from_stamp(self, stamp_s: float) -> float:
        if self._origin_s is None:
            start_s = 0.0 if self._last_s is None else self._last_s + self._step_s
            self._origin_s, self._stamp_s = stamp_s - start_s, stamp_s
            return start_s
        before_s, self._stamp_s = self._stamp_s, stamp_s
        last_s = self._last_s or 0.0
        raw_s = stamp_s - self._origin_s
        for shift_s in (0.0, self._shift_s):
            if raw_s + shift_s > last_s:
                self._shift_s = shift_s
                return raw_s + shift_s
        return self._repaired(raw_s, last_s, stamp_s - before_s)

    def _repaired(self, raw_s: float, last_s: float, step_s: float) -> float:
        time_s = last_s + self._step_s / 2
        if step_s < 0:
            self._notes.add("time stamps that ran backwards, repaired: {n}")
            self._shift_s = time_s - raw_s
        elif step_s == 0:
            self._notes.add("time stamps given twice, moved apart by half a frame: {n}")
        return time_s


def stamp_s(time_s: float | None) -> float | None:
    """Return a frame's time stamp as PyAV tells it; None where there is none, or no number.

    The first frame of a stream may have a stamp and no time base yet: PyAV then divides by zero.
    """
    return time_s if time_s is not None and math.isfinite(time_s) else None


def gap_s(step_s: float, nominal_s: float) -> float:
    """Return the unseen time in seconds in a step of ``step_s`` from one frame to the next.

    That is what the step is longer than ``nominal_s``, if it is by more than a second and more than five
    nominal steps; otherwise 0, since a variable frame rate is no gap.
    """
    excess_s = step_s - nominal_s
    return excess_s if excess_s > max(_LONGEST_STEP_S, _LONGEST_STEPS * nominal_s) else 0.0

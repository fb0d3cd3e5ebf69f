"""The time of a live source: steps as the camera says, and in the long run this machine's clock."""

from __future__ import annotations

#: A stamp that steps so much further (seconds) than the clock has jumped, and one that steps back: then the
#: time is taken from the clock.
_JUMP_S = 2.0
#: Where a line stood still, or begins with what the camera has stored, many pictures come at once. So far
#: (seconds) they may be from where the clock is.
_BURST_S = 10.0
#: The camera's clock may go too fast or too slow: it is led back this much (seconds a second) at most, which
#: no speed and no life time notices.
_LEAD = 0.002
#: The delay of the line only ever adds: the least one in so many seconds counts.
_WINDOW_S = 10.0
#: Two pictures lie this share of the usual step apart at least: one that has the stamp of the one before it
#: was taken a step later, and whoever takes it for less sees everything race.
_LEAST_STEP = 0.25
#: The usual step is that of about so many pictures.
_STEPS = 10


class LiveClock:
    """Gives pictures of a camera their times in seconds since the first; they never fall.

    How far apart two pictures were taken only the camera knows, as they come in bursts. But its clock drifts,
    jumps when it is set, and begins anew with every connection.

    Args:
        step_s: from one picture to the next, as far as it is known before the first.
    """

    def __init__(self, step_s: float = 0.04) -> None:
        """Begin before the first picture."""
        self._step_s = step_s
        self._start_s: float | None = None
        self._last_s = float("-inf")
        self._offset_s: float | None = None
        self._before = (0.0, 0.0)
        self._window_s = 0.0
        self._least_s = float("inf")
        self._lead = 0.0

    def reconnect(self) -> None:
        """Take it that the stamps that follow have another beginning."""
        self._offset_s = None

    def place(self, stamp_s: float | None, arrival_s: float) -> float:
        """Return a picture's time in seconds.

        Args:
            stamp_s: the camera's time stamp in seconds; None where it gave none.
            arrival_s: when the picture came, by the monotonic clock.
        """
        if self._start_s is None:
            self._start_s = arrival_s
        now_s = arrival_s - self._start_s
        time_s = now_s if stamp_s is None else self._led(stamp_s, now_s)
        if time_s < self._last_s + _LEAST_STEP * self._step_s:
            late_s = self._last_s + self._step_s - time_s
            time_s += late_s
            if stamp_s is not None and self._offset_s is not None:
                self._offset_s += late_s  # what follows follows this one
        self._last_s = time_s
        return time_s

    def _led(self, stamp_s: float, now_s: float) -> float:
        if self._has_jumped(stamp_s, now_s):
            self._begin(stamp_s, now_s)
        else:
            self._learn(stamp_s - self._before[0])
        self._before = stamp_s, now_s
        assert self._offset_s is not None
        time_s = stamp_s + self._offset_s
        self._offset_s += self._lead * min(max(time_s - self._last_s, 0.0), _JUMP_S)
        self._least_s = min(self._least_s, now_s - time_s)
        if now_s - self._window_s >= _WINDOW_S:
            self._lead = min(max(self._least_s / _WINDOW_S, -_LEAD), _LEAD)
            self._window_s, self._least_s = now_s, float("inf")
        return time_s

    def _learn(self, step_s: float) -> None:
        if 0 < step_s < _JUMP_S:
            self._step_s += (step_s - self._step_s) / _STEPS

    def _has_jumped(self, stamp_s: float, now_s: float) -> bool:
        if self._offset_s is None or abs(now_s - stamp_s - self._offset_s) > _BURST_S:
            return True
        step_s = stamp_s - self._before[0]
        return step_s < 0 or step_s > now_s - self._before[1] + _JUMP_S

    def _begin(self, stamp_s: float, now_s: float) -> None:
        self._offset_s = max(now_s, self._last_s + self._step_s) - stamp_s
        self._window_s, self._least_s, self._lead = now_s, float("inf"), 0.0

"""What is counted of one camera since the server began: crossings, the last hour of them, and sums."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tracker.live.messages import ShownEvent

#: Line, direction and class.
Way = tuple[str, str, str]
MINUTES = 60
#: Names that may be counted apart; more can only come from many changes of the scene.
_MOST_WAYS = 4096
#: A camera whose clock is further off than this is counted by the server's clock.
_CLOCK_OFF_S = 600.0
#: Two reports further apart than this say nothing about the time between them.
_LONGEST_STEP_S = 5.0


@dataclass(frozen=True, slots=True)
class Hour:
    """The last hour by minute, the oldest first.

    Attributes:
        begin_s: when the first minute began, in seconds since 1970.
        seen: share of each minute in which the camera was open, in [0, 1].
        crossings: of each line, direction and class, one number a minute.
    """

    begin_s: int
    seen: tuple[float, ...]
    crossings: Mapping[Way, tuple[int, ...]]


class Crossings:
    """Crossings by line, direction and class: all of them, and those of the last hour by minute.

    Not safe for threads: the hub's lock is held.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._totals: OrderedDict[Way, int] = OrderedDict()
        self._minutes: dict[int, Counter[Way]] = {}
        self._seen_s: dict[int, float] = {}
        self._last_seen_s: float | None = None

    def add(self, event: ShownEvent, now: datetime) -> None:
        """Enter a crossing."""
        way = (event.name, event.direction, event.label)
        self._totals[way] = self._totals.get(way, 0) + 1
        self._totals.move_to_end(way)
        if len(self._totals) > _MOST_WAYS:
            self._totals.popitem(last=False)  # the one that nobody took for longest
        off_s = abs((now - event.time).total_seconds())
        minute = _minute(now if off_s > _CLOCK_OFF_S or event.time > now else event.time)
        self._minutes.setdefault(minute, Counter())[way] += 1
        self._forget(_minute(now))

    def see(self, open_now: bool, now: datetime) -> None:
        """Enter that the camera reported, and whether it saw."""
        moment_s = now.timestamp()
        if open_now and self._last_seen_s is not None:
            step_s = moment_s - self._last_seen_s
            minute = _minute(now)
            if 0 < step_s <= _LONGEST_STEP_S:
                self._seen_s[minute] = self._seen_s.get(minute, 0.0) + step_s
        self._last_seen_s = moment_s if open_now else None
        self._forget(_minute(now))

    def totals(self) -> dict[Way, int]:
        """Return how many crossed, by line, direction and class, in the order of their names."""
        return dict(sorted(self._totals.items()))

    def hour(self, now: datetime) -> Hour:
        """Return the last hour; the minute that runs is its last."""
        first = _minute(now) - MINUTES + 1
        minutes = range(first, first + MINUTES)
        ways = sorted({way for minute in minutes for way in self._minutes.get(minute, ())})
        none: Counter[Way] = Counter()
        crossings = {way: tuple(self._minutes.get(minute, none)[way] for minute in minutes) for way in ways}
        elapsed_s = max(now.timestamp() % 60, 1.0)
        lengths = [60.0] * (MINUTES - 1) + [elapsed_s]
        seen = (
            min(self._seen_s.get(minute, 0.0) / length, 1.0)
            for minute, length in zip(minutes, lengths, strict=True)
        )
        return Hour(first * 60, tuple(round(share, 3) for share in seen), crossings)

    def _forget(self, minute: int) -> None:
        for known in (self._minutes, self._seen_s):
            for old in [key for key in known if not minute - MINUTES < key <= minute]:
                del known[old]


class Growing:
    """Sums that only grow, of numbers that begin again with every run of the camera."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._totals: Counter[str] = Counter()
        self._last: Mapping[str, int] = {}

    def take(self, numbers: Mapping[str, int]) -> None:
        """Enter the run's numbers as they are now; one that fell began again at 0."""
        for name, number in numbers.items():
            before = self._last.get(name, 0)
            self._totals[name] += number - before if number >= before else number
        self._last = dict(numbers)

    def restart(self) -> None:
        """Enter that another process begins, whose numbers begin at 0."""
        self._last = {}

    def totals(self) -> dict[str, int]:
        """Return the sums by name."""
        return dict(self._totals)


def _minute(moment: datetime) -> int:
    return int(moment.timestamp() // 60)

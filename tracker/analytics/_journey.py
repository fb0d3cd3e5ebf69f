"""One road user on its way: what is remembered of it, and the events that it makes."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.analytics._seen import Move, Seen, Stretch, centre, size_px
from tracker.analytics._tail import Tail
from tracker.types import Event, Origin

#: So much of a path is remembered: enough for a speed around a line that was just crossed.
PATH_S = 4.0
#: The velocity of a lost track is that of its last seconds.
_VELOCITY_S = 0.6

Step = tuple["Journey", Seen, Seen]


@dataclass(slots=True, eq=False)
class Journey:
    """One road user from its first to its last moment.

    Attributes:
        track_id: of the track that it is on now.
        label: class by the votes so far.
        votes: float32 (C,), the votes so far, of the track that it is on now.
        left: least x of its centre so far.
        top: least y.
        right: greatest x.
        bottom: greatest y.
        path: where it was in the last seconds, in order.
        seen_s: when it was last detected or propagated, not only predicted.
        guessed: it was only predicted since.
        ended: nothing more will come of it.
        begun: what is undecided still, by the line, gate or zone that watches it.
        later: when what nothing but time can decide will be decided, by what it is (seconds).
        stays: what it does in the zones in which it is, or may be.
        counted: the lines that counted it already, by their number, and the direction.
        gates: through which gates it went, by their number, and how.
        fresh: it is not known yet where it came in, and may be.
        last_tail: what ``tail`` found.
    """

    track_id: int
    label: int
    votes: NDArray[np.float32]
    left: float
    top: float
    right: float
    bottom: float
    path: deque[Seen] = field(default_factory=deque)
    seen_s: float = float("-inf")
    guessed: bool = False
    ended: bool = False
    begun: dict[str, Any] = field(default_factory=dict)
    later: dict[Any, float] = field(default_factory=dict)
    stays: dict[str, Any] = field(default_factory=dict)
    counted: set[tuple[int, bool]] = field(default_factory=set)
    gates: list[tuple[int, Any]] = field(default_factory=list)
    fresh: bool = False
    last_tail: Tail | None = None

    @classmethod
    def begin(cls, track: Move, first: Seen) -> Journey:
        """Return the journey that begins with a track, before its first place is taken."""
        x, y = centre(first)
        return cls(track.track_id, track.label, track.votes, x, y, x, y)

    @property
    def class_score(self) -> float:
        """Share of the votes that its class has, in [0, 1]; 1 where nobody voted."""
        votes: list[float] = self.votes.tolist()
        total = sum(votes)
        return votes[self.label] / total if total > 0 else 1.0

    @property
    def travel_px(self) -> float:
        """Diagonal of the rectangle in which its centre has been: how far it came at least."""
        return math.hypot(self.right - self.left, self.bottom - self.top)

    def go(self, seen: Seen) -> None:
        """Take the next place."""
        time_s, _, x1, y1, x2, y2, origin = seen
        path = self.path
        path.append(seen)
        while path[0].time_s < time_s - PATH_S:
            path.popleft()
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        if x < self.left:
            self.left = x
        elif x > self.right:
            self.right = x
        if y < self.top:
            self.top = y
        elif y > self.bottom:
            self.bottom = y
        self.guessed = origin is Origin.PREDICTED
        if not self.guessed:
            self.seen_s = time_s

    def pass_over(self, stretch: Stretch) -> None:
        """Take the next places at once."""
        places, left, top, right, bottom = stretch
        self.path.extend(places)
        self.left, self.top = min(self.left, left), min(self.top, top)
        self.right, self.bottom = max(self.right, right), max(self.bottom, bottom)
        self.seen_s, self.guessed = places[-1].time_s, False

    def last_seen(self) -> Seen:
        """Return its last place that was not only predicted."""
        return next((s for s in reversed(self.path) if s.origin is not Origin.PREDICTED), self.path[-1])

    def tail(self) -> Tail:
        """Return where it was seen last: worked out once, however many new tracks may go on from there."""
        if self.last_tail is None or self.last_tail.seen_s != self.seen_s:
            last = self.last_seen()
            early = next(s for s in self.path if s.time_s >= last.time_s - _VELOCITY_S)
            (x, y), (x0, y0), took_s = centre(last), centre(early), last.time_s - early.time_s
            self.last_tail = Tail(self.seen_s, size_px(last), x, y, x - x0, y - y0, took_s)
        return self.last_tail


def event_of(
    journey: Journey, what: tuple[str, str, str], seen: Seen, time_s: float, origin: Origin, **more: Any
) -> Event:
    """Return an event of a journey as it stands now.

    Args:
        journey: who.
        what: kind, name and direction.
        seen: the frame behind the moment.
        time_s: the moment.
        origin: how the box was known then.
        more: speed, headway or dwell time.
    """
    kind, name, direction = what
    return Event(
        kind,
        time_s,
        seen.frame_index,
        journey.track_id,
        name,
        direction,
        journey.label,
        journey.class_score,
        origin,
        np.array(seen[2:6], np.float32),
        **more,
    )

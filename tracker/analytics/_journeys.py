"""A road user's way through the picture, also where its track broke and was born again.

A track that was lost and a new one that begins soon after, where the lost one should be by then, are one
journey: it is counted once, whether the break lies before, on or behind a line.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame
from tracker.analytics._seen import Moment, Move, Seen, Stretch, centre, size_px
from tracker.analytics._tail import Tail, distance_px
from tracker.types import Event, FrameResult, Origin, TrackState

#: So much of a path is remembered: enough for a speed around a line that was just crossed.
PATH_S = 4.0
#: A lost track may be continued by a new one for this long.
LINGER_S = 1.5
#: Moments at which something is due are told so much too early: sums of times are rounded.
EARLY_S = 1e-3
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


class Journeys:
    """Follows every confirmed track.

    Args:
        person: label of people, whose tracks no vehicle continues; None where there is no such class.

    Attributes:
        due_s: when the first of the lost journeys may end; infinite where none is lost.
    """

    def __init__(self, person: int | None = None) -> None:
        """Begin with nobody on the road."""
        self._person = person
        self._tentative: dict[int, list[Seen]] = {}
        self._live: dict[int, Journey] = {}
        self._lost: list[Journey] = []
        self.due_s = math.inf
        self._ghosts: set[int] = set()

    def due_of(self, track_id: int) -> float:
        """Return when a track's next step may decide something by itself: -inf for at once, inf for never."""
        journey = self._live.get(track_id)
        if journey is None:
            return math.inf
        if journey.begun:
            return -math.inf
        return min(journey.later.values()) - EARLY_S if journey.later else math.inf

    def update(self, result: FrameResult) -> tuple[list[Step], list[Journey]]:
        """Take one frame.

        Returns:
            All steps that journeys made, in order: of a track that was confirmed just now those from its
            beginning. And the journeys that ended: nobody continued them in time.
        """
        time_s, index = result.frame.time_s, result.frame.index
        moves: list[Move] = []
        over: list[int] = []
        for track in result.tracks:
            if track.state is TrackState.REMOVED:
                over.append(track.id)
                continue
            x1, y1, x2, y2 = track.box.tolist()
            seen = Seen(time_s, index, x1, y1, x2, y2, track.origin)
            if track.state is TrackState.TENTATIVE and track.id not in self._live:
                self._tentative.setdefault(track.id, []).append(seen)
            else:
                moves.append(Move(track.id, track.label, track.class_scores, seen))
        return self.advance(result.frame, moves, over)

    def advance(
        self, frame: Frame | Moment, moves: Iterable[Move], over: Iterable[int]
    ) -> tuple[list[Step], list[Journey]]:
        """Take what confirmed tracks did until a frame, and the tracks that are over.

        Returns:
            The same as ``update``; of a stretch there are no steps.
        """
        for track_id in over:
            self._lose(track_id)
        steps: list[Step] = []
        live = self._live
        for move in moves:
            track_id, label, votes, seen, stretch = move
            journey = live.get(track_id)
            if journey is None:
                steps += self._first_steps(move)
                continue
            if stretch is not None:
                journey.pass_over(stretch)
            before = journey.path[-1]
            journey.label, journey.votes = label, votes
            journey.go(seen)
            if seen[0] > before[0]:  # later
                steps.append((journey, before, seen))
        return steps, self._over(frame.time_s, everything=frame.cut)

    def finish(self) -> list[Journey]:
        """Return all that are still on the road, at the end of a run."""
        return self._over(float("inf"), everything=True)

    def _first_steps(self, move: Move) -> Iterator[Step]:
        """Begin a journey with a confirmed track, or go on with a lost one; yield its steps up to now."""
        track_id, seen = move.track_id, move.seen
        if track_id in self._ghosts:
            if seen.origin is Origin.PREDICTED:
                return
            self._ghosts.remove(track_id)  # it is there after all
        places = [*self._tentative.pop(track_id, []), seen]
        journey = self._live[track_id] = self._begin(move, places[0])
        journey.label, journey.votes = move.label, move.votes
        for place in places:
            before = journey.path[-1] if journey.path else None
            journey.go(place)
            if before is not None and place.time_s > before.time_s:
                # between two tracks of one journey nobody saw it
                joined = place is places[0]
                yield journey, before._replace(origin=Origin.PREDICTED) if joined else before, place

    def _begin(self, track: Move, first: Seen) -> Journey:
        """Return the lost journey that this track continues, or a new one.

        Lost is also who is only predicted still. No vehicle goes on as a person, and no person as a vehicle.
        """
        first_s, human = first.time_s, track.label == self._person
        lost = [*self._lost, *(j for j in self._live.values() if j.guessed)]
        able = [
            (distance, place, journey)
            for place, journey in enumerate(lost)
            if 0 < first_s - journey.seen_s <= LINGER_S
            and (journey.label == self._person) == human
            and (distance := distance_px(journey.tail(), first)) is not None
        ]
        if not able:
            return Journey.begin(track, first)
        journey = min(able)[2]
        if journey in self._lost:
            self._lost.remove(journey)
        else:  # its own track is predicted on still, but it is nobody's any more
            del self._live[journey.track_id]
            self._ghosts.add(journey.track_id)
        while journey.path[-1].time_s >= first.time_s or journey.path[-1].origin is Origin.PREDICTED:
            journey.path.pop()
        journey.track_id = track.track_id
        return journey

    def _lose(self, track_id: int) -> None:
        self._tentative.pop(track_id, None)
        self._ghosts.discard(track_id)
        journey = self._live.pop(track_id, None)
        if journey is not None:
            self._lost.append(journey)
            self.due_s = min(self.due_s, journey.seen_s + LINGER_S - EARLY_S)

    def _over(self, time_s: float, everything: bool) -> list[Journey]:
        if everything and time_s == float("inf"):
            self._lost += self._live.values()
            self._live = {}
        if not self._lost:
            self.due_s = math.inf
        if not self._lost or (time_s < self.due_s and not everything):
            return []
        over = [j for j in self._lost if everything or time_s - j.seen_s > LINGER_S]
        if over:
            self._lost = [j for j in self._lost if j not in over]
        self.due_s = min((j.seen_s for j in self._lost), default=math.inf) + LINGER_S - EARLY_S
        for journey in over:
            journey.ended = True
        return over


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

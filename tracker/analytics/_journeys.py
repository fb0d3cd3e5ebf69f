"""A road user's way through the picture, also where its track broke and was born again.

A track that was lost and a new one that begins soon after, where the lost one should be by then, are one
journey: it is counted once, whether the break lies before, on or behind a line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

from detectors.frame import Frame
from tracker.analytics._entries import KNOWN_S, came_in, longest_unseen_s
from tracker.analytics._journey import Journey, Step
from tracker.analytics._seen import Moment, Move, Seen
from tracker.analytics._tail import DOUBTFUL, distance_px
from tracker.types import FrameResult, Origin, TrackState

#: A lost track may be continued by a new one for this long.
LINGER_S = 1.5
#: Moments at which something is due are told so much too early: sums of times are rounded.
EARLY_S = 1e-3


class Journeys:
    """Follows every confirmed track.

    Args:
        person: label of people, whose tracks no vehicle continues; None where there is no such class.
        unseen_s: returns how long one may be in the picture without being seen.

    Attributes:
        due_s: when the first of the lost journeys may end; infinite where none is lost.
        size: width and height of the frames; None where nothing is said about borders.
        entries: steps of the last update from the border of the picture to where a journey was seen first.
        since_s: from when on the road is watched without a break; None before the first frame.
    """

    def __init__(self, person: int | None = None, unseen_s: Callable[[], float] = longest_unseen_s) -> None:
        """Begin with nobody on the road."""
        self._person, self._unseen_s = person, unseen_s
        self._tentative: dict[int, list[Seen]] = {}
        self._live: dict[int, Journey] = {}
        self._lost: list[Journey] = []
        self.due_s = math.inf
        self.size: tuple[int, int] | None = None
        self.entries: list[Step] = []
        self.since_s: float | None = None
        self._ghosts: set[int] = set()

    def due_of(self, track_id: int) -> float:
        """Return when a track's next step may decide something by itself: -inf for at once, inf for never."""
        journey = self._live.get(track_id)
        if journey is None:
            return math.inf
        if journey.begun or journey.fresh:
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
        if self.since_s is None or frame.cut or frame.gap_s > 0:
            self.since_s = frame.time_s
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
        self.entries = [entry for step in steps if step[0].fresh and (entry := self._entry(step))]
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

    def _entry(self, step: Step) -> Step | None:
        """Return the step with which a fresh journey came into the picture, once that is known."""
        journey, _, seen = step
        first = journey.path[0]
        if seen.time_s - first.time_s < KNOWN_S or seen.origin is Origin.PREDICTED:
            return None
        journey.fresh = False
        place = came_in(first, seen, self.size, self._unseen_s()) if self.size else None
        return (journey, place, first) if place and place.time_s >= (self.since_s or 0.0) else None

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
            journey = Journey.begin(track, first)
            # near somebody who was lost it may be the same one after all, who has not just come in
            journey.fresh = all(distance_px(j.tail(), first, DOUBTFUL) is None for j in lost)
            return journey
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

"""When a journey passes a line for good: once, whatever the box trembles.

Between the first touch of the line and the moment at which the vehicle is clear of it, nothing is decided. If
it gets clear on the far side it has passed; on the near side, nothing was. So a vehicle that stops on the
line and trembles there passes once, and one that turns back passes in both directions. Where it is only
predicted across the line, it must be seen again behind it: a guess is no count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.analytics._journey import Journey, Step
from tracker.analytics._seen import Seen, made, size_px
from tracker.scene.geometry import Segment
from tracker.types import Origin

#: Clear of a line is who is this far from it: a share of the box's size, and pixels.
CLEAR, CLEAR_PX = 0.2, 1.5
#: Who came less far than this share of its size, from its first moment on, only trembled.
LEAST_TRAVEL = 0.5
Boxes = NDArray[np.float64]


class Crossing(NamedTuple):
    """A touch of the line.

    Attributes:
        time_s: when, between two frames.
        forward: from the left to the right, looking along the line.
        origin: how the box was known; PREDICTED where it was on one of the two frames.
        seen: the frame behind that moment.
        segment: that was crossed.
    """

    time_s: float
    forward: bool
    origin: Origin
    seen: Seen
    segment: Segment


@dataclass(slots=True)
class Passage:
    """A passage that is not decided.

    Attributes:
        first: touch of the line.
        last: touch of the line.
        far_s: seconds on the far side since the first touch.
        near_s: seconds back on the near side.
        seen: whether it was detected or carried behind the last touch, and not only predicted.
    """

    first: Crossing
    last: Crossing
    far_s: float = 0.0
    near_s: float = 0.0
    seen: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it is on the far side now."""
        return self.last.forward == self.first.forward

    def crossing(self) -> Crossing:
        """Return the touch that was the crossing: the first if it trembled behind the line, else the last."""
        return self.first if self.far_s >= self.near_s else self.last


@dataclass(slots=True)
class LineWatch:
    """Watches one line.

    Attributes:
        key: under which journeys remember what they did here.
        segments: of the line.
        anchor: "centre" or "foot", the point of the box that passes.
        frame: left, top, right and bottom of the rectangle outside which nothing can pass.
    """

    key: str
    segments: tuple[Segment, ...]
    anchor: str = "centre"
    frame: tuple[float, float, float, float] = field(init=False)

    def __post_init__(self) -> None:
        """Find the rectangle."""
        ends = [(s.x + t * s.dx, s.y + t * s.dy) for s in self.segments for t in (s.low, s.high)]
        xs, ys = [x for x, _ in ends], [y for _, y in ends]
        self.frame = min(xs), min(ys), max(xs), max(ys)

    def touched_by(self, before: Boxes, after: Boxes) -> NDArray[np.bool_]:
        """Return bool (N,), which of the steps between boxes (N, 4) touch the line."""
        a, b = (anchors(boxes, self.anchor) for boxes in (before, after))
        touched = np.zeros(len(after), np.bool_)
        for segment in self.segments:
            touched |= segment.crossed_by(a, b)
        return touched

    def step(self, journey: Journey, before: Seen, after: Seen) -> Crossing | None:
        """Take a step of a journey; return the crossing that it makes sure, if it does."""
        touch = self._touch(before, after)
        passage: Passage | None = journey.begun.get(self.key)
        if passage is None:
            if touch is None:
                return None
            passage = journey.begun[self.key] = Passage(touch, touch)
        elif touch is not None:
            passage.last = touch
        if passage.is_over:
            passage.far_s += after.time_s - before.time_s
        else:
            passage.near_s += after.time_s - before.time_s
        seen = after.origin is not Origin.PREDICTED
        passage.seen = seen or (passage.seen and touch is None)
        if not passage.seen or not self._is_clear(passage, after):
            return None
        del journey.begun[self.key]
        return passage.crossing() if passage.is_over else None

    def end(self, journey: Journey) -> Crossing | None:
        """Return the crossing of a journey that ended just behind the line, before it was clear of it."""
        passage: Passage | None = journey.begun.pop(self.key, None)
        if passage is None or not passage.is_over or not passage.seen:
            return None
        return passage.crossing()

    def _touch(self, before: Seen, after: Seen) -> Crossing | None:
        ax, ay = self._point(before)
        bx, by = self._point(after)
        for segment in self.segments:
            share = segment.crossed(ax, ay, bx, by)
            if share is not None:
                time_s = before.time_s + share * (after.time_s - before.time_s)
                guessed = Origin.PREDICTED in (before.origin, after.origin)
                origin = Origin.PREDICTED if guessed else after.origin
                forward = segment.side(bx, by) >= 0
                return made(Crossing, (time_s, forward, origin, after, segment))
        return None

    def _is_clear(self, passage: Passage, seen: Seen) -> bool:
        x, y = self._point(seen)
        return abs(passage.last.segment.side(x, y)) >= max(CLEAR_PX, CLEAR * size_px(seen))

    def _point(self, seen: Seen) -> tuple[float, float]:
        _, _, x1, y1, x2, y2, _ = seen
        return (x1 + x2) / 2, (y1 + y2) / 2 if self.anchor == "centre" else y2


def crossings(watches: Sequence[LineWatch], steps: Sequence[Step]) -> list[tuple[Journey, int, Crossing]]:
    """Take a frame's steps; return who made sure which crossing, with the number of its watch."""
    found = []
    for journey, before, after in steps:
        # all steps of all vehicles come by: unpacked at once, which is twice as fast as by name
        _, _, left_a, top_a, right_a, bottom_a, _ = before
        _, _, left_b, top_b, right_b, bottom_b, _ = after
        begun = journey.begun
        for place, watch in enumerate(watches):
            left, top, right, bottom = watch.frame
            # and nearly all end here: both boxes on one side of all that the line reaches, nothing begun
            if (
                (bottom_b < top and bottom_a < top)
                or (top_b > bottom and top_a > bottom)
                or (right_b < left and right_a < left)
                or (left_b > right and left_a > right)
            ) and (not begun or watch.key not in begun):
                continue
            crossing = watch.step(journey, before, after)
            if crossing is not None:
                found.append((journey, place, crossing))
    return found


def entered(watches: Sequence[LineWatch], entries: Sequence[Step]) -> list[tuple[Journey, int, Crossing]]:
    """Take the steps with which journeys came into the picture, told when they are older already.

    Where something was begun at a line since, that decides.
    """
    found = []
    for journey, before, after in entries:
        for place, watch in enumerate(watches):
            if watch.key in journey.begun:
                continue
            crossing = watch.step(journey, before, after)
            if crossing is not None:
                found.append((journey, place, crossing))
    return found


def anchors(boxes: Boxes, anchor: str) -> NDArray[np.float64]:
    """Return the points (N, 2) of boxes (N, 4) that pass lines: their centres, or their feet."""
    x = (boxes[:, 0] + boxes[:, 2]) / 2
    y = (boxes[:, 1] + boxes[:, 3]) / 2 if anchor == "centre" else boxes[:, 3]
    return np.stack([x, y], axis=1)


def touched_by(watches: Sequence[LineWatch], before: Boxes, after: Boxes) -> NDArray[np.bool_]:
    """Return bool (N,), which of the steps between boxes (N, 4) touch any of the lines."""
    touched = np.zeros(len(after), np.bool_)
    for watch in watches:
        touched |= watch.touched_by(before, after)
    return touched


def has_travelled(journey: Journey) -> bool:
    """Return whether a journey came far enough to be one."""
    return journey.travel_px >= LEAST_TRAVEL * size_px(journey.path[-1])


def passed(watches: Sequence[LineWatch], journey: Journey) -> list[tuple[int, Crossing]]:
    """Return the lines that a journey has passed with its end, by their number."""
    if not journey.begun:
        return []
    found = [(place, watch.end(journey)) for place, watch in enumerate(watches)]
    return [(place, crossing) for place, crossing in found if crossing is not None]

"""Where a vehicle came into the picture that was first seen a moment later.

Between two looks of the CNN it may come in, pass a line and be behind it when it is seen first. Nobody drives
out of nothing: followed back, at the velocity that it has at first, to where its box touches the border of
the picture, it was on the way from there. Who does not get there in the time without a look was visible
before; why it was not seen is not known, and nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from tracker.analytics._seen import Seen, centre
from tracker.types import Origin

#: A velocity is known after so long, and is none any more when the second sight is later than this.
KNOWN_S, STALE_S = 0.2, 1.0
#: Shortest and longest time (seconds) in which one may have been in the picture without being seen: as long
#: as there is no look by default, and as is left of a path that bends and of a speed that grows.
UNSEEN_S, MOST_UNSEEN_S = 0.35, 0.75
#: A look comes so much later than it may: at the next frame.
_LATE_S = 0.05


def longest_unseen_s(
    intervals_s: Iterable[float] = (), budget: float | None = None, rate_fps: float | None = None
) -> float:
    """Return how long one may be in the picture without being seen.

    Args:
        intervals_s: after which the triggers look without a reason.
        budget: greatest share of the frames with a look; None for any.
        rate_fps: frames a second; None where that is not known.
    """
    pause_s = min(intervals_s, default=0.0)
    if budget and rate_fps:
        pause_s = max(pause_s, 1 / (budget * rate_fps))
    return min(max(pause_s + _LATE_S, UNSEEN_S), MOST_UNSEEN_S)


def came_in(first: Seen, later: Seen, size: tuple[int, int], unseen_s: float = UNSEEN_S) -> Seen | None:
    """Return where it touched the border of the picture, with the frame's index of its first sight.

    Args:
        first: its first sight.
        later: a sight of it at least ``KNOWN_S`` later.
        size: width and height of the picture.
        unseen_s: longest time between the border and the first sight.

    Returns:
        The place, of origin PREDICTED; None where the way back does not reach the border soon enough.
    """
    took_s = later.time_s - first.time_s
    if not 0 < took_s <= STALE_S:
        return None
    (x0, y0), (x1, y1) = centre(first), centre(later)
    vx, vy = (x1 - x0) / took_s, (y1 - y0) / took_s
    rooms = ((first.x1, vx), (size[0] - first.x2, -vx), (first.y1, vy), (size[1] - first.y2, -vy))
    back_s = min((room / speed for room, speed in rooms if speed > 0), default=-1.0)
    if not 0 < back_s <= unseen_s:
        return None
    dx, dy = vx * back_s, vy * back_s
    sides = first.x1 - dx, first.y1 - dy, first.x2 - dx, first.y2 - dy
    return Seen(first.time_s - back_s, first.frame_index, *sides, Origin.PREDICTED)

"""What is remembered of a track on one frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.types import Origin

#: Makes a named tuple in a third of the time: hundreds of thousands are made in a day.
made = tuple.__new__


class Seen(NamedTuple):
    """Where a track was on a frame; plain numbers, because millions of them are made in a day.

    Attributes:
        time_s: of the frame.
        frame_index: of the frame.
        x1: left side of the box, in pixels of the source frame.
        y1: its upper side.
        x2: its right side.
        y2: its lower side.
        origin: how the box was known.
    """

    time_s: float
    frame_index: int
    x1: float
    y1: float
    x2: float
    y2: float
    origin: Origin


def centre(seen: Seen) -> tuple[float, float]:
    """Return the middle of the box."""
    _, _, x1, y1, x2, y2, _ = seen
    return (x1 + x2) / 2, (y1 + y2) / 2


def size_px(seen: Seen) -> float:
    """Return the geometric mean of the box's sides."""
    _, _, x1, y1, x2, y2, _ = seen
    area = (x2 - x1) * (y2 - y1)
    return float(area**0.5) if area > 1.0 else 1.0


class Stretch(NamedTuple):
    """A part of a track on which nothing happened.

    Attributes:
        places: one a frame, none of them only predicted.
        left: least x of the boxes' centres, here or earlier.
        top: least y.
        right: greatest x.
        bottom: greatest y.
    """

    places: Sequence[Seen]
    left: float
    top: float
    right: float
    bottom: float


class Trails(NamedTuple):
    """Rows of many tracks, those of each one behind the other and in the order of time.

    Attributes:
        boxes: float64 (N, 4) xyxy in pixels.
        times_s: float64 (N,), of the frames.
        known_from: int64 (N,), the row from which on a row's track is known without a break: its first one
            here, or the last one before that was only predicted.
    """

    boxes: NDArray[np.float64]
    times_s: NDArray[np.float64]
    known_from: NDArray[np.int64]


class Moment(NamedTuple):
    """What counts of a frame that is not seen itself; ``Frame`` has the same.

    Attributes:
        time_s: when it was.
        gap_s: unseen time before it in seconds.
        cut: a new shot begins with it.
    """

    time_s: float
    gap_s: float = 0.0
    cut: bool = False


class Move(NamedTuple):
    """What a confirmed track did until a frame.

    Attributes:
        track_id: who.
        label: class by the votes so far.
        votes: float32 (C,), the votes so far.
        seen: where it is.
        stretch: what it did since it was last told, if anything.
    """

    track_id: int
    label: int
    votes: NDArray[np.float32]
    seen: Seen
    stretch: Stretch | None = None

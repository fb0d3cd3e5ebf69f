"""What is remembered of a track on one frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.types import Origin


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

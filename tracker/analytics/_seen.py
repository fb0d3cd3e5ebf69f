"""What is remembered of a track on one frame."""

from __future__ import annotations

from typing import NamedTuple

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

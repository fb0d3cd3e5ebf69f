"""The tracks as they leave a propagator: the same ones, at their new places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from detectors import boxes as boxlib
from detectors.frame import Frame
from tracker.types import Origin, Track

#: Box (4,) xyxy in pixels, not cut, and confidence in [0, 1]; None for a track that is not followed.
Place = tuple[ArrayLike, float] | None


def carried(frame: Frame, tracks: Sequence[Track], places: Iterable[Place]) -> list[Track]:
    """Return ``tracks`` with their boxes on ``frame``, cut at the borders as detections are.

    A box of which less than a quarter is still in the picture is not cut, and has confidence 0: what is
    left of it says nothing about the rest, and who ends tracks can see that this one has gone.

    Args:
        frame: the new frame.
        tracks: the tracks as they were.
        places: one a track, in the same order.
    """
    known = [(track, *place) for track, place in zip(tracks, places, strict=True) if place is not None]
    whole = np.array([box for _, box, _ in known], np.float32).reshape(-1, 4)
    left = boxlib.has_left(whole, frame.width, frame.height)
    boxes = np.where(left[:, None], whole, boxlib.clip(whole, frame.width, frame.height))
    moved = {
        track.id: replace(track, box=box, origin=Origin.PROPAGATED, confidence=0.0 if out else confidence)
        for (track, _, confidence), box, out in zip(known, boxes, left.tolist(), strict=True)
    }
    return [moved[track.id] if track.id in moved else unknown(track) for track in tracks]


def unknown(track: Track) -> Track:
    """Return a track that was never started: it stays where it was, and nothing speaks for that."""
    return replace(track, origin=Origin.PREDICTED, confidence=0.0)

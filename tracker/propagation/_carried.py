"""The track as it leaves a propagator: the same one, at its new place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from detectors import boxes as boxlib
from detectors.frame import Frame
from tracker.types import Origin, Track


def carried(frame: Frame, track: Track, box: ArrayLike, confidence: float) -> Track:
    """Return ``track`` with its box on ``frame``, cut at the borders as detections are.

    A box of which less than a quarter is still in the picture is not cut, and has confidence 0: what is
    left of it says nothing about the rest, and who ends tracks can see that this one has gone.

    Args:
        frame: the new frame.
        track: the track as it was.
        box: (4,) xyxy in pixels, not cut.
        confidence: in [0, 1].
    """
    whole = np.array(box, np.float32)
    if boxlib.has_left(whole, frame.width, frame.height):
        return replace(track, box=whole, origin=Origin.PROPAGATED, confidence=0.0)
    visible = boxlib.clip(whole, frame.width, frame.height)
    return replace(track, box=visible, origin=Origin.PROPAGATED, confidence=confidence)


def unknown(track: Track) -> Track:
    """Return a track that was never started: it stays where it was, and nothing speaks for that."""
    return replace(track, origin=Origin.PREDICTED, confidence=0.0)

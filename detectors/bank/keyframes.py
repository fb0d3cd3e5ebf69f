"""Boxes of one object over time, kept as few keyframes with straight lines between them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Keyframe:
    """Where an object is on a frame.

    Attributes:
        frame: 0-based number in the video.
        xyxy: corners in pixels.
        outside: from this frame on it is not in the picture, until the next keyframe.
        occluded: it is hidden, in part or all.
    """

    frame: int
    xyxy: tuple[float, float, float, float]
    outside: bool = False
    occluded: bool = False


def at_frame(keyframes: Sequence[Keyframe], frame: int) -> Keyframe | None:
    """Return where an object is on a frame, as CVAT tells it.

    Between two keyframes a box moves in a straight line; behind the last one it stays where it is. Hidden or
    not is taken from the keyframe before.

    Args:
        keyframes: sorted by frame.
        frame: number of the frame.

    Returns:
        None where the object is not in the picture.
    """
    number = bisect_right(keyframes, frame, key=lambda keyframe: keyframe.frame)
    if not number or keyframes[number - 1].outside:
        return None
    before = keyframes[number - 1]
    if number == len(keyframes) or before.frame == frame:
        return replace(before, frame=frame)
    behind = keyframes[number]
    share = (frame - before.frame) / (behind.frame - before.frame)
    x1, y1, x2, y2 = (a + (b - a) * share for a, b in zip(before.xyxy, behind.xyxy, strict=True))
    return Keyframe(frame, (x1, y1, x2, y2), occluded=before.occluded)


def visible_spans(keyframes: Sequence[Keyframe]) -> Iterator[tuple[int, int | None]]:
    """Yield the first and the last frame of each time that an object is in the picture.

    Args:
        keyframes: sorted by frame.

    Yields:
        Pairs of frames; the last is None where no keyframe ends it.
    """
    first: int | None = None
    for keyframe in keyframes:
        if not keyframe.outside and first is None:
            first = keyframe.frame
        elif keyframe.outside and first is not None:
            yield first, keyframe.frame - 1
            first = None
    if first is not None:
        yield first, None


def thinned(
    boxes: Sequence[Keyframe], tolerance_px: float, last_frame: int, share: float = 0.0
) -> list[Keyframe]:
    """Return few of an object's boxes, between which a straight line stays near all the others.

    From each keyframe on the next is the farthest box of which the line passes all boxes between them: each
    allows a range of slopes, and the line must have one that all allow (the cone method, Williams, "Bounded
    straight-line approximation of digitized planar curves", 1981).

    Args:
        boxes: one a frame, sorted; a missing frame means that it was not in the picture.
        tolerance_px: how far a side of the box may be from where it was.
        last_frame: of the video; no keyframe is behind it.
        share: of the box's size (root of its area), by which a side may be off where that is more.

    Returns:
        Keyframes, with one that is outside behind every visible time that ends before the video does.
    """
    kept: list[Keyframe] = []
    ends = [i for i, (a, b) in enumerate(pairwise(boxes), 1) if b.frame > a.frame + 1]
    for begin, end in pairwise([0, *ends, len(boxes)]):
        part = boxes[begin:end]
        kept += (part[number] for number in _corners(part, tolerance_px, share))
        if part[-1].frame < last_frame:
            kept.append(replace(part[-1], frame=part[-1].frame + 1, outside=True))
    return kept


def _corners(boxes: Sequence[Keyframe], tolerance_px: float, share: float) -> list[int]:
    """Return the numbers of the boxes to keep of a part without a gap, the first and the last among them."""
    places = np.array([box.xyxy for box in boxes], np.float64)
    sizes = np.sqrt((places[:, 2:] - places[:, :2]).prod(axis=1, keepdims=True).clip(0))
    slack = np.maximum(tolerance_px, share * sizes)
    changes = [i for i, (a, b) in enumerate(pairwise(boxes), 1) if a.occluded != b.occluded]
    corners = [0]
    for end in [*changes, len(boxes) - 1]:
        while corners[-1] < end:
            part = slice(corners[-1], end + 1)
            corners.append(corners[-1] + _reach(places[part], slack[part]))
    return corners


def _reach(places: NDArray[np.float64], slack: NDArray[np.float64]) -> int:
    """Return how many frames a line from the first place (N, 4) can go, each off by (N, 1): at least 1."""
    after = np.arange(1, len(places))[:, None]
    least = np.maximum.accumulate((places[1:] - slack[1:] - places[0]) / after)
    most = np.minimum.accumulate((places[1:] + slack[1:] - places[0]) / after)
    slopes = (places[1:] - places[0]) / after
    passes = ((slopes >= least) & (slopes <= most)).all(axis=1)
    return int(np.flatnonzero(passes)[-1]) + 1

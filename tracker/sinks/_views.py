"""The last views of every vehicle in the picture: the frame of an event is gone when it is reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import areas, intersections, visible_share
from detectors.frame import Frame
from detectors.opencv import load_cv2
from tracker.sinks._blur import Place
from tracker.types import Event, Origin, Track

Image = NDArray[np.uint8]

_STEP_S = 0.2
_KEEP_S = 2.0  # events come about a second late
_LEAST_MARGIN_PX = 8
_BORDER_PX = 2  # a box this near to the picture's border may have been cut off there


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """How a track looked at one moment.

    Attributes:
        image: uint8 (H, W, 3) BGR, the track's surroundings; a copy.
        places: what is to be hidden in it.
        time_s: of its frame.
        flaw: how bad the view is, in seconds of distance from the event that would be as bad.
    """

    image: Image
    places: tuple[Place, ...]
    time_s: float
    flaw: float


class Views:
    """Keeps views of the last seconds by track, and no more bytes than it may.

    Args:
        margin: around the box, as a share of its longer side.
        side_px: longest side of a view in pixels; larger ones are made smaller.
        most_bytes: of all pictures together. The oldest views of whoever has most of them go first.
    """

    def __init__(self, margin: float, side_px: int, most_bytes: int) -> None:
        """Begin with no views."""
        self._margin = margin
        self._side_px = side_px
        self._most_bytes = most_bytes
        self._views: dict[int, list[View]] = {}
        self.held_bytes = 0

    def add(self, frame: Frame, tracks: Sequence[Track], places: Sequence[Place]) -> None:
        """Take a view of every track whose last one is old enough, and forget old ones.

        Args:
            frame: the picture.
            tracks: who is shown on it.
            places: what is to be hidden on it.
        """
        self._forget(frame.time_s - _KEEP_S)
        due = [i for i, track in enumerate(tracks) if self._is_due(track.id, frame.time_s)]
        if not due:
            return
        boxes = np.clip(np.nan_to_num([track.box for track in tracks]), -1e6, 1e6).astype(np.float32)
        flaws = _flaws(boxes, tracks, frame.width, frame.height)
        for i in due:
            part = surroundings(boxes[i], self._margin, frame.width, frame.height)
            if part is not None:
                image, scale = _cut(frame.image, part, self._side_px)
                hidden = tuple(place.seen_in(part[0], part[1], scale) for place in places)
                view = View(image, hidden, frame.time_s, float(flaws[i]))
                self._views.setdefault(tracks[i].id, []).append(view)
                self.held_bytes += image.nbytes
        self._make_room()

    def best(self, event: Event) -> View | None:
        """Return the view that shows best what an event is about: near in time, whole, uncovered."""
        views = self._views.get(event.track_id, [])
        return min(views, key=lambda view: abs(view.time_s - event.time_s) + view.flaw, default=None)

    def _is_due(self, track_id: int, now_s: float) -> bool:
        views = self._views.get(track_id)
        # half a millisecond: five frames of 1/25 s are 0.2 s but for the last binary digit
        return not views or now_s - views[-1].time_s >= _STEP_S - 5e-4

    def _forget(self, oldest_s: float) -> None:
        for track_id, views in list(self._views.items()):
            while views and views[0].time_s < oldest_s:
                self.held_bytes -= views.pop(0).image.nbytes
            if not views:
                del self._views[track_id]

    def _make_room(self) -> None:
        while self.held_bytes > self._most_bytes and self._views:
            most = max(self._views, key=lambda i: len(self._views[i]))
            self.held_bytes -= self._views[most].pop(0).image.nbytes
            if not self._views[most]:
                del self._views[most]


def surroundings(
    box: NDArray[np.float32], margin: float, width: int, height: int
) -> tuple[int, int, int, int] | None:
    """Return left, top, right, bottom of a box with its margin, in the picture; None if it is outside."""
    x1, y1, x2, y2 = box.tolist()
    if x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
        return None
    more = max(margin * max(x2 - x1, y2 - y1), _LEAST_MARGIN_PX)
    left, top = max(int(x1 - more), 0), max(int(y1 - more), 0)
    right, bottom = min(int(x2 + more) + 1, width), min(int(y2 + more) + 1, height)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _cut(image: Image, part: tuple[int, int, int, int], side_px: int) -> tuple[Image, float]:
    """Return a copy of a part, made smaller where it is larger than ``side_px``, and the scale."""
    left, top, right, bottom = part
    seen = image[top:bottom, left:right]
    height, width = seen.shape[:2]
    scale = min(side_px / max(height, width), 1.0)
    if scale == 1:
        return seen.copy(), scale
    cv2 = load_cv2()
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return cv2.resize(seen, size, interpolation=cv2.INTER_AREA), scale


def _flaws(
    boxes: NDArray[np.float32], tracks: Sequence[Track], width: int, height: int
) -> NDArray[np.float32]:
    """Return (N,) what speaks against each view: cut off, covered by somebody nearer, only predicted."""
    limit = np.array([width, height], np.float32) - _BORDER_PX
    at_border = (boxes[:, :2] < _BORDER_PX).any(1) | (boxes[:, 2:] > limit).any(1)
    outside = 1 - visible_share(boxes, width, height)
    nearer = boxes[None, :, 3] > boxes[:, None, 3]  # who stands lower in the picture stands in front
    covered = (intersections(boxes, boxes) * nearer).sum(1) / np.maximum(areas(boxes), 1)
    guessed = np.array([track.origin is Origin.PREDICTED for track in tracks])
    flaws = 0.4 * at_border + 2.0 * outside + 0.8 * np.minimum(covered, 1) + 0.5 * guessed
    return np.asarray(flaws, np.float32)

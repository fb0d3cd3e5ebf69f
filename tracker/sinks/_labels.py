"""Where to put labels, so that they hide neither other road users nor one another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import intersections

Boxes = NDArray[np.float32]


class LabelPlaces:
    """Finds a place beside each box; a label stays on its side until another is clearly better."""

    def __init__(self) -> None:
        """Begin with no label placed."""
        self._side: dict[int, int] = {}

    def place(
        self,
        boxes: Mapping[int, Boxes],
        sizes: Mapping[int, tuple[int, int]],
        width: int,
        height: int,
        occupied: Boxes,
    ) -> dict[int, tuple[int, int]]:
        """Return the left top corner of each track's label, in pixels.

        Args:
            boxes: float32 (4,) xyxy in pixels, by track id; all are kept free as far as possible.
            sizes: width and height of the label in pixels, by track id.
            width: of the picture in pixels.
            height: of the picture in pixels.
            occupied: float32 (N, 4) xyxy, other places to keep free.
        """
        taken = np.array([*occupied, *boxes.values()], np.float32).reshape(-1, 4)
        corners: dict[int, tuple[int, int]] = {}
        for track_id, box in boxes.items():
            places = _candidates(box, sizes[track_id], width, height)
            side = self._choose(track_id, intersections(places, taken).sum(axis=1), sizes[track_id])
            corners[track_id] = (int(places[side, 0]), int(places[side, 1]))
            taken = np.concatenate([taken, places[side : side + 1]])
        self._side = {track_id: side for track_id, side in self._side.items() if track_id in boxes}
        return corners

    def _choose(self, track_id: int, hidden: Boxes, size: tuple[int, int]) -> int:
        """Take the side that hides least; earlier sides and the last one have an advantage."""
        cost = hidden / (size[0] * size[1]) + np.array([0.0, 0.1, 0.2, 0.2], np.float32)
        if track_id in self._side:
            cost[self._side[track_id]] -= 0.25
        self._side[track_id] = int(cost.argmin())
        return self._side[track_id]


def _candidates(box: Boxes, size: tuple[int, int], width: int, height: int) -> Boxes:
    """Return four places (4, 4) xyxy: above, below, right, left; moved into the picture."""
    x1, y1, x2, y2 = np.round(box)
    w, h = size
    corners = np.array([(x1, y1 - h - 1), (x1, y2 + 2), (x2 + 2, y1), (x1 - w - 1, y1)], np.float32)
    corners = np.clip(corners, 0, (max(width - w, 0), max(height - h, 0)))
    return np.concatenate([corners, corners + np.array(size, np.float32)], axis=1)

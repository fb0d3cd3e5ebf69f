"""Hide people and number plates: a few large blocks in place of what could be recognised.

Persons, riders with what they ride, and everything of a class that is no vehicle are hidden as a whole; of
vehicles the lower part, where the plates are. Each region becomes a handful of mean colours with soft
steps between them: what is smaller than a block is gone from the picture, not only hard to see. It rather
hides too much. What the detector does not find, it cannot hide.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2
from tracker.sinks._known import Known, Presence
from tracker.types import FrameResult

Image = NDArray[np.uint8]

_LEAST_BLOCK_PX = 8.0
_BLOCKS = 5  # along the longer side of a person: the head is less than one block
_VEHICLE_BLOCKS = 7  # along the longer side of a vehicle: a plate is less than two
#: Plates sit low, but on tailgates half way up, and a box may begin above the roof.
_PLATES = 0.6
_TALL_PLATES = 0.5
_LOWER = {
    **dict.fromkeys(("car", "van", "taxi", "suv", "pickup", "ambulance", "vehicle"), _PLATES),
    **dict.fromkeys(("bus", "minibus", "coach", "truck", "lorry", "trailer", "tram", "train"), _TALL_PLATES),
}
#: Whose box may end at the saddle: the rider is looked for above it.
_RIDDEN = frozenset(("motorbike", "motorcycle", "bicycle", "bike", "moped", "scooter", "tricycle"))
_RIDER = 0.6  # of the box's height
_BUMPER = 0.08  # of the box's height, below it: a box that ends a little early must not show the plate


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the picture to hide.

    Attributes:
        box: xyxy in whole pixels; may reach out of the picture.
        block_px: side of the blocks that it becomes.
    """

    box: tuple[int, int, int, int]
    block_px: float

    def seen_in(self, left: int, top: int, scale: float) -> Place:
        """Return the same place in a part of the picture.

        Args:
            left: where the part begins, in pixels.
            top: likewise.
            scale: by which it was resized.
        """
        x1, y1, x2, y2 = self.box
        first = math.floor((x1 - left) * scale), math.floor((y1 - top) * scale)
        last = math.ceil((x2 - left) * scale), math.ceil((y2 - top) * scale)
        return Place((*first, *last), max(self.block_px * scale, _LEAST_BLOCK_PX))


class Blur:
    """Hides who is known on each frame; takes the results in order.

    Args:
        class_names: in the order of the labels.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        """Begin with nobody known."""
        self._names = class_names
        self._presence = Presence()

    def places(self, result: FrameResult) -> list[Place]:
        """Return what is to be hidden on the next result's frame; once for each result."""
        return [place_of(known, self._names) for known in self._presence.update(result)]

    def blurred(self, result: FrameResult) -> FrameResult:
        """Return the next result with a new picture, on which people and plates are hidden."""
        image = hide(result.frame.image, self.places(result))
        return replace(result, frame=replace(result.frame, image=image))


def place_of(known: Known, class_names: Sequence[str]) -> Place:
    """Return what must be hidden of one road user: of all that it may be, what hides most."""
    x1, y1, x2, y2 = known.box
    names = {class_names[label].lower() for label in known.labels}
    height = y2 - y1
    longest = max(x2 - x1, height)
    if names <= _LOWER.keys():
        top = y2 - height * max(_LOWER[name] for name in names)
        y2 += height * _BUMPER
        blocks = _VEHICLE_BLOCKS
    else:
        # a box that may as well be a person's has the rider inside
        top = y1 - height * (_RIDER if names & _RIDDEN and "person" not in names else 0.0)
        blocks = _BLOCKS
    box = (math.floor(x1), math.floor(top), math.ceil(x2), math.ceil(y2))
    return Place(box, max(longest / blocks, _LEAST_BLOCK_PX))


def hide(image: Image, places: Iterable[Place]) -> Image:
    """Return a copy of ``image``, uint8 (H, W, 3), in which the places are unrecognisable."""
    cv2 = load_cv2()
    hidden = image.copy()
    # A small false box on a face would show it again in blocks of its own: so the coarsest come last.
    for place in sorted(places, key=lambda place: place.block_px):
        x1, y1, x2, y2 = place.box
        part = slice(max(y1, 0), max(y2, 0)), slice(max(x1, 0), max(x2, 0))
        seen = image[part]
        if seen.size == 0:
            continue
        height, width = seen.shape[:2]
        grid = tuple(max(round(side / place.block_px), 1) for side in (width, height))
        blocks = cv2.resize(seen, grid, interpolation=cv2.INTER_AREA)
        hidden[part] = cv2.resize(blocks, (width, height), interpolation=cv2.INTER_LINEAR)
    return hidden

"""Finds the first frame of a new shot on thumbnails of 32 x 18 cells, in about 0.2 ms a frame.

Two thumbnails are compared after each is brought to mean 0 and deviation 1, so that a change of exposure
is no change. A new shot needs both

- *change*: the share of cells that differ by more than half a deviation. A car that fills a third of an
  otherwise empty road ruins the correlation of the whole picture, but changes few cells;
- *unlikeness*: one minus the correlation at the best shift of up to 4 x 2 cells, so that a panned or
  shaken camera is no cut,

and both far above what is usual in this shot. Two coming frames must not look like the one before the
change either, or it was a flash. Pictures without contrast (black, white) are passed over: what comes
after them is compared with what was before. A dissolve over many frames is not found.

On the clips and sequences of ``../shared/data``, where unlikeness exceeds 0.4, change is 0.66 or more at the
five cuts and at most 0.47 elsewhere, at the full frame rate or half of it; of 468 pairs of pictures from two
different clips 97 % lie above both thresholds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Thumbnail = NDArray[np.float32]

_ROWS, _COLUMNS = 18, 32
_SAMPLES = 3  # a side, for each cell
_CHANGE = 0.55
_UNLIKENESS = 0.4
_ABOVE_USUAL = 1.3
_USUAL_FRAMES = 8
_LOOK_AHEAD = 2
_BLANK_DEVIATION = 3.0
_LEAST_DEVIATION = 8.0  # below it, noise would be blown up to a change
_SHIFT_ROWS, _SHIFT_COLUMNS = 2, 4


def mark_cuts(
    items: Generator[T, None, None], image_of: Callable[[T], NDArray[np.uint8]], active: bool = True
) -> Generator[tuple[T, bool], None, None]:
    """Yield every item with whether a new shot begins there (never at the first), two items late.

    Args:
        items: in order; closed at the end.
        image_of: gives an item's picture, uint8 (H, W, 3).
        active: when False every item passes at once, with False.
    """
    shots = Shots()
    window: deque[tuple[T, Thumbnail]] = deque()
    try:
        for item in items:
            if not active:
                yield item, False
                continue
            window.append((item, thumbnail(image_of(item))))
            if len(window) > _LOOK_AHEAD:
                yield _leave(window, shots)
        while window:
            yield _leave(window, shots)
    finally:
        items.close()


def _leave(window: deque[tuple[T, Thumbnail]], shots: Shots) -> tuple[T, bool]:
    item, thumb = window.popleft()
    return item, shots.begins(thumb, [later for _, later in window])


class Shots:
    """Follows one film, thumbnail by thumbnail."""

    def __init__(self) -> None:
        """Begin before the first frame."""
        self._before: Thumbnail | None = None
        self._usual: deque[float] = deque(maxlen=_USUAL_FRAMES)

    def begins(self, thumb: Thumbnail, coming: Sequence[Thumbnail]) -> bool:
        """Return whether a new shot begins at ``thumb``, given the next few."""
        if is_blank(thumb):
            return False
        if self._before is None:
            self._before = thumb
            return False
        before, changed = self._before, change(self._before, thumb)
        if changed <= max(_CHANGE, _ABOVE_USUAL * max(self._usual, default=0.0)) or not _unlike(
            before, thumb
        ):
            self._usual.append(changed)
            self._before = thumb
            return False
        if _returns(before, coming):  # a flash: go on comparing with what was before it
            return False
        self._usual.clear()
        self._before = thumb
        return True


def thumbnail(image: NDArray[np.uint8]) -> Thumbnail:
    """Return float32 (18, 32): the green channel, averaged over 9 samples a cell."""
    height, width = image.shape[:2]
    rows = np.arange(_ROWS * _SAMPLES) * height // (_ROWS * _SAMPLES)
    columns = np.arange(_COLUMNS * _SAMPLES) * width // (_COLUMNS * _SAMPLES)
    samples = image[rows[:, None], columns, 1].astype(np.float32)
    cells: Thumbnail = samples.reshape(_ROWS, _SAMPLES, _COLUMNS, _SAMPLES).mean((1, 3))
    return cells


def is_blank(thumb: Thumbnail) -> bool:
    """Return whether a picture has no contrast: black, white, or lens covered."""
    return float(thumb.std()) < _BLANK_DEVIATION


def change(one: Thumbnail, two: Thumbnail) -> float:
    """Return the share of cells, in [0, 1], that differ by more than half a deviation."""
    return float((np.abs(_levelled(one) - _levelled(two)) > 0.5).mean())


def unlikeness(one: Thumbnail, two: Thumbnail) -> float:
    """Return 1 minus the correlation, in [0, 2], at the shift at which it is highest."""
    rows, columns = range(-_SHIFT_ROWS, _SHIFT_ROWS + 1), range(-_SHIFT_COLUMNS, _SHIFT_COLUMNS + 1)
    shifts = ((r, c) for r in rows for c in columns)
    return 1.0 - max(_correlation(_cropped(one, r, c), _cropped(two, -r, -c)) for r, c in shifts)


def _unlike(one: Thumbnail, two: Thumbnail) -> bool:
    return unlikeness(one, two) > _UNLIKENESS


def _returns(before: Thumbnail, coming: Iterable[Thumbnail]) -> bool:
    seen = [later for later in coming if not is_blank(later)]
    return any(change(before, later) <= _CHANGE or not _unlike(before, later) for later in seen)


def _levelled(thumb: Thumbnail) -> Thumbnail:
    levelled: Thumbnail = (thumb - thumb.mean()) / np.float32(max(float(thumb.std()), _LEAST_DEVIATION))
    return levelled


def _cropped(thumb: Thumbnail, rows: int, columns: int) -> Thumbnail:
    return thumb[max(0, rows) : _ROWS + min(0, rows), max(0, columns) : _COLUMNS + min(0, columns)]


def _correlation(one: Thumbnail, two: Thumbnail) -> float:
    a, b = one - one.mean(), two - two.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-6))

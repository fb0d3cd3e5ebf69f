"""Where the responses of many correlation filters are highest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Peaks:
    """The highest places of N responses.

    Attributes:
        shift: float32 (N, 2), from the response's origin, x and y in cells; the response is periodic.
        height: float32 (N,); 1 is the response to what was learnt itself.
    """

    shift: Floats
    height: Floats


def find_peaks(response: Floats) -> Peaks:
    """Return the peaks of responses (N, H, W), to a fraction of a cell."""
    number, rows, columns = response.shape
    flat = response.reshape(number, -1)
    at = flat.argmax(1)
    every = np.arange(number)
    y, x = at // columns, at % columns
    height = flat[every, at]
    dx = vertex(response[every, y, x - 1], height, response[every, y, (x + 1) % columns])
    dy = vertex(response[every, y - 1, x], height, response[every, (y + 1) % rows, x])
    size = np.array([columns, rows])
    shift = (np.stack([x + dx, y + dy], 1) + size / 2) % size - size / 2
    return Peaks(shift.astype(np.float32), height)


def vertex(before: Floats, peak: Floats, after: Floats) -> Floats:
    """Return the place of the vertex of parabolas through three neighbours, in [-1, 1]; 0 is the middle."""
    bend = np.minimum(before - 2 * peak + after, np.float32(-1e-9))
    place: Floats = np.clip(0.5 * (before - after) / bend, -1, 1)
    return place

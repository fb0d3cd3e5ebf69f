"""How fast a vehicle was at a moment, and how sure that is.

Its boxes of some two seconds become places on the road, and a motion with a little acceleration is laid
through them (Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 35, 1964).
Three things that boxes do are taken into account. All constants were found on rendered videos with known
speeds; benchmarks/speeds.py says on which, and what they come to on others.

- A detector's error is not new on every frame: it stays until the vehicle has moved on by a metre or so.
  Errors therefore have a memory, and a hundred frames of a slow car say little more than ten (``_memory_s``).
- A box that a filter carries drifts until the next look; where there are looks enough, they alone are read.
- A box too high for its distance mostly reaches too low as well as too far up (``_feet``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracker.analytics._seen import Seen
from tracker.types import Origin

if TYPE_CHECKING:
    from tracker.scene.plane import RoadPlane, Ruler

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Boxes this long before and after the moment are read.
WINDOW_S = 1.5
#: Fewer boxes, a shorter time, or a moment this far from the first or last of them say nothing.
LEAST_BOXES = 4
LEAST_SPAN_S = 0.4
REACH_S = 0.5
#: Looks alone are read where they cover this share of the time.
_LOOKS_SPAN = 0.7
#: A box touches the border when it is nearer to it than this share of the picture, or of itself.
_BORDER_OF_PICTURE = 0.004
_BORDER_OF_BOX = 0.08
#: How far beside a lane it measures, in widths of the vehicle's box: the lane and its neighbour.
_LANES_REACH = 1.5
#: Standard deviation of the lower side where the residuals do not say it, as a share of the geometric mean of
#: the box's height and the picture's longer side, and how many independent residuals that weighs as.
_JITTER = 0.0065
_JITTER_WEIGHS = 4.0
#: Jitter in metres grows with the metres of a pixel to this power: far boxes jitter by fewer pixels.
_FAR_POWER = 0.75
#: Errors fade while the vehicle moves on by so many metres, within these seconds.
_MEMORY_M = 1.3
_MEMORY_S = (0.12, 1.0)
#: Standard deviation of accelerations, in m/s2.
_ACCELERATION = 1.5
#: Residuals above so many standard deviations count less.
_HUBER = 2.5
_ROUNDS = 3
#: Boxes that jitter so many times as much as boxes do are those of two vehicles that were taken for one.
_NO_MOTION = 3.0
#: Share of a box's surplus height that its lower side is moved up by. The power is between that of an upright
#: board (1) and of a shadow on the road (2): a car that is seen from a mast is some of both.
_SURPLUS = 0.2
_HEIGHT_POWER = 1.3
#: What remains, of the speed (errors that change with the distance, the height of bumpers) and in km/h.
_SYSTEMATIC = 0.01
_SYSTEMATIC_KMH = 0.4
#: The former along a lane: vehicles do not keep to its middle, and cameras are not quite level.
_SYSTEMATIC_LANE = 0.02
#: Half width of the 90 % interval in standard deviations.
_NORMAL_90 = 1.645
_KMH = 3.6


@dataclass(frozen=True, slots=True)
class Speed:
    """A speed over ground.

    Attributes:
        kmh: at least 0.
        error_kmh: half of the width of its 90 % interval.
    """

    kmh: float
    error_kmh: float


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """A vehicle's way along its direction.

    Attributes:
        times_s: float64 (N,), from the moment that is asked for.
        along_m: float64 (N,).
        spread: float64 (N,), how unsure each place is, in units of ``jitter_m``.
        jitter_m: what boxes of this size are unsure by, in the middle.
    """

    times_s: Array
    along_m: Array
    spread: Array
    jitter_m: float


def speed_at(plane: RoadPlane, size: tuple[int, int], seen: Sequence[Seen], at_s: float) -> Speed | None:
    """Return the speed of a vehicle at a moment.

    Boxes at the picture's border are not read, nor predicted ones, nor those more than ``WINDOW_S`` away.
    Where they are on one side of the moment only, the error is about twice as large.

    Args:
        plane: the calibration, in pixels of the source frame.
        size: width and height of the source frame.
        seen: the vehicle's boxes around that moment, in the order of time.
        at_s: the moment, in the time of ``seen``.

    Returns:
        None where the boxes are too few, of too short a time, not on what the calibration covers, or jump as
        the boxes of no single vehicle do.
    """
    times_s, boxes = _read(size, seen, at_s)
    if not _enough(times_s):
        return None
    nearest = boxes[np.abs(times_s).argmin()]
    reach_px = _LANES_REACH * float(nearest[2] - nearest[0])
    ruler = plane.ruler(((nearest[0] + nearest[2]) / 2, nearest[3]), reach_px)
    if ruler is None:
        return None
    feet = _feet(ruler, boxes)
    places = ruler.on_road(feet)
    if not np.isfinite(places).all():  # above the horizon: what moves there is not on this road
        return None
    jitter_px = _JITTER * float(np.sqrt(np.median(boxes[:, 3] - boxes[:, 1]) * max(size)))
    motion = _fitted(_way(ruler, times_s, feet, places, jitter_px))
    if motion is None:
        return None
    velocity, std = motion
    kmh, scale = abs(velocity) * _KMH, _scale_std(ruler, feet, places)
    variance = (std * _KMH) ** 2 + (scale * kmh) ** 2 + _SYSTEMATIC_KMH**2
    return Speed(kmh, _NORMAL_90 * float(np.sqrt(variance)))


def _read(size: tuple[int, int], seen: Sequence[Seen], at_s: float) -> tuple[Array, Array]:
    """Return times (N,) from ``at_s`` and boxes (N, 4) of those that say where the vehicle is."""
    rows: list[tuple[float, ...]] = []
    whole, last_s = True, -np.inf
    for s in _confirmed(seen):
        if s.origin is Origin.DETECTED:
            whole = _inside(size, s)  # what is carried on from a box that the border cut is no better
        good = whole and s.origin is not Origin.PREDICTED and s.time_s > last_s
        if good and abs(s.time_s - at_s) <= WINDOW_S and _inside(size, s):
            rows.append((s.time_s - at_s, s.x1, s.y1, s.x2, s.y2, s.origin is Origin.DETECTED))
            last_s = s.time_s
    table = np.array(rows, np.float64).reshape(-1, 6)
    looks = table[table[:, 5] > 0]
    if _enough(looks[:, 0]) and np.ptp(looks[:, 0]) >= _LOOKS_SPAN * np.ptp(table[:, 0]):
        table = looks
    return table[:, 0], table[:, 1:5]


def _confirmed(seen: Sequence[Seen]) -> Sequence[Seen]:
    """Return all up to the last look: what came after it may already be carried on by something else."""
    last = next((i for i in reversed(range(len(seen))) if seen[i].origin is Origin.DETECTED), len(seen) - 1)
    return seen[: last + 1]


def _inside(size: tuple[int, int], s: Seen) -> bool:
    """Return whether a box keeps clear of the border: near it a detector's box ends short of it."""
    side = max(_BORDER_OF_PICTURE * size[0], _BORDER_OF_BOX * (s.x2 - s.x1))
    floor = max(_BORDER_OF_PICTURE * size[1], _BORDER_OF_BOX * (s.y2 - s.y1))
    return s.x1 > side and s.y1 > floor and s.x2 < size[0] - side and s.y2 < size[1] - floor


def _enough(times_s: Array) -> bool:
    if len(times_s) < LEAST_BOXES:
        return False
    first, last = float(times_s[0]), float(times_s[-1])
    return last - first >= LEAST_SPAN_S and first <= REACH_S and last >= -REACH_S


def _feet(ruler: Ruler, boxes: Array) -> Array:
    """Return where boxes (N, 4) stand, in pixels (N, 2): the middle of the lower side, a little corrected.

    Upper and lower side err for themselves. By how much a box is higher than its distance and the vehicle's
    other boxes let expect, is the difference of both errors, and a share of it the lower side's.
    """
    lower = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)
    heights = boxes[:, 3] - boxes[:, 1]
    expected = np.maximum(ruler.nearness(lower), 1e-9) ** _HEIGHT_POWER
    lower[:, 1] -= _SURPLUS * (heights - expected * np.median(heights / expected))
    return lower


def _way(ruler: Ruler, times_s: Array, feet: Array, places: Array, jitter_px: float) -> _Way:
    velocity = _slope(times_s, places)
    direction = velocity / max(float(np.linalg.norm(velocity)), 1e-9)
    per_pixel = np.linalg.norm(direction @ ruler.metres_per_pixel(feet), axis=1)
    middle = float(np.median(per_pixel))
    return _Way(times_s, places @ direction, (per_pixel / middle) ** _FAR_POWER, jitter_px * middle)


def _fitted(way: _Way) -> tuple[float, float] | None:
    """Return velocity at time 0 and its standard deviation, in m/s; None where no motion fits.

    Place, velocity and acceleration by iterated weighted least squares; the acceleration is held near 0 by
    its prior, so that one side alone of the moment gives a velocity too, with the error that this entails.
    """
    times = way.times_s
    columns = np.stack([np.ones_like(times), times, times**2 / 2], axis=1)
    table = np.column_stack([columns, way.along_m])
    memory_s = _memory_s(way)
    fading = np.exp(-np.diff(times) / memory_s)
    independent = min(float(len(times)), 1 + (times[-1] - times[0]) / (2 * memory_s))
    std_m, weights = way.jitter_m, np.ones_like(times)
    for _ in range(_ROUNDS):
        white = _whitened(table * (np.sqrt(weights) / way.spread)[:, None], fading)
        normal = white[:, :3].T @ white[:, :3]
        normal[2, 2] += (std_m / _ACCELERATION) ** 2
        inverse = np.linalg.inv(normal)
        motion = inverse @ (white[:, :3].T @ white[:, 3])
        residual = np.abs(way.along_m - columns @ motion) / way.spread
        weights = np.minimum(1.0, _HUBER * std_m / np.maximum(residual, 1e-12))
        std_m = _jitter_m(way, weights * residual**2, independent)
    if std_m > _NO_MOTION * way.jitter_m:
        return None
    # outliers move the speed less than they say about how well it is known
    all_m = _jitter_m(way, residual**2, independent)
    return float(motion[1]), float(all_m * np.sqrt(inverse[1, 1]))


def _jitter_m(way: _Way, squares: Array, independent: float) -> float:
    """Return the standard deviation of places by squared residuals (N,) and what boxes are known for."""
    total = independent * float(squares.mean()) + _JITTER_WEIGHS * way.jitter_m**2
    return float(np.sqrt(total / (max(independent - 3, 0.0) + _JITTER_WEIGHS)))


def _memory_s(way: _Way) -> float:
    speed = abs(float(_slope(way.times_s, way.along_m)))
    return float(np.clip(_MEMORY_M / max(speed, 1e-6), *_MEMORY_S))


def _whitened(rows: Array, fading: Array) -> Array:
    """Return rows whose errors are independent, of rows (N, K) whose errors fade like an AR(1) process."""
    white = rows.copy()
    white[1:] = (rows[1:] - fading[:, None] * rows[:-1]) / np.sqrt(1 - fading**2)[:, None]
    return white


def _scale_std(ruler: Ruler, feet: Array, places: Array) -> float:
    """Return how unsure lengths on this way are, as a share of them; the jitter of boxes left aside."""
    way_m = float(np.linalg.norm(places[-1] - places[0]))
    marks = float(ruler.distance_std(feet[:1], feet[-1:])[0]) / max(way_m, 1.0)
    return float(np.hypot(marks, _SYSTEMATIC if ruler.ends is None else _SYSTEMATIC_LANE))


def _slope(times_s: Array, values: Array) -> Array:
    centred = times_s - times_s.mean()
    slope: Array = centred @ values / (centred @ centred)
    return slope

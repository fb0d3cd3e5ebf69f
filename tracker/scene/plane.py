"""Pixels to metres on the road, and how sure that is.

A flat road and a pinhole camera make the way from metres to pixels a projective map: of the plane, where four
points or more are known (a homography), or of one straight lane, where distances along it are known. Both are
estimated in the same way (Hartley and Zisserman, "Multiple View Geometry in Computer Vision", 2nd edition):
the normalised direct linear transform (algorithm 4.2; of a line with one coordinate less) begins, and least
squares of the distances in the picture end it (section 4.5). What the marked pixels leave unsure is carried
to the map's parameters (section 5.2) and from there to any distance on the road.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from tracker.errors import SceneError
from tracker.scene.model import Calibration, Lane, Point

Array = NDArray[np.float64]

#: Standard deviation of a marked pixel where nothing says it, as a share of the picture's width: 1 px of 640.
MARK_STD_OF_WIDTH = 1 / 640
#: How many residuals that default weighs as: two residuals alone may be small by luck.
_DEFAULT_WEIGHS = 2.0
#: Three points count as on one line when their triangle is this much flatter than the whole is wide.
_FLAT = 1e-3
#: A lane that rises in the picture by less than this share of its width is measured by columns, not by rows.
_LEVEL = 0.25
#: A lane's points may stray from their straight line by this share of its length.
_BEND = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class Ruler:
    """A projective map between D coordinates of the road in metres and as many of the picture in pixels.

    Attributes:
        axes: which coordinates of a pixel it reads: (0, 1) for a plane; (1,) for a lane, so that what drives
            beside it is measured at the same height: for a camera that is not rolled the points of a row
            are on a line across the road, and who drives parallel to the lane has the exact speed. A lane
            that is level in the picture is measured by columns, (0,); what drives beside it is seen too fast
            or too slow by as much as it is nearer or farther.
        matrix: float64 (D + 1, D + 1), homogeneous metres to homogeneous pixels, both normalised.
        inverse: float64 (D + 1, D + 1), of ``matrix``.
        covariance: float64 (K, K) of its K = (D + 1)^2 - 1 entries but the last, which is 1.
        pixels: middle (D,) and size of the marked pixels, that normalise.
        metres: the same of the marked metres.
        mark_std_px: standard deviation of the marked pixels.
        ends: of a lane the ends in the picture, float64 (2, 2) in pixels; None of a plane.
    """

    axes: tuple[int, ...]
    matrix: Array
    inverse: Array
    covariance: Array
    pixels: tuple[Array, float]
    metres: tuple[Array, float]
    mark_std_px: float
    ends: Array | None = None

    def on_road(self, points: ArrayLike) -> Array:
        """Return metres (N, D) of pixels (N, 2); NaN on and above the horizon."""
        return self.metres[0] + self.metres[1] * self._unit_metres(points)

    def metres_per_pixel(self, points: ArrayLike) -> Array:
        """Return the Jacobian (N, D, D) of ``on_road`` at pixels (N, 2), by the coordinates of ``axes``."""
        unit = _by_metres(self.matrix, self._unit_metres(points))
        return _inverse(unit) * (self.metres[1] / self.pixels[1])

    def nearness(self, points: ArrayLike) -> Array:
        """Return one over the depth (N,) of pixels (N, 2) on the road, in a unit of its own.

        What stands on the road looks as much larger as it is nearer. At most 0 on and above the horizon.
        """
        return self._whole_metres(points)[:, -1]

    def distance_std(self, start: ArrayLike, end: ArrayLike) -> Array:
        """Return how unsure the calibration leaves distances on the road.

        Args:
            start: pixels (N, 2) on the road.
            end: pixels (N, 2) on the road, elsewhere.

        Returns:
            Standard deviations (N,) in metres; exact pixels, unsure marks.
        """
        both = self._unit_metres(np.concatenate([start, end]))
        before, after = np.split(both, 2)
        changes_before, changes_after = np.split(self._by_entries(both), 2)
        way = after - before
        along = way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-12)
        slopes = (along[:, None] @ (changes_after - changes_before))[:, 0]
        variance = ((slopes @ self.covariance) * slopes).sum(axis=1)
        std: Array = self.metres[1] * np.sqrt(np.maximum(variance, 0.0))
        return std

    def distance_px(self, point: ArrayLike) -> float:
        """Return how far a pixel (2,) is beside the lane, level or upright; 0 on a plane."""
        if self.ends is None:
            return 0.0
        along, across = self.axes[0], 1 - self.axes[0]
        (start, end), where = self.ends, np.asarray(point, np.float64)
        share = (where[along] - start[along]) / (end[along] - start[along])
        return float(abs(where[across] - start[across] - share * (end[across] - start[across])))

    def _unit_metres(self, points: ArrayLike) -> Array:
        ends = self._whole_metres(points)
        last = np.where(ends[:, -1:] > 1e-9, ends[:, -1:], np.nan)
        unit: Array = ends[:, :-1] / last
        return unit

    def _whole_metres(self, points: ArrayLike) -> Array:
        pixels = np.asarray(points, np.float64).reshape(-1, 2)[:, self.axes]
        unit = (pixels - self.pixels[0]) / self.pixels[1]
        whole: Array = unit @ self.inverse[:, :-1].T + self.inverse[:, -1]
        return whole

    def _by_entries(self, metres: Array) -> Array:
        """Return what metres (N, D) of fixed pixels change with the matrix's entries (N, D, K)."""
        return -_inverse(_by_metres(self.matrix, metres)) @ _by_entries(self.matrix, metres)


@dataclass(frozen=True, slots=True)
class RoadPlane:
    """All that a calibration says.

    Attributes:
        rulers: one for the whole plane, or one a lane.
    """

    rulers: tuple[Ruler, ...]

    @classmethod
    def of(cls, calibration: Calibration, origin: str = "scene", width_px: float | None = None) -> RoadPlane:
        """Build it from a calibration; four points come before lanes.

        Args:
            calibration: in pixels.
            origin: what a message calls the file.
            width_px: width of the picture, for how exactly its points were marked; None: they are as far
                apart as it is wide.

        Raises:
            SceneError: the points do not say a plane, or a lane's points no straight lane.
        """
        if calibration.points:
            pixels = [known.pixel for known in calibration.points]
            metres = np.array([known.metres for known in calibration.points], np.float64)
            return cls((_plane(pixels, metres, f"{origin}: calibration.point", width_px),))
        if not calibration.lanes:
            raise SceneError(f"{origin}: calibration needs four points or more, or a lane")
        return cls(tuple(_lane(lane, f"{origin}: calibration.lane", width_px) for lane in calibration.lanes))

    def ruler(self, point: ArrayLike, reach_px: float) -> Ruler | None:
        """Return what measures at a pixel (2,) on the road.

        A plane measures everywhere. A lane measures what is at most ``reach_px`` beside it; one and a half
        widths of the vehicle's box are its own lane and the next.
        """
        nearest = min(self.rulers, key=lambda ruler: ruler.distance_px(point))
        return nearest if nearest.distance_px(point) <= reach_px else None


def _plane(points: Sequence[Point], metres: Array, where: str, width_px: float | None) -> Ruler:
    pixels = np.array(points, np.float64)
    if len(pixels) < 4:
        raise SceneError(f"{where}: four points or more are needed, not {len(pixels)}")
    for name, values in (("pixel", pixels), ("metres", metres)):
        if not _spans_plane(values):
            raise SceneError(f"{where}: {name}: needs four points of which no three are on one line")
    return _fitted((0, 1), pixels, metres, where, width_px)


def _lane(lane: Lane, where: str, width_px: float | None) -> Ruler:
    points, metres = np.array(lane.points, np.float64), np.array(lane.metres, np.float64)[:, None]
    if len(points) < 3 or len(points) != len(metres):
        raise SceneError(f"{where}: three points or more are needed, and as many metres")
    middle = points.mean(axis=0)
    _, sizes, turn = np.linalg.svd(points - middle)
    along = (points - middle) @ turn[0]
    if sizes[0] <= 0 or sizes[1] / sizes[0] > _BEND:
        raise SceneError(f"{where}: points: must lie along one straight line")
    if not _same_order(along, metres[:, 0]):
        raise SceneError(f"{where}: points and metres: must follow one another along the lane")
    ends = middle + np.array([[along.min()], [along.max()]]) * turn[0]
    axis = int(np.ptp(points[:, 1]) >= _LEVEL * np.ptp(points[:, 0]))
    return _fitted((axis,), points, metres, where, width_px, ends)


def _fitted(
    axes: tuple[int, ...],
    points: Array,
    metres: Array,
    where: str,
    width_px: float | None,
    ends: Array | None = None,
) -> Ruler:
    """Return the map between metres (N, D) and the pixels (N, 2) by which they were marked."""
    (pixels, pixel_norm), (unit_metres, metre_norm) = _normalised(points[:, axes]), _normalised(metres)
    matrix = _refined(_linear(unit_metres, pixels), unit_metres, pixels)
    if (_homogeneous(unit_metres) @ matrix[-1]).min() <= 0:
        raise SceneError(f"{where}: no camera sees the points like this; are two of them exchanged?")
    width_px = float(np.ptp(points, axis=0).max()) if width_px is None else width_px
    default = MARK_STD_OF_WIDTH * width_px / pixel_norm[1]
    residual = _projected(matrix, unit_metres) - pixels
    spare = residual.size - (matrix.size - 1)
    variance = float((residual**2).sum() + _DEFAULT_WEIGHS * default**2) / (spare + _DEFAULT_WEIGHS)
    slopes = _by_entries(matrix, unit_metres).reshape(-1, matrix.size - 1)
    covariance = _inverse(slopes.T @ slopes) * variance
    mark_std_px = float(np.sqrt(variance)) * pixel_norm[1]
    return Ruler(axes, matrix, _inverse(matrix), covariance, pixel_norm, metre_norm, mark_std_px, ends)


def _refined(first: Array, metres: Array, pixels: Array) -> Array:
    """Return the map with the least squares in the picture (Hartley and Zisserman, section 4.5).

    That is the likeliest one where pixels err and metres do not. ``first`` comes back where some points are
    behind its camera: there is nothing to refine then.
    """
    if (_homogeneous(metres) @ first[-1]).min() <= 0:
        return first

    def residual(entries: Array) -> Array:
        return (_projected(_matrix(entries, len(first)), metres) - pixels).ravel()

    def slopes(entries: Array) -> Array:
        return _by_entries(_matrix(entries, len(first)), metres).reshape(pixels.size, -1)

    best = least_squares(residual, first.ravel()[:-1], slopes, method="lm", xtol=1e-12, ftol=1e-12)
    return _matrix(best.x, len(first))


def _linear(metres: Array, pixels: Array) -> Array:
    """Return the direct linear transform of normalised points (Hartley and Zisserman, algorithm 4.2)."""
    whole = _homogeneous(metres)
    size = whole.shape[1]
    rows = np.zeros((size - 1, len(metres), size, size))
    for i in range(size - 1):
        rows[i, :, i], rows[i, :, -1] = whole, -pixels[:, i, None] * whole
    # all right singular vectors: of four points there is one more than rows
    matrix: Array = np.linalg.svd(rows.reshape(-1, size * size))[2][-1].reshape(size, size)
    last = matrix[-1, -1]  # depth of the middle of the points: not 0 where all are before the camera
    return matrix / (last if abs(last) > 1e-12 else 1e-12)


def _matrix(entries: Array, size: int) -> Array:
    return np.append(entries, 1.0).reshape(size, size)


def _projected(matrix: Array, metres: Array) -> Array:
    ends = _homogeneous(metres) @ matrix.T
    pixels: Array = ends[:, :-1] / ends[:, -1:]
    return pixels


def _by_metres(matrix: Array, metres: Array) -> Array:
    """Return the Jacobian (N, D, D) of the projected pixels by metres (N, D)."""
    depth = _homogeneous(metres) @ matrix[-1]
    pixels = _projected(matrix, metres)
    slopes = matrix[:-1, :-1] - pixels[:, :, None] * matrix[-1, :-1]
    by_metres: Array = slopes / depth[:, None, None]
    return by_metres


def _by_entries(matrix: Array, metres: Array) -> Array:
    """Return the Jacobian (N, D, K) of the projected pixels of metres (N, D) by the matrix's entries."""
    count, size = len(metres), len(matrix)
    whole = _homogeneous(metres)
    share = whole / (whole @ matrix[-1])[:, None]
    slopes = np.zeros((count, size - 1, size, size))
    for i in range(size - 1):
        slopes[:, i, i] = share
    slopes[:, :, -1] = -_projected(matrix, metres)[:, :, None] * share[:, None]
    return slopes.reshape(count, size - 1, -1)[:, :, :-1]


def _inverse(matrices: Array) -> Array:
    return np.asarray(np.linalg.inv(matrices), np.float64)


def _homogeneous(points: Array) -> Array:
    return np.concatenate([points, np.ones((len(points), 1))], axis=1)


def _normalised(points: Array) -> tuple[Array, tuple[Array, float]]:
    """Return points moved to their middle and brought to size 1, with both (Hartley and Zisserman, 4.4.4)."""
    middle = points.mean(axis=0)
    size = float(np.sqrt(((points - middle) ** 2).sum(axis=1).mean()))
    return (points - middle) / size, (middle, size)


def _spans_plane(points: Array) -> bool:
    """Return whether some four of the points have no three on one line: less leaves the map open."""
    least = _FLAT * float(np.ptp(points, axis=0).max()) ** 2
    return any(
        all(_triangle(points[list(three)]) > least for three in itertools.combinations(four, 3))
        for four in itertools.combinations(range(len(points)), 4)
    )


def _triangle(corners: Array) -> float:
    (ax, ay), (bx, by) = corners[1] - corners[0], corners[2] - corners[0]
    return float(abs(ax * by - ay * bx))


def _same_order(along: Array, metres: Array) -> bool:
    steps = np.diff(along[np.argsort(metres)])
    return bool(np.all(steps > 0) or np.all(steps < 0)) and len(set(metres.tolist())) == len(metres)

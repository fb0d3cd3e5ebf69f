"""How boxes move on their own: one constant-velocity Kalman filter a coordinate, for many tracks at once.

A box is four numbers: centre x, centre y, width, height. Each is filtered by itself, so that a track is
four filters of two states (value x and its rate v, in pixels and pixels a second) instead of one of
eight: the matrices are block-diagonal in SORT and ByteTrack too, and 2x2 blocks need no solver.

Time runs in seconds. Over a step dt, with white noise of spectral density q as acceleration
(Bar-Shalom, Li and Kirubarajan, Estimation with Applications to Tracking and Navigation, 2001, 6.2.2):

    F = [1 dt]    Q = q [dt^3/3  dt^2/2]
        [0  1]          [dt^2/2  dt    ]

so that two steps of dt/2 give exactly what one of dt gives, whatever the frame rate. The rates of width
and height die away with a time constant tau (an integrated Ornstein-Uhlenbeck process): a box whose
growth is extrapolated linearly while nobody looks fills the picture or vanishes. With a = exp(-dt/tau):

    F = [1 tau(1-a)]   Q = q [tau^2 (dt - 2 tau(1-a) + tau/2 (1-a^2))   tau^2/2 (1-a)^2]
        [0     a   ]         [tau^2/2 (1-a)^2                           tau/2 (1-a^2)  ]

All noise is proportional to the size of the box, sqrt(width * height), as in SORT (Bewley et al. 2016)
and DeepSORT (Wojke et al. 2017): a near car is measured, and swerves, in larger steps than a far one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors import boxes as boxlib

Array = NDArray[np.float64]
_MIN_SIDE_PX = 1.0


@dataclass(frozen=True, slots=True)
class MotionConfig:
    """Noise of the motion, in units of the box size s = sqrt(width * height).

    Attributes:
        measure: standard deviation of a measured centre or side, in s.
        acceleration: root spectral density of the centre's acceleration, in s / second^1.5.
        growth: the same for width and height.
        first_velocity: standard deviation of the velocity of a new track, in s / second.
        first_growth: the same for the rates of width and height.
        growth_decay_s: time constant with which the rates of width and height die away.
    """

    measure: float = 0.05
    acceleration: float = 0.35
    growth: float = 0.3
    first_velocity: float = 4.0
    first_growth: float = 0.3
    growth_decay_s: float = 0.8


class KalmanBank:
    """Kalman filters of many tracks, keyed by track id.

    Every method takes all its tracks at once. Ids that are not in the bank are a ``KeyError`` in
    ``boxes``, ``velocities``, ``spread`` and ``update``; ``stop`` ignores them.
    """

    def __init__(self, config: MotionConfig | None = None) -> None:
        """Begin with no tracks."""
        config = config or MotionConfig()
        self._config = config
        self._density = (
            np.array([config.acceleration, config.acceleration, config.growth, config.growth]) ** 2
        )
        self._rows: dict[int, int] = {}
        self._mean = np.zeros((0, 4, 2))  # [track, coordinate, (value, rate)]
        self._cov = np.zeros((0, 4, 3))  # [track, coordinate, (value-value, value-rate, rate-rate)]
        self._size = np.zeros((0,))  # s at the last measurement: constant while predicting

    def __contains__(self, track_id: int) -> bool:
        """Return whether ``track_id`` is in the bank."""
        return track_id in self._rows

    def start(self, ids: Sequence[int], boxes: ArrayLike, velocities: ArrayLike | None = None) -> None:
        """Begin tracks, or begin known ones anew.

        Args:
            ids: N different track ids.
            boxes: (N, 4) xyxy in pixels.
            velocities: (N, 2) px/s of the centre where known; unknown is zero with a wide spread.
        """
        if not len(ids):
            return
        self.stop(ids)
        measured = _measured(boxes)
        mean = np.zeros((len(ids), 4, 2))
        mean[:, :, 0] = measured
        if velocities is not None:
            mean[:, :2, 1] = np.asarray(velocities, np.float64).reshape(-1, 2)
        size = _size(measured)
        first = self._config.first_velocity
        rate = np.array([first, first, self._config.first_growth, self._config.first_growth])
        cov = np.zeros((len(ids), 4, 3))
        cov[:, :, 0] = (self._config.measure * size[:, None]) ** 2
        cov[:, :, 2] = (rate * size[:, None]) ** 2
        base = len(self._rows)
        self._rows.update({int(track_id): base + i for i, track_id in enumerate(ids)})
        self._mean = np.concatenate([self._mean, mean])
        self._cov = np.concatenate([self._cov, cov])
        self._size = np.concatenate([self._size, size])

    def predict(self, dt_s: float) -> None:
        """Move every track ``dt_s`` seconds on: x <- F x, P <- F P F' + Q.

        Args:
            dt_s: at least 0; 0 changes nothing.

        Raises:
            ValueError: ``dt_s`` is negative or not finite.
        """
        if not 0.0 <= dt_s < np.inf:
            raise ValueError(f"a time step is at least 0 s and finite, not {dt_s}")
        if dt_s == 0.0 or not self._rows:
            return
        reach, keep, noise = _transition(dt_s, self._config.growth_decay_s)
        value, cross, rate = self._cov[:, :, 0], self._cov[:, :, 1], self._cov[:, :, 2]
        density = self._density * self._size[:, None] ** 2
        self._cov = np.stack(
            [
                value + 2 * reach * cross + reach**2 * rate + density * noise[0],
                keep * (cross + reach * rate) + density * noise[1],
                keep**2 * rate + density * noise[2],
            ],
            axis=-1,
        )
        velocity = self._mean[:, :, 1]
        self._mean = np.stack([self._mean[:, :, 0] + reach * velocity, keep * velocity], axis=-1)

    def update(self, ids: Sequence[int], boxes: ArrayLike, noise_scale: ArrayLike = 1.0) -> None:
        """Correct tracks by measured boxes: K = P H' / S, x <- x + K y, P <- P - K S K'.

        Args:
            ids: N different track ids of the bank.
            boxes: (N, 4) xyxy in pixels.
            noise_scale: scalar or (N,), factor on the standard deviation of the measurement; above 1
                for boxes that are less exact than a detection (propagated, low score).
        """
        if not len(ids):
            return
        rows = self._find(ids)
        measured = _measured(boxes)
        cov, mean = self._cov[rows], self._mean[rows]
        noise = self._config.measure * self._size[rows] * np.asarray(noise_scale, np.float64)
        variance = cov[:, :, 0] + noise[:, None] ** 2  # of the innovation: S
        innovation = measured - mean[:, :, 0]
        gain = cov[:, :, :2] / variance[:, :, None]
        self._mean[rows] = mean + gain * innovation[:, :, None]
        shrink = 1.0 - gain[:, :, 0]
        new = np.empty_like(cov)
        new[:, :, :2] = cov[:, :, :2] * shrink[:, :, None]
        new[:, :, 2] = cov[:, :, 2] - gain[:, :, 1] * cov[:, :, 1]
        self._cov[rows] = new
        self._size[rows] = _size(measured)

    def stop(self, ids: Iterable[int]) -> None:
        """Forget tracks; unknown ids are no error."""
        gone = {int(track_id) for track_id in ids} & self._rows.keys()
        if not gone:
            return
        kept = [track_id for track_id in self._rows if track_id not in gone]
        rows = self._find(kept)
        self._mean, self._cov, self._size = self._mean[rows], self._cov[rows], self._size[rows]
        self._rows = {track_id: row for row, track_id in enumerate(kept)}

    def boxes(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Return the boxes (N, 4), float32 xyxy in pixels; no side is shorter than one pixel."""
        state = self._mean[self._find(ids)][:, :, 0].copy()
        state[:, 2:] = np.maximum(state[:, 2:], _MIN_SIDE_PX)
        return boxlib.cxcywh_to_xyxy(state)

    def velocities(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Return the velocities (N, 2) of the centres, float32 px/s."""
        return np.asarray(self._mean[self._find(ids)][:, :2, 1], np.float32)

    def spread(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Return how unsure the centres are (N,): their standard deviation in units of the box size."""
        rows = self._find(ids)
        variance = self._cov[rows][:, :2, 0].mean(axis=1)
        return np.asarray(np.sqrt(variance) / self._size[rows], np.float32)

    def _find(self, ids: Sequence[int]) -> NDArray[np.intp]:
        return np.array([self._rows[track_id] for track_id in ids], np.intp)


def _transition(dt_s: float, decay_s: float) -> tuple[Array, Array, Array]:
    """Return F and Q / q of one step by coordinate, as in the module's docstring.

    Returns:
        F's upper right entry (4,), F's lower right entry (4,), and the entries value-value, value-rate
        and rate-rate of Q / q (3, 4).
    """
    a = float(np.exp(-dt_s / decay_s))
    reach = decay_s * (1 - a)
    free = (dt_s**3 / 3, dt_s**2 / 2, dt_s)
    damped = (
        decay_s**2 * (dt_s - 2 * reach + decay_s / 2 * (1 - a**2)),
        reach**2 / 2,
        decay_s / 2 * (1 - a**2),
    )
    noise = np.array([[f, f, d, d] for f, d in zip(free, damped, strict=True)])
    return np.array([dt_s, dt_s, reach, reach]), np.array([1.0, 1.0, a, a]), noise


def _measured(boxes: ArrayLike) -> Array:
    return boxlib.xyxy_to_cxcywh(np.asarray(boxes, np.float32).reshape(-1, 4)).astype(np.float64)


def _size(measured: Array) -> Array:
    sides = np.maximum(measured[:, 2:], _MIN_SIDE_PX)
    size: Array = np.sqrt(sides[:, 0] * sides[:, 1])
    return size

"""Pinhole camera and sun: metres to pixels and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def _basis(forward: Array) -> Array:
    """Return right, up and forward (3, 3) of a view whose up is as near z as can be."""
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(right, forward), forward])


@dataclass(frozen=True)
class Camera:
    """A camera on a mast.

    Attributes:
        position: metres; x to the right of the road's middle, y along the road, z up.
        target: the point in metres that is seen in the middle of the picture.
        fov_deg: horizontal field of view.
        width: of the picture in pixels.
        height: of the picture in pixels.
    """

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    fov_deg: float
    width: int = 1280
    height: int = 720

    @cached_property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        return float(self.width / 2 / np.tan(np.radians(self.fov_deg) / 2))

    @cached_property
    def basis(self) -> Array:
        """Right, up, forward as rows (3, 3)."""
        return _basis(np.subtract(self.target, self.position).astype(float))

    @cached_property
    def matrix(self) -> Array:
        """Projection (3, 4) from homogeneous metres to homogeneous pixels; a pixel's middle is at .5."""
        inner = np.array([[self.focal_px, 0, self.width / 2], [0, self.focal_px, self.height / 2], [0, 0, 1]])
        turn = self.basis * np.array([[1], [-1], [1]])
        return inner @ np.concatenate([turn, -turn @ np.array(self.position)[:, None]], axis=1)

    @cached_property
    def homography(self) -> Array:
        """Homography (3, 3) from ground metres (x, y, 1) to pixels, scaled so that its last entry is 1."""
        h = self.matrix[:, [0, 1, 3]]
        return h / h[2, 2]

    def project(self, points: ArrayLike) -> tuple[Array, Array]:
        """Project metres (N, 3): pixels (N, 2) and depths along the view (N,) in metres."""
        p = np.asarray(points, float) @ self.matrix[:, :3].T + self.matrix[:, 3]
        return p[:, :2] / np.maximum(p[:, 2:], 1e-6), p[:, 2]

    def unproject(self, depth: Array, scale: int) -> NDArray[np.float32]:
        """Turn depths (H, W) of a picture ``scale`` times this size into points (H, W, 3) in metres."""
        h, w = depth.shape
        x = ((np.arange(w) + 0.5) / scale - self.width / 2) / self.focal_px
        y = ((np.arange(h) + 0.5) / scale - self.height / 2) / self.focal_px
        right, up, forward = (axis.astype(np.float32) for axis in self.basis)
        ray = x.astype(np.float32)[None, :, None] * right - y.astype(np.float32)[:, None, None] * up + forward
        return ray * depth[..., None].astype(np.float32) + np.array(self.position, np.float32)


@dataclass(frozen=True)
class Sun:
    """A far light, and the parallel view from it in which shadows are looked up.

    Attributes:
        direction: towards the sun.
        middle: the point in metres in the middle of its view.
        half_m: half the width and height of the view.
        size: pixels along each side of the view.
    """

    direction: tuple[float, float, float]
    middle: tuple[float, float, float] = (0.0, 62.0, 0.0)
    half_m: float = 62.0
    size: int = 2048
    distance_m: float = 160.0

    @cached_property
    def basis(self) -> Array:
        """Right, up, forward (away from the sun) as rows (3, 3)."""
        return _basis(-np.array(self.direction))

    @cached_property
    def position(self) -> Array:
        """Where the view is taken from."""
        return np.array(self.middle) - self.basis[2] * self.distance_m

    def look_up(self, points: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return for points (..., 3) their pixels (..., 2) in the sun's view and their depths (...,)."""
        p = (points - self.position.astype(np.float32)) @ self.basis.T.astype(np.float32)
        share = p[..., :2] / (2 * self.half_m) * np.array([1, -1], np.float32) + 0.5
        return (share * self.size - 0.5).astype(np.float32), p[..., 2]


CAMERAS = {
    "mast": Camera((11.0, -9.0, 11.5), (-0.3, 26.4, 0.0), 37.5),
    "left": Camera((-9.8, 3.0, 8.2), (1.0, 29.0, 0.0), 56.0),
    "bridge": Camera((0.8, 2.0, 10.5), (0.0, 26.0, 0.0), 54.0),
    "high": Camera((13.0, 10.0, 12.0), (-1.0, 34.0, 0.0), 58.0),
    "low": Camera((10.2, 6.0, 6.2), (-1.5, 31.0, 0.6), 60.0),
}
SUNS = {"day": (0.62, -0.42, 0.72), "overcast": (0.1, 0.05, 1.0), "dusk": (-0.75, 0.52, 0.34)}

"""Solid shapes as triangle meshes: lofts, tubes, ellipsoids and wheels, in metres.

A mesh is a pair ``(points, triangles)``: float64 (N, 3) and int64 (M, 3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]
Mesh = tuple[Points, NDArray[np.int64]]


@dataclass(frozen=True)
class Part:
    """A mesh with one colour and one material.

    Attributes:
        mesh: points (N, 3) in metres and triangles (M, 3).
        colour: sRGB in [0, 1].
        material: a key of ``layers.MATERIALS``.
    """

    mesh: Mesh
    colour: tuple[float, float, float]
    material: str = "matt"


def grid(rows: int, columns: int, closed: bool) -> NDArray[np.int64]:
    """Return the triangles (M, 3) of a grid of points; ``closed`` joins the last column to the first."""
    last = columns if closed else columns - 1
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(last), indexing="ij")
    a, b = r * columns + c, r * columns + (c + 1) % columns
    quads = np.stack([a, b, b + columns, a + columns], axis=-1).reshape(-1, 4)
    return quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


def loft(rings: ArrayLike, caps: bool = True) -> Mesh:
    """Stretch a skin over rings (S, K, 3); ``caps`` closes both ends with a fan."""
    ring = np.asarray(rings, np.float64)
    s, k, _ = ring.shape
    points, faces = ring.reshape(-1, 3), grid(s, k, closed=True)
    if caps:
        n, turn = len(points), (np.arange(k) + 1) % k
        points = np.concatenate([points, ring[[0, -1]].mean(axis=1)])
        first = np.stack([np.full(k, n), turn, np.arange(k)], axis=1)
        last = np.stack([np.full(k, n + 1), np.arange(k), turn], axis=1)
        last[:, 1:] += (s - 1) * k
        faces = np.concatenate([faces, first, last])
    return points, faces


def select(mesh: Mesh, keep: NDArray[np.bool_]) -> Mesh:
    """Return the faces that ``keep`` (M,) marks, with the points that they use."""
    points, faces = mesh
    used, index = np.unique(faces[keep], return_inverse=True)
    return points[used], index.reshape(-1, 3)


def split(mesh: Mesh, rule: Callable[[Points], NDArray[np.bool_]]) -> tuple[Mesh, Mesh]:
    """Divide a mesh by a rule on the middles (M, 3) of its faces: (where true, where false).

    Faces come in pairs, as ``loft`` makes them: the two halves of a square stay together.
    """
    corners = mesh[0][mesh[1]].reshape(-1, 6, 3)
    mask = np.repeat(rule((corners.min(axis=1) + corners.max(axis=1)) / 2), 2)
    return select(mesh, mask), select(mesh, ~mask)


def join(meshes: Sequence[Mesh]) -> Mesh:
    """Put meshes side by side into one."""
    offsets = np.cumsum([0] + [len(points) for points, _ in meshes[:-1]])
    faces = [tri + offset for (_, tri), offset in zip(meshes, offsets, strict=True)]
    return np.concatenate([points for points, _ in meshes]), np.concatenate(faces)


def moved(mesh: Mesh, by: ArrayLike, yaw: float = 0.0) -> Mesh:
    """Turn a mesh about z by ``yaw`` radians, then shift it ``by`` (3,) metres."""
    c, s = np.cos(yaw), np.sin(yaw)
    return mesh[0] @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]]) + np.asarray(by, float), mesh[1]


def rounded_ring(
    x: tuple[float, float], half_width: float, z: float, radius: float, bow: float = 0.0, fine: int = 12
) -> Points:
    """Return a rounded rectangle (4 * fine + 16, 3) in plan, counter-clockwise from the front right.

    Args:
        x: rear and front end in metres.
        half_width: half the width.
        z: height of the ring.
        radius: of the corners.
        bow: how far the front and the rear bulge in their middle.
        fine: points along each straight side.
    """
    rear, front = x
    radius = min(radius, half_width * 0.98, (front - rear) * 0.49)
    t = np.linspace(0, 1, fine, endpoint=False)
    arc = np.linspace(0, np.pi / 2, 4, endpoint=False)
    corners = [(front, -1), (front, 1), (rear, 1), (rear, -1)]
    middles = [
        (cx - np.sign(cx - (rear + front) / 2) * radius, cy * (half_width - radius)) for cx, cy in corners
    ]
    points = []
    for i, (mx, my) in enumerate(middles):
        start = (i - 1) * np.pi / 2 + arc
        points.append(np.stack([mx + radius * np.cos(start), my + radius * np.sin(start)], axis=1))
        end = np.array([mx, my]) + radius * np.array([np.cos(i * np.pi / 2), np.sin(i * np.pi / 2)])
        nx, ny = middles[(i + 1) % 4]
        goal = np.array([nx, ny]) + radius * np.array([np.cos(i * np.pi / 2), np.sin(i * np.pi / 2)])
        points.append(end + t[:, None] * (goal - end))
    plan = np.concatenate(points)
    middle, half = (rear + front) / 2, (front - rear) / 2
    plan[:, 0] += bow * (plan[:, 0] - middle) / half * (1 - (plan[:, 1] / half_width) ** 2)
    return np.concatenate([plan, np.full((len(plan), 1), z)], axis=1)


def ellipsoid(middle: ArrayLike, radii: ArrayLike, fine: int = 8) -> Mesh:
    """Return an ellipsoid with the given half axes (3,)."""
    lat = np.linspace(-np.pi / 2 + 0.05, np.pi / 2 - 0.05, fine)
    lon = np.linspace(0, 2 * np.pi, 2 * (fine // 2) + 4, endpoint=False)
    a, b = np.meshgrid(lat, lon, indexing="ij")
    ball = np.stack([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)], axis=-1)
    return loft(ball * np.asarray(radii, float) + np.asarray(middle, float))


def tube(start: ArrayLike, end: ArrayLike, r0: float, r1: float | None = None, fine: int = 8) -> Mesh:
    """Return a tube with rounded ends between two points, of radius ``r0`` narrowing to ``r1``."""
    p, q = np.asarray(start, float), np.asarray(end, float)
    r1 = r0 if r1 is None else r1
    axis = (q - p) / (np.linalg.norm(q - p) + 1e-9)
    side = np.cross(axis, [0, 0, 1.0] if abs(axis[2]) < 0.9 else [1.0, 0, 0])
    side /= np.linalg.norm(side)
    up = np.cross(axis, side)
    turn = np.linspace(0, 2 * np.pi, fine, endpoint=False)
    circle = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * up
    steps = [(p - axis * r0 * 0.7, r0 * 0.5), (p, r0), (q, r1), (q + axis * r1 * 0.7, r1 * 0.5)]
    return loft(np.stack([middle + radius * circle for middle, radius in steps]))


def box(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> Mesh:
    """Return an axis-parallel box."""
    plan = np.array([[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]])
    return loft(np.stack([np.concatenate([plan, np.full((4, 1), h)], axis=1) for h in z]))


def spun(profile: ArrayLike, middle: ArrayLike, fine: int = 16) -> Mesh:
    """Turn a profile (K, 2) of radius and y about the y axis through ``middle``."""
    shape = np.asarray(profile, float)
    turn = np.linspace(0, 2 * np.pi, fine, endpoint=False)
    rings = [np.stack([r * np.cos(turn), np.full(fine, y), r * np.sin(turn)], axis=1) for r, y in shape]
    return loft(np.stack(rings) + np.asarray(middle, float))


def wheel(x: float, y: float, radius: float, width: float) -> list[Part]:
    """Return a tyre, its rim and the dark arch behind it; ``y`` is the tyre's outer face."""
    side = np.sign(y)
    inner = y - side * width
    tyre = [
        (radius * 0.6, y - side * 0.02),
        (radius * 0.93, y),
        (radius, y - side * 0.03),
        (radius, inner),
        (radius * 0.6, inner),
    ]
    rim = [(radius * 0.66, y - side * 0.015), (radius * 0.5, y - side * 0.05), (0.05, y - side * 0.01)]
    arch = [(radius * 1.17, y - side * 0.035), (0.05, y - side * 0.035)]
    parts = [Part(spun(tyre, (x, 0, radius)), (0.05, 0.05, 0.055), "rubber")]
    parts.append(Part(spun(rim, (x, 0, radius)), (0.62, 0.63, 0.65), "chrome"))
    parts.append(Part(spun(arch, (x, 0, radius * 1.03)), (0.015, 0.015, 0.018), "rubber"))
    for k in range(5):
        a = 2 * np.pi * k / 5
        hole = ellipsoid(
            (x + radius * 0.38 * np.cos(a), y - side * 0.03, radius * (1 + 0.38 * np.sin(a))),
            (radius * 0.12, 0.02, radius * 0.12),
            4,
        )
        parts.append(Part(hole, (0.06, 0.06, 0.06), "rubber"))
    return parts

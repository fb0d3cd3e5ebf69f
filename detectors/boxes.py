"""The only place where box formats are converted, and where overlap is measured.

Everywhere else a box is float32 xyxy in pixels: left, top, right, bottom.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Boxes = NDArray[np.float32]


def xywh_to_xyxy(boxes: ArrayLike) -> Boxes:
    """Convert left, top, width, height (..., 4) to xyxy."""
    box = np.asarray(boxes, np.float32)
    return np.concatenate([box[..., :2], box[..., :2] + box[..., 2:]], axis=-1)


def xyxy_to_xywh(boxes: ArrayLike) -> Boxes:
    """Convert xyxy (..., 4) to left, top, width, height."""
    box = np.asarray(boxes, np.float32)
    return np.concatenate([box[..., :2], box[..., 2:] - box[..., :2]], axis=-1)


def xyxy_to_cxcywh(boxes: ArrayLike) -> Boxes:
    """Convert xyxy (..., 4) to centre x, centre y, width, height."""
    box = np.asarray(boxes, np.float32)
    size = box[..., 2:] - box[..., :2]
    return np.concatenate([box[..., :2] + size / 2, size], axis=-1)


def cxcywh_to_xyxy(boxes: ArrayLike) -> Boxes:
    """Convert centre x, centre y, width, height (..., 4) to xyxy."""
    box = np.asarray(boxes, np.float32)
    half = box[..., 2:] / 2
    return np.concatenate([box[..., :2] - half, box[..., :2] + half], axis=-1)


def centres(boxes: ArrayLike) -> Boxes:
    """Return the centres (..., 2) of xyxy boxes (..., 4)."""
    box = np.asarray(boxes, np.float32)
    return np.asarray((box[..., :2] + box[..., 2:]) / 2, np.float32)


def areas(boxes: ArrayLike) -> Boxes:
    """Return the areas (...,) of xyxy boxes (..., 4); an inverted box has area 0."""
    box = np.asarray(boxes, np.float32)
    size = np.maximum(box[..., 2:] - box[..., :2], 0)
    return np.asarray(size[..., 0] * size[..., 1], np.float32)


def clip(boxes: ArrayLike, width: int, height: int) -> Boxes:
    """Cut xyxy boxes (..., 4) at the borders of a picture."""
    box = np.asarray(boxes, np.float32)
    limit = np.array([width, height, width, height], np.float32)
    return np.asarray(np.clip(box, 0, limit), np.float32)


def visible_share(boxes: ArrayLike, width: int, height: int) -> Boxes:
    """Return the share (...,) of the area of boxes (..., 4) that lies in the picture; 0 for empty ones."""
    whole = areas(boxes)
    inside = areas(clip(boxes, width, height))
    return np.asarray(np.divide(inside, whole, out=np.zeros_like(whole), where=whole > 0), np.float32)


def has_left(boxes: ArrayLike, width: int, height: int) -> NDArray[np.bool_]:
    """Return (...,) whether a quarter or less of each box (..., 4) is still in the picture: the one rule."""
    return np.asarray(visible_share(boxes, width, height) <= 0.25)


def within(boxes: ArrayLike, region: ArrayLike, width: int, height: int, margin: float) -> NDArray[np.bool_]:
    """Return bool (N,), whether each box lies in a region of a picture and its border cuts nothing off.

    Args:
        boxes: (N, 4) xyxy in pixels.
        region: (4,) xyxy in pixels.
        width: of the picture; its own borders are none of the region's.
        height: of the picture.
        margin: least distance to the region's border in pixels.
    """
    around = np.asarray(region, np.float32)
    low = np.where(around[:2] <= 0, -np.inf, around[:2] + margin)
    high = np.where(around[2:] >= [width, height], np.inf, around[2:] - margin)
    flat = np.asarray(boxes, np.float32).reshape(-1, 4)
    return np.asarray((flat[:, :2] >= low).all(1) & (flat[:, 2:] <= high).all(1), np.bool_)


def intersections(a: ArrayLike, b: ArrayLike) -> Boxes:
    """Return the common areas (N, M) of boxes (N, 4) and (M, 4)."""
    one = np.asarray(a, np.float32).reshape(-1, 4)
    two = np.asarray(b, np.float32).reshape(-1, 4)
    top_left = np.maximum(one[:, None, :2], two[None, :, :2])
    bottom_right = np.minimum(one[:, None, 2:], two[None, :, 2:])
    size = np.maximum(bottom_right - top_left, 0)
    return np.asarray(size[..., 0] * size[..., 1], np.float32)


def hidden_shares(boxes: ArrayLike, others: ArrayLike | None = None) -> Boxes:
    """Return the share (N,) of each of N boxes (N, 4) that nearer ones, of them or of others, hide.

    On level ground, seen from above it, who is nearer reaches further down in the picture. Where several hide
    the same part, it counts for each.
    """
    each = np.asarray(boxes, np.float32).reshape(-1, 4)
    those = each if others is None else np.asarray(others, np.float32).reshape(-1, 4)
    common, whole = intersections(each, those), areas(each)
    nearer = those[None, :, 3] > each[:, None, 3]
    hidden = (common * nearer).sum(axis=1)
    return np.asarray(
        np.divide(hidden, whole, out=np.zeros_like(whole), where=whole > 0).clip(0, 1), np.float32
    )


def iou(a: ArrayLike, b: ArrayLike) -> Boxes:
    """Return the intersection over union (N, M) of boxes (N, 4) and (M, 4); 0 for empty boxes."""
    common = intersections(a, b)
    one = areas(np.asarray(a, np.float32).reshape(-1, 4))
    two = areas(np.asarray(b, np.float32).reshape(-1, 4))
    union = one[:, None] + two[None, :] - common
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0), np.float32)

"""Parts of objects hidden, so that partly hidden ones are learnt.

Cut-out (DeVries and Taylor, 2017) where the objects are, with the fillings of random erasing (Zhong et al.,
AAAI 2020).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import areas, intersections
from detectors.training.augment import GREY, MIN_VISIBLE, Example, Floats, Image

#: Objects of a picture of which a part is hidden, and their least short side in pixels.
AT_MOST, MIN_OBJECT_PX = 4, 14.0
#: Share of a box that is hidden, and the form (width over height) of what hides it.
SHARES, FORMS = (0.1, 0.45), (0.3, 3.3)


def cut_out(example: Example, rng: np.random.Generator) -> tuple[Example, Floats]:
    """Hide parts of a few objects by a colour, noise or a piece of the picture.

    Returns:
        The example with the same boxes, and what hides them, float32 (M, 4) xyxy: ``hidden_ignored`` weighs
        that together with all else that was drawn over them.
    """
    sides = example.boxes[:, 2:] - example.boxes[:, :2]
    large = np.flatnonzero(sides.min(1, initial=np.inf) >= MIN_OBJECT_PX)
    if not len(large):
        return example, np.zeros((0, 4), np.float32)
    image, patches = example.image.copy(), []
    for row in rng.permutation(large)[: 1 + rng.integers(AT_MOST)]:
        patch = _patch(example.boxes[row], image.shape, rng)
        if patch is not None:
            x1, y1, x2, y2 = patch
            image[y1:y2, x1:x2] = _filling(example, patch, rng)
            patches.append(patch)
    return replace(example, image=image), np.array(patches, np.float32).reshape(-1, 4)


def _patch(box: Floats, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int64] | None:
    """Return xyxy of what hides a part of the box: somewhere on it, often over its edge."""
    width, height = box[2:] - box[:2]
    share, form = rng.uniform(*SHARES), np.exp(rng.uniform(*np.log(FORMS)))
    size = np.sqrt(share * np.array([form, 1 / form])) * (width, height)
    centre = rng.uniform(box[:2], box[2:])
    limit = np.array(shape[1::-1])
    low = np.clip(np.round(centre - size / 2), 0, limit).astype(np.int64)
    high = np.clip(np.round(centre + size / 2), 0, limit).astype(np.int64)
    return np.concatenate([low, high]) if (high - low).min() >= 2 else None


def _filling(example: Example, patch: NDArray[np.int64], rng: np.random.Generator) -> Image:
    """Return the pixels that hide a patch."""
    width, height = patch[2:] - patch[:2]
    kind = rng.uniform()
    if kind < 0.6:
        elsewhere = _elsewhere(example, patch, rng)
        if elsewhere is not None:
            x, y = elsewhere
            return example.image[y : y + height, x : x + width]
    if kind < 0.8:
        return rng.integers(0, 256, (height, width, 3), np.uint8)
    colour = rng.integers(0, 256, 3) if rng.uniform() < 0.5 else GREY
    return np.full((height, width, 3), colour, np.uint8)


def _elsewhere(
    example: Example, patch: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64] | None:
    """Return the corner (x, y) of another part of the same picture with nothing on it; None if unfound.

    Of the same picture, that is of regions that hold the whole patch: from another one, also from a piece
    that was pasted, an object could come whose class is annotated at the patch and not there.
    """
    size, regions = patch[2:] - patch[:2], example.regions
    around = (regions[:, :2] <= patch[:2]).all(1) & (patch[2:] <= regions[:, 2:]).all(1)
    if not around.any():
        return None
    region = regions[around][0]
    low, high = np.ceil(region[:2]).astype(np.int64), np.floor(region[2:]).astype(np.int64) - size
    taken = np.concatenate([example.boxes, example.ignore, regions[~around]])
    for _ in range(4):
        corner = rng.integers(low, high, endpoint=True)
        box = np.concatenate([corner, corner + size])[None].astype(np.float32)
        if not (share_covered(box, taken) > 0).any():
            return np.asarray(corner, np.int64)
    return None


def share_covered(boxes: Floats, others: Floats) -> Floats:
    """Return which share of each box (N, 4) each of the others (M, 4) covers, float32 (N, M)."""
    return np.asarray(intersections(boxes, others) / np.maximum(areas(boxes), 1e-6)[:, None], np.float32)


def hidden_ignored(example: Example, patches: Floats, pasted: int = 0) -> Example:
    """Return the example with boxes ignored of which too little is still seen.

    Call it once, when all is drawn: two things may together hide what neither hides alone.

    Args:
        example: with all its boxes.
        patches: float32 (M, 4) xyxy, drawn last, over everything.
        pasted: so many of the last boxes were drawn one after the other, each over all boxes before it.
    """
    first = len(example.boxes) - pasted
    over = np.concatenate([example.boxes[first:], patches])
    later = np.arange(len(over)) > np.arange(len(example.boxes))[:, None] - first
    hidden = share_hidden(example.boxes, over, later) > 1 - MIN_VISIBLE
    return replace(
        example,
        boxes=example.boxes[~hidden],
        labels=example.labels[~hidden],
        ignore=np.concatenate([example.ignore, example.boxes[hidden]]),
    )


def share_hidden(boxes: Floats, others: Floats, hides: NDArray[np.bool_]) -> Floats:
    """Return which share of each box the others hide together: what two of them cover counts once.

    Args:
        boxes: float32 (N, 4) xyxy.
        others: float32 (M, 4) xyxy.
        hides: bool (N, M), which of the others lie over which box.

    Returns:
        float32 (N,).
    """
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    starts = np.clip(others[None, :, :2], low, high)
    ends = np.clip(others[None, :, 2:], low, high)
    # all edges cut a box into cells, each of which is hidden as a whole or not at all
    edges = np.sort(np.concatenate([low, starts, ends, high], 1), 1)
    middles, sizes = (edges[:, 1:] + edges[:, :-1]) / 2, np.diff(edges, axis=1)
    # (N, M, cells, 2)
    within = (starts[:, :, None] < middles[:, None]) & (middles[:, None] < ends[:, :, None])
    columns, rows = within[..., 0] & hides[..., None], within[..., 1]
    cells = (rows[..., :, None] & columns[..., None, :]).any(1)
    hidden = (cells * sizes[:, :, None, 1] * sizes[:, None, :, 0]).sum((1, 2))
    return np.asarray(hidden / np.maximum(areas(boxes), 1e-6), np.float32)

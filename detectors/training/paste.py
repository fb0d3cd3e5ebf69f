"""Objects of rare classes pasted into other pictures (Ghiasi et al., "Simple Copy-Paste", CVPR 2021).

A pasted object brings its surroundings along, and with them what was annotated there: its place becomes a
region of its own with the rules of its picture, beside those of the picture that receives it. Where regions
overlap, a class is known that all of them know; boxes themselves are known anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import areas, iou
from detectors.dataset import Picture
from detectors.opencv import load_cv2
from detectors.training.augment import Example, Floats, Image
from detectors.training.hiding import share_covered

cv2 = load_cv2()

#: A class is rare that has less than this share of the boxes of the commonest one.
RARE = 0.5
#: Short side, in pixels of its picture, from which an object is worth pasting; and of the pasted one.
MIN_SOURCE_PX, MIN_PASTED_PX = 24.0, 10.0
#: Standard deviation of the pixels (of 255) below which nobody would see what was pasted.
MIN_CONTRAST = 12.0
#: What is taken along around a box on each side, in shares of its own.
MARGIN = 0.1
SCALES = (0.5, 1.5)
#: Objects of one picture that are pasted at most: reading a picture costs more than pasting.
AT_MOST = 3
#: Tries to find a place, which may overlap no box by more than this IoU and hide no more than one.
TRIES, MAX_IOU = 8, 0.2


class Donors:
    """Objects that can be pasted: of a rare class, large enough, whole, and with little before them.

    Args:
        pictures: to take them from.
        weights: of each picture (P,), how often it is drawn.
    """

    def __init__(self, pictures: Sequence[Picture], weights: NDArray[np.float64]) -> None:
        """Look through all boxes; no picture is read."""
        self.pictures = pictures
        self.rows = [np.flatnonzero(_fit(picture)) for picture in pictures]
        labels = np.concatenate([picture.labels for picture in pictures])
        counts = np.bincount(labels, minlength=len(pictures[0].annotated))[: len(pictures[0].annotated)]
        self.rare = np.flatnonzero(counts < RARE * counts.max(initial=0))
        self._places = []
        for label in self.rare:
            has = [bool((p.labels[rows] == label).any()) for p, rows in zip(pictures, self.rows, strict=True)]
            cumulative = np.cumsum(np.where(has, weights, 0.0))
            if cumulative[-1] > 0:
                self._places.append((int(label), cumulative))

    def draw(self, rng: np.random.Generator) -> tuple[Picture, NDArray[np.intp]] | None:
        """Return a picture and the rows of its objects to paste; None where nothing can be.

        Each rare class is equally likely to be the first one's; others of the picture may come along.
        """
        if not self._places:
            return None
        label, cumulative = self._places[rng.integers(len(self._places))]
        place = int(np.searchsorted(cumulative, rng.uniform() * cumulative[-1], side="right"))
        picture, rows = self.pictures[place], self.rows[place]
        own = picture.labels[rows]
        first = rng.choice(rows[own == label])
        others = rng.permutation(rows[np.isin(own, self.rare) & (rows != first)])
        return picture, np.concatenate([[first], others[: rng.integers(AT_MOST)]])


def _fit(picture: Picture) -> NDArray[np.bool_]:
    """Return bool (N,): the box is of a known class, large, inside the picture, and no other lies on it."""
    boxes, size = picture.boxes, np.array(picture.size)
    sides = boxes[:, 2:] - boxes[:, :2]
    inside = (boxes[:, :2] >= MARGIN * sides).all(1) & (boxes[:, 2:] <= size - MARGIN * sides).all(1)
    covered = share_covered(boxes, np.concatenate([boxes, picture.ignore]))
    covered[np.arange(len(boxes)), np.arange(len(boxes))] = 0
    known = picture.labels < len(picture.annotated)
    large = sides.min(1, initial=np.inf) >= MIN_SOURCE_PX
    return np.asarray(known & inside & large & (covered < 0.1).all(1), np.bool_)


def paste(
    example: Example, picture: Picture, rows: NDArray[np.intp], image: Image, rng: np.random.Generator
) -> Example:
    """Return the example with objects of another picture where there is room for them.

    Their boxes come last, in the order in which they were drawn. What they hide is still among the boxes:
    ``hidden_ignored`` is to be told how many were pasted.

    Args:
        example: that receives them.
        picture: that they come from.
        rows: of its boxes.
        image: its pixels, uint8 (H, W, 3) BGR.
        rng: decides sizes and places.
    """
    parts = example.regions  # places for all: an object is not pasted into the piece that came with another
    for row in rows:
        part = parts[rng.integers(len(parts))]
        scale = _scale(example, part, picture, picture.boxes[row], rng)
        piece, box = _piece(picture.boxes[row], image, scale, rng)
        shift = _place(example, part, piece, box, _height(picture, picture.boxes[row]), rng)
        if shift is not None:
            known = int(picture.labels[row]), picture.annotated
            example = _put(example, piece, box, shift, known, rng)
    return example


def _scale(example: Example, part: Floats, picture: Picture, box: Floats, rng: np.random.Generator) -> float:
    """Return the object's new size over its own: as the whole picture's, but no giant among others."""
    height, width = example.image.shape[:2]
    fit = min(width / picture.size[0], height / picture.size[1])
    scale = float(fit * np.exp(rng.uniform(*np.log(SCALES))))
    neighbours = example.boxes[share_covered(example.boxes, part[None])[:, 0] > 0.5]
    if len(neighbours):
        largest = np.sqrt(areas(neighbours).max() / areas(box))
        scale = min(scale, float(largest * SCALES[1]))
    return scale


def _piece(box: Floats, image: Image, scale: float, rng: np.random.Generator) -> tuple[Image, Floats]:
    """Return an object with its margin at its new size, and its box (4,) in that piece."""
    margin = MARGIN * (box[2:] - box[:2])
    low = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    high = np.minimum(np.ceil(box[2:] + margin), image.shape[1::-1]).astype(int)
    size = np.maximum(np.round((high - low) * scale), 1).astype(int)
    crop = image[low[1] : high[1], low[0] : high[0]]
    if rng.uniform() < 0.5:
        crop = np.ascontiguousarray(crop[:, ::-1])
        box = np.array([low[0] + high[0] - box[2], box[1], low[0] + high[0] - box[0], box[3]])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    piece = np.asarray(cv2.resize(crop, (int(size[0]), int(size[1])), interpolation=how), np.uint8)
    inside = (box - np.tile(low, 2)) * np.tile(size / (high - low), 2)
    return piece, inside.astype(np.float32)


def _height(picture: Picture, box: Floats) -> float:
    """Return how far down the box lies in its picture: 0 at the top, 1 at the bottom."""
    return float(box[1] / max(picture.size[1] - (box[3] - box[1]), 1.0))


def _place(
    example: Example, part: Floats, piece: Image, box: Floats, height: float, rng: np.random.Generator
) -> NDArray[np.int64] | None:
    """Return where the piece's corner (x, y) comes to lie; None where there is no room.

    What stood low in its picture, and so was near, stands low here.
    """
    if (box[2:] - box[:2]).min() < MIN_PASTED_PX or piece.std() < MIN_CONTRAST:
        return None
    low, high = np.ceil(part[:2]), np.floor(part[2:]) - piece.shape[1::-1]
    if (high < low).any():
        return None
    for _ in range(TRIES):
        down = np.clip(height + rng.normal(0, 0.15), 0, 1)
        shift = np.round([rng.uniform(low[0], high[0]), low[1] + down * (high[1] - low[1])]).astype(np.int64)
        here = (box + np.tile(shift, 2))[None]
        hidden = share_covered(example.boxes, here)[:, 0]
        if (iou(example.boxes, here) <= MAX_IOU).all() and (hidden > 0.6).sum() <= 1:
            return shift
    return None


def _put(
    example: Example,
    piece: Image,
    box: Floats,
    shift: NDArray[np.int64],
    known: tuple[int, NDArray[np.bool_]],
    rng: np.random.Generator,
) -> Example:
    """Draw the piece with soft edges in the light of its new place, and enter what is known there."""
    (x, y), (height, width) = shift, piece.shape[:2]
    image = example.image.copy()
    here = image[y : y + height, x : x + width]
    gain = np.clip(np.sqrt((here.mean() + 1) / (piece.mean() + 1)), 0.7, 1.4)
    alpha = _mask((height, width), box, rng.uniform(3, 8))[..., None]
    here[:] = np.clip(alpha * piece * np.float32(gain) + (1 - alpha) * here, 0, 255).astype(np.uint8)
    pasted = (box + np.tile(shift, 2))[None].astype(np.float32)
    region = np.array([[x, y, x + width, y + height]], np.float32)
    return Example(
        image,
        np.concatenate([example.boxes, pasted]),
        np.concatenate([example.labels, [known[0]]]),
        example.ignore,
        np.concatenate([example.regions, region]),
        np.concatenate([example.annotated, known[1][None]]),
    )


def _mask(shape: tuple[int, int], box: Floats, power: float) -> Floats:
    """Return float32 (H, W): 1 within the box, 0 at its margin, rounder at the corners for a lower power."""
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    x = np.abs((np.arange(shape[1]) + 0.5 - centre[0]) / half[0])
    y = np.abs((np.arange(shape[0]) + 0.5 - centre[1]) / half[1])
    distance = (x[None] ** power + y[:, None] ** power) ** (1 / power)
    # the margin is a share of a whole side, the distance one of half a side
    mask: Floats = np.clip((1 + 2 * MARGIN - distance) / (0.05 + 2 * MARGIN), 0, 1).astype(np.float32)
    return mask

"""Training pictures: placed, cut, put together from four, and mirrored.

Every function takes the random generator that it draws from; the same generator gives the same picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import areas
from detectors.dataset import Picture
from detectors.opencv import load_cv2

cv2 = load_cv2()

GREY = 114
#: Boxes with a short side below this (pixels at the network's input) are ignored, not learnt.
MIN_SIDE_PX = 4.0
#: A box of which less than this share is still visible is ignored; below a tenth it is dropped.
MIN_VISIBLE = 0.4

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A picture at the network's input size with what is known about it.

    Attributes:
        image: uint8 (H, W, 3), BGR.
        boxes: float32 (N, 4) xyxy.
        labels: int64 (N,), 0-based; C for a vehicle of unknown class.
        ignore: float32 (M, 4) xyxy.
        regions: float32 (R, 4) xyxy, where the parts that it is made of lie.
        annotated: bool (R, C), the classes annotated in each part.
    """

    image: Image
    boxes: Floats
    labels: NDArray[np.int64]
    ignore: Floats
    regions: Floats
    annotated: NDArray[np.bool_]


def single(
    picture: Picture, read: Callable[[Picture], Image], size: tuple[int, int], rng: np.random.Generator
) -> Example:
    """Return one picture at a random place and scale (0.6 to 1.6) on a canvas of ``size`` (W, H)."""
    canvas = np.full((size[1], size[0], 3), GREY, np.uint8)
    part = _place(picture, read(picture), canvas, (0, 0, *size), (0.6, 1.6), rng)
    return part


def mosaic(
    pictures: list[Picture],
    read: Callable[[Picture], Image],
    size: tuple[int, int],
    rng: np.random.Generator,
) -> Example:
    """Return four pictures side by side (Bochkovskiy et al., YOLOv4, 2020), each with its own classes."""
    width, height = size
    canvas = np.full((height, width, 3), GREY, np.uint8)
    x = int(rng.uniform(0.3, 0.7) * width)
    y = int(rng.uniform(0.3, 0.7) * height)
    cells = [(0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)]
    parts = [
        _place(picture, read(picture), canvas, cell, (0.35, 1.3), rng)
        for picture, cell in zip(pictures, cells, strict=True)
    ]
    return _joined(canvas, parts)


def _place(
    picture: Picture,
    image: Image,
    canvas: Image,
    cell: tuple[int, int, int, int],
    scales: tuple[float, float],
    rng: np.random.Generator,
) -> Example:
    """Draw the picture into a cell of the canvas and return what is known there."""
    left, top, right, bottom = cell
    height, width = image.shape[:2]
    fit = min(canvas.shape[1] / width, canvas.shape[0] / height)
    scale = fit * np.exp(rng.uniform(*np.log(scales)))
    aspect = np.sqrt(rng.uniform(0.87, 1.15))
    sx, sy = scale * aspect, scale / aspect
    # where the picture is larger than the cell a random part is seen, else it lies at a random place
    tx = left + rng.uniform() * (right - left - width * sx)
    ty = top + rng.uniform() * (bottom - top - height * sy)
    _draw(image, canvas[top:bottom, left:right], (sx, sy), (tx - left, ty - top))
    seen = np.array(
        [[max(left, tx), max(top, ty), min(right, tx + width * sx), min(bottom, ty + height * sy)]],
        np.float32,
    )
    factor, shift = np.array([sx, sy, sx, sy]), np.array([tx, ty, tx, ty])
    boxes = (picture.boxes * factor + shift).astype(np.float32)
    ignore = (picture.ignore * factor + shift).astype(np.float32)
    cut = _cut(boxes, seen)
    share = areas(cut) / np.maximum(areas(boxes), 1e-6)
    small = (cut[:, 2:] - cut[:, :2]).min(1, initial=np.inf) < MIN_SIDE_PX
    keep = (share >= MIN_VISIBLE) & ~small
    doubtful = ~keep & (share >= 0.1)
    ignore = _cut(ignore, seen)
    return Example(
        canvas,
        cut[keep],
        picture.labels[keep],
        np.concatenate([ignore[areas(ignore) > 0], cut[doubtful]]),
        seen,
        picture.annotated[None],
    )


def _draw(image: Image, cell: Image, scale: tuple[float, float], shift: tuple[float, float]) -> None:
    """Draw the picture scaled and shifted into the cell; its corner (0, 0) comes to ``shift``.

    As in use, a picture that shrinks is averaged, which ``warpAffine`` cannot: else aliasing is learnt.
    """
    height, width = image.shape[:2]
    (sx, sy), (tx, ty) = scale, shift
    if max(sx, sy) < 0.7:
        size = max(round(width * sx), 1), max(round(height * sy), 1)
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        sx, sy = sx * width / size[0], sy * height / size[1]
    # OpenCV's coordinates are those of the pixels' centres, half a pixel off the corners that boxes use
    matrix = np.array([[sx, 0, tx + (sx - 1) / 2], [0, sy, ty + (sy - 1) / 2]])
    area = cell.shape[1], cell.shape[0]
    cv2.warpAffine(image, matrix, area, dst=cell, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)


def _cut(boxes: Floats, seen: Floats) -> Floats:
    low, high = seen[0, :2], seen[0, 2:]
    return np.concatenate([np.clip(boxes[:, :2], low, high), np.clip(boxes[:, 2:], low, high)], 1)


def _joined(canvas: Image, parts: list[Example]) -> Example:
    columns = ("boxes", "labels", "ignore", "regions", "annotated")
    return Example(canvas, *(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


def mirrored(example: Example) -> Example:
    """Return the example with left and right swapped."""
    width = example.image.shape[1]
    return replace(
        example,
        image=np.ascontiguousarray(example.image[:, ::-1]),
        boxes=_mirror(example.boxes, width),
        ignore=_mirror(example.ignore, width),
        regions=_mirror(example.regions, width),
    )


def _mirror(boxes: Floats, width: int) -> Floats:
    return np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)

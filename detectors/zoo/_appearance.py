"""What a box looks like, as a vector: its colours, and what the backbone makes of it.

The colours are a histogram of hue, saturation and value (8 x 4 x 4) of each third of the box from top to
bottom; the roots of the shares are kept, so that a product of two is Bhattacharyya's coefficient. The rest
is the mean of the backbone's map of stride 8 over the box, less the picture's mean and in units of its
spread, so that nothing has to be fitted to a network.

What the backbone knows is not better than colours: how often the same object a second (two seconds) later is
the likest of its kind in the picture, of those who are not half hidden:

============================================ ============= =============
..                                           vehicles      people
============================================ ============= =============
chance                                       0.13          0.18
colours                                      0.85 (0.70)   0.94 (0.87)
map of stride 8                              0.77 (0.48)   0.72 (0.58)
both, as here                                0.90 (0.72)   0.94 (0.87)
maps of stride 4 and 8, quarters of the box  0.86 (0.55)   0.80 (0.63)
map of stride 16                             0.64 (0.34)   0.73 (0.54)
pyramid, stride 8                            0.61 (0.31)   0.70 (0.49)
============================================ ============= =============

Deeper maps know what a thing is, and less whose it is. Means over CDNET-highway and three clips (tracks of
the product itself as truth), and over TUD-Stadtmitte, PETS09-S2L1, MOT16-09 and one clip;
smaller_vgg_rep_medium. On the ground truth ``benchmarks/appearance.py --parts colours,features,both``
measures it again.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.detections import Detections
from detectors.errors import UsageError, WeightsError
from detectors.frame import Frame
from detectors.opencv import load_cv2
from detectors.zoo._fit import Place

cv2 = load_cv2()

BINS = (8, 4, 4)
RANGES = (0, 180, 0, 256, 0, 256)
THIRDS = 3
#: Of the map in the squared length of a vector. Half and 0.7 were no better a second later, and worse
#: after two.
MAP_SHARE = 0.3
#: Points a side at which the map is read in a box.
POINTS = 8


def model_with_features(path: Path, sidecar: str, features: str | None) -> bytes:
    """Return an ONNX model with its map of features among the outputs.

    Args:
        path: of the model.
        sidecar: path of the text beside it, for messages.
        features: name of the map, as the sidecar says it.

    Raises:
        UsageError: it names none.
        WeightsError: the model has no such value.
    """
    if features is None:
        raise UsageError(f"{sidecar} names no features in [output]: no embeddings from {path.name}")
    from detectors.runtimes.outputs import with_output  # half a second for whoever asks

    try:
        return with_output(path.read_bytes(), features)
    except WeightsError as exc:
        raise WeightsError(f"{path.name} {exc}") from exc


def with_embeddings(
    found: Detections, frame: Frame, features: NDArray[np.float32], stride: int, place: Place
) -> Detections:
    """Return the detections on a frame with their embeddings; see ``embeddings``."""
    return replace(found, embeddings=embeddings(frame.image, found.boxes, features, stride, place))


def embeddings(
    image: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    features: NDArray[np.float32],
    stride: int,
    place: Place,
) -> NDArray[np.float32]:
    """Return vectors float32 (N, D) of unit length, whose products are cosines.

    Args:
        image: uint8 (H, W, 3) BGR, the frame's own pixels.
        boxes: float32 (N, 4) xyxy in its pixels, not empty.
        features: float (C, h, w), a map of the network.
        stride: pixels of the network's input a cell of it.
        place: where the frame lies in that input.
    """
    colours = np.array([colours_of(image, box) for box in boxes], np.float32)
    colours = colours.reshape(len(boxes), THIRDS * math.prod(BINS))
    known = _pooled(_standard(features), boxes, stride, place)
    return np.concatenate(
        [math.sqrt(1 - MAP_SHARE) * _unit(colours), math.sqrt(MAP_SHARE) * _unit(known)], axis=1
    )


def colours_of(image: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the roots of the shares of the colours in a box (4,) xyxy, third by third: float32 (384,)."""
    height, width = image.shape[:2]
    left, right = _within(box[0], box[2], width)
    parts = []
    for edges in np.linspace(box[1], box[3], THIRDS + 1).repeat(2)[1:-1].reshape(-1, 2):
        top, bottom = _within(edges[0], edges[1], height)
        hsv = cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_BGR2HSV)
        counts = cv2.calcHist([hsv], [0, 1, 2], None, BINS, RANGES).ravel()
        parts.append(np.sqrt(counts / counts.sum()))
    return np.concatenate(parts)


def _within(low: float, high: float, most: int) -> tuple[int, int]:
    """Return the pixels from ``low`` to ``high``, one at least, in a picture of ``most``."""
    first = min(max(round(float(low)), 0), most - 1)
    return first, min(max(round(float(high)), first + 1), most)


def _standard(features: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = features.reshape(len(features), -1)
    mean, spread = flat.mean(axis=1), flat.std(axis=1) + 1e-4
    return np.asarray((features - mean[:, None, None]) / spread[:, None, None], np.float32)


def _pooled(
    features: NDArray[np.float32], boxes: NDArray[np.float32], stride: int, place: Place
) -> NDArray[np.float32]:
    """Return the mean (N, C) of the map over each box, read between the cells' centres (as RoIAlign does)."""
    if not len(boxes):
        return np.zeros((0, len(features)), np.float32)
    at = (np.arange(POINTS) + 0.5) / POINTS
    x, y = (
        ((boxes[:, a, None] + (boxes[:, b, None] - boxes[:, a, None]) * at) * scale + offset) / stride - 0.5
        for a, b, scale, offset in zip((0, 1), (2, 3), place.scale, place.offset, strict=True)
    )
    across = np.broadcast_to(x[:, None, :], (len(boxes), POINTS, POINTS)).reshape(len(boxes), -1)
    down = np.broadcast_to(y[:, :, None], (len(boxes), POINTS, POINTS)).reshape(len(boxes), -1)
    cells = np.ascontiguousarray(features.transpose(1, 2, 0))
    return np.stack([_read(cells, xs, ys).mean(axis=0) for xs, ys in zip(across, down, strict=True)])


def _read(
    cells: NDArray[np.float32], x: NDArray[np.floating], y: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return the map (h, w, C) at P points (P, C), bilinear; beyond the border the nearest cell."""
    height, width = cells.shape[:2]
    x, y = x.clip(0, width - 1), y.clip(0, height - 1)
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    u, v = (x - left)[:, None].astype(np.float32), (y - top)[:, None].astype(np.float32)
    upper = cells[top, left] * (1 - u) + cells[top, right] * u
    lower = cells[bottom, left] * (1 - u) + cells[bottom, right] * u
    return np.asarray(upper * (1 - v) + lower * v, np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-6), np.float32)

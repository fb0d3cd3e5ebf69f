"""Pictures that look alike, by a perceptual hash: copies, other sizes of one picture, frames of one video."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from detectors.opencv import load_cv2

cv2 = load_cv2()

Hashes = NDArray[np.uint64]

#: Bits of 64 in which pictures that look alike differ at most. Among 4,317 photographs of flowers, the 38
#: pairs up to it are one photograph each, by eye, and most of the 24 pairs at 12 bits are not; among 4,318
#: road pictures every pair up to it that was looked at is one place. From 16 on, chains join nearly all.
NEAR = 10
_SIDE, _KEPT = 32, 8  # pixels; coefficients a side
_FLAT = 1e-3  # a coefficient below it is rounding, as all are in a picture of one colour
_BLOCK = 128  # rows of the table of distances that are in memory at one time


def perceptual_hash(image: NDArray[np.uint8]) -> np.uint64:
    """Return the 64-bit pHash of a picture: which of its lowest frequencies lie above their median.

    Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010, section 3.2.1; the mean
    over the area stands for the paper's mean filter and the resize behind it.

    Args:
        image: uint8 (H, W, 3) BGR.
    """
    grey = cv2.cvtColor(cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    # without the first row and column: they hold the brightness and its slope, which the light changes
    low = dctn(grey.astype(np.float32), norm="ortho")[1 : _KEPT + 1, 1 : _KEPT + 1]
    low = np.where(np.abs(low) < _FLAT, 0, low)
    return np.uint64(np.packbits(low.ravel() > np.median(low)).view(np.uint64)[0])


def near_pairs(hashes: Hashes, distance: int) -> NDArray[np.int64]:
    """Return the pairs (P, 2) of indices i < j whose hashes (N,) differ in at most ``distance`` bits.

    A picture that occurs n times makes n^2 / 2 pairs: for groups see ``near_groups``.
    """
    found = [np.stack(pair, axis=1) for pair in _near(hashes, hashes, distance)]
    pairs = np.concatenate([*found, np.zeros((0, 2), np.int64)])
    return np.asarray(pairs[pairs[:, 0] < pairs[:, 1]], np.int64)


def near_groups(hashes: Hashes, distance: int) -> NDArray[np.int64]:
    """Return the number (N,) of the group of each hash (N,): who is near another one is in its group.

    Groups grow along chains, as frames of a video do: their ends may be further apart than ``distance``.
    """
    unique, back = np.unique(hashes, return_inverse=True)
    group = np.arange(len(unique))
    for first, second in _near(unique, unique, distance):  # merged block by block: pairs can be very many
        shape = (len(unique), len(unique))
        graph = coo_array((np.ones(len(first), np.bool_), (group[first], group[second])), shape=shape)
        group = connected_components(graph, directed=False)[1][group]
    return np.asarray(group[back.ravel()], np.int64)


def nearest(hashes: Hashes, others: Hashes) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return of each hash (N,) the index of the nearest of others (M,), M >= 1, and their distance."""
    index, bits = np.zeros(len(hashes), np.int64), np.zeros(len(hashes), np.uint8)
    for start, table in _distances(hashes, others):
        rows = slice(start, start + len(table))
        index[rows], bits[rows] = table.argmin(axis=1), table.min(axis=1)
    return index, bits


def _near(a: Hashes, b: Hashes, distance: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    for start, table in _distances(a, b):
        first, second = np.nonzero(table <= distance)
        yield first + start, second


def _distances(a: Hashes, b: Hashes) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the table (N, M) of Hamming distances in blocks of rows, each with its first row."""
    for start in range(0, len(a), _BLOCK):
        yield start, np.bitwise_count(a[start : start + _BLOCK, None] ^ b)

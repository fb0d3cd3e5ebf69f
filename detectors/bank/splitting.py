"""Some of the pictures for validation: all classes in proportion, and no near-duplicates on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.bank.classes import labels_of
from detectors.bank.hashing import NEAR, Hashes, near_groups
from detectors.bank.labels import Labelled

_ROUNDS = 3  # what the first one takes too much of, the next one gives back


def split(labelled: Sequence[Labelled], hashes: Hashes, val_share: float, seed: int) -> list[str]:
    """Return the split (N,) of each picture: the one it has, or else "train" or "val".

    Pictures that look alike (in a group of ``near_groups``) go together. A group goes to val where that
    brings the classes' shares nearer to ``val_share``, after Sechidis et al., On the Stratification of
    Multi-Label Data, ECML PKDD 2011, though in random order: with the largest or the rarest first, val
    would be of one kind.

    Args:
        labelled: the pictures.
        hashes: perceptual hashes (N,).
        val_share: in [0, 1).
        seed: for the order in which groups are tried.
    """
    splits = [one.split for one in labelled]
    if val_share <= 0 or None not in splits:
        return [own or "train" for own in splits]
    groups = near_groups(hashes, NEAR)
    fixed = _fixed(splits, groups)
    counts = _counts(labelled, groups)
    free = np.array([group for group in range(len(counts)) if group not in fixed], np.int64)
    chosen = dict.fromkeys(_chosen(counts[free], val_share, seed), "val")
    by_group = fixed | {int(free[place]): name for place, name in chosen.items()}
    return [own or by_group.get(int(group), "train") for own, group in zip(splits, groups, strict=True)]


def _fixed(splits: Sequence[str | None], groups: NDArray[np.int64]) -> dict[int, str]:
    """Return the split of groups in which some picture has one already."""
    found: dict[int, str] = {}
    for own, group in zip(splits, groups, strict=True):
        if own is not None:
            found.setdefault(int(group), own)
    return found


def _counts(labelled: Sequence[Labelled], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (G, 1 + C): of each group its pictures, and its pictures with each class."""
    column = {label: number for number, label in enumerate(labels_of(labelled), 1)}
    counts = np.zeros((int(groups.max()) + 1, 1 + len(column)))
    for one, group in zip(labelled, groups, strict=True):
        counts[group, [0, *(column[label] for label in labels_of([one]))]] += 1
    return counts


def _chosen(counts: NDArray[np.float64], share: float, seed: int) -> list[int]:
    """Return the rows (G, C) whose sums come near ``share`` of every column."""
    target = counts.sum(0) * share
    scale = np.maximum(target, 1e-9)
    total, chosen = np.zeros(counts.shape[1]), np.zeros(len(counts), bool)
    order = np.random.default_rng(seed).permutation(len(counts))
    for row in np.tile(order, _ROUNDS):
        other = total + (-counts[row] if chosen[row] else counts[row])
        before, after = ((((sums - target) / scale) ** 2).sum() for sums in (total, other))
        if after < before:
            total, chosen[row] = other, not chosen[row]
    return [int(row) for row in np.flatnonzero(chosen)]

"""Copies and look-alikes: between splits they make a validation too good, in one they count twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from detectors.bank.classes import labels_of
from detectors.bank.findings import Finding, Seen, found
from detectors.bank.hashing import NEAR, Hashes, near_groups, nearest

_ORDER = ("train", "val", "test")


def alike(pictures: Sequence[Seen]) -> Iterator[Finding]:
    """Yield what is found out by comparing pictures with one another."""
    copies: dict[str, list[Seen]] = defaultdict(list)
    for one in pictures:
        copies[one.look.digest].append(one)
    several = [group for group in copies.values() if len(group) > 1]
    leaking = [group for group in several if len({one.split for one in group}) > 1]
    within = [group for group in several if len({one.split for one in group}) == 1]
    other = [group for group in several if len({_classes(one) for one in group}) > 1]
    yield from found("leak", "pictures with a copy in another split", map(_named, leaking), is_error=True)
    yield from found(
        "contradiction", "pictures with a copy of other classes", map(_named, other), is_error=True
    )
    yield from found("copy", "pictures with a copy in the same split", map(_named, within))
    yield from found(
        "near_leak", f"look-alikes in another split, at most {NEAR} bits of 64 apart", _leaks(pictures)
    )
    yield from _groups(pictures)


def _leaks(pictures: Sequence[Seen]) -> Iterator[str]:
    """Yield each picture that looks like one of an earlier split, with the nearest of that one."""
    by_split: dict[str, list[Seen]] = defaultdict(list)
    for one in pictures:
        by_split[one.split].append(one)
    order = sorted(by_split, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
    for first, second in combinations(order, 2):
        index, bits = nearest(_hashes(by_split[second]), _hashes(by_split[first]))
        for one, place, distance in zip(by_split[second], index, bits, strict=True):
            other = by_split[first][place]
            if distance <= NEAR and one.look.digest != other.look.digest:
                names = (f"{split}: {seen.where}" for split, seen in ((second, one), (first, other)))
                yield f"{' ~ '.join(names)} ({distance} bits)"


def _groups(pictures: Sequence[Seen]) -> Iterator[Finding]:
    """Yield the groups of look-alikes in one split, and those of class folders that lie in two classes."""
    groups: dict[int, list[Seen]] = defaultdict(list)
    for one, number in zip(pictures, near_groups(_hashes(pictures), NEAR), strict=True):
        groups[int(number)].append(one)
    torn = [
        group
        for group in groups.values()
        if all(one.by_folder for one in group)
        and len({_classes(one) for one in group}) > 1
        and len({one.look.digest for one in group}) > 1
    ]
    yield from found("near_contradiction", "groups of look-alikes in two classes", map(_named, torn))
    sizes = sorted((len({one.look.digest for one in group}) for group in groups.values()), reverse=True)
    several = [size for size in sizes if size > 1]
    if several:
        what = f"groups of look-alikes, {sum(several)} pictures, the largest of {several[0]}"
        chosen = [group for group in groups.values() if len({one.look.digest for one in group}) > 1]
        yield from found("near", what, map(_named, sorted(chosen, key=len, reverse=True)))


def _named(group: Sequence[Seen]) -> str:
    more = f" and {len(group) - 4} more" if len(group) > 4 else ""
    return " = ".join(one.where for one in group[:4]) + more


def _classes(one: Seen) -> tuple[str, ...]:
    return tuple(labels_of([one.labelled]))


def _hashes(pictures: Sequence[Seen]) -> Hashes:
    return np.array([one.look.phash for one in pictures], np.uint64)

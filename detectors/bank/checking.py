"""What is wrong with labelled pictures: errors, which spoil a training or its figures, and warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.bank.alike import alike
from detectors.bank.banks import Bank
from detectors.bank.classes import labels_of
from detectors.bank.entries import Entry, sizes
from detectors.bank.findings import Finding, Seen, found
from detectors.bank.labels import Box
from detectors.bank.pictures import Look, look_all
from detectors.errors import DataError

ALL = "all"  # of pictures that no split is said of
_REACH_PX = 1.0  # so far over the border a box is as good as inside


@dataclass(frozen=True, slots=True)
class Share:
    """How much there is of a class in a split.

    Attributes:
        pictures: with such a box.
        boxes: of them those that count: not to be ignored.
    """

    pictures: int
    boxes: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Attributes:
        pictures: number by split.
        classes: by name, then by split.
        findings: errors first.
    """

    pictures: Mapping[str, int]
    classes: Mapping[str, Mapping[str, Share]]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        """Number of findings that are errors."""
        return sum(finding.is_error for finding in self.findings)


def check(banks: Sequence[Bank]) -> Report:
    """Look at every picture of some sets, all taken together, and at what is said of it."""
    pictures = Counter(_split(entry) for bank in banks for entry in bank.entries)
    classes = _shares(banks)
    seen, broken = _look(banks)
    findings = [
        *found("broken", "missing or damaged pictures", broken, is_error=True),
        *_names(banks),
        *_boxes(banks, seen),
        *alike([one for one, _ in seen]),
        *_coverage(banks, pictures, classes),
    ]
    # sorting is stable: within errors and warnings the order stays
    return Report(
        dict(sorted(pictures.items())), classes, tuple(sorted(findings, key=lambda f: not f.is_error))
    )


def _split(entry: Entry) -> str:
    return entry.labelled.split or ALL


def _look(banks: Sequence[Bank]) -> tuple[list[tuple[Seen, Entry]], list[str]]:
    """Return the pictures that are whole, and what is the matter with the others."""
    seen, broken = [], []
    for bank in banks:
        looks = look_all([entry.labelled.path for entry in bank.entries])
        for entry, look in zip(bank.entries, looks, strict=True):
            if isinstance(look, DataError):
                broken.append(str(look))
                continue
            where = f"{bank.name}/{entry.labelled.name}"
            seen.append((Seen(where, entry.labelled, _split(entry), look, bank.by_folder), entry))
    return seen, broken


def _names(banks: Sequence[Bank]) -> Iterator[Finding]:
    twice = []
    for bank in banks:
        names = Counter(entry.labelled.name for entry in bank.entries)
        twice += [f"{bank.name}/{name} ({number} times)" for name, number in names.items() if number > 1]
    yield from found("name", "pictures that are labelled twice", twice, is_error=True)


def _boxes(banks: Sequence[Bank], seen: Sequence[tuple[Seen, Entry]]) -> Iterator[Finding]:
    size, none, outside, over = [], [], [], []
    for one, entry in seen:
        if entry.size is not None and entry.size != one.look.size:
            size.append(f"{one.where}: {sizes(entry.size, one.look.size)}")
            continue  # of boxes in another scale nothing more can be said
        for box in entry.labelled.boxes:
            place = f"{one.where}: {box.label} at {_corners(box)}, picture {_by(one.look)}"
            if not _has_area(box):
                none.append(place)
            elif _reach(box, one.look.size, inside=True) <= 0:
                outside.append(place)
            elif _reach(box, one.look.size) > _REACH_PX:
                over.append(place)
    empty = [one.where for one, _ in seen if not one.labelled.boxes]
    rest = [f"{bank.name}/{path.name}" for bank in banks for path in bank.unlabelled]
    yield from found("size", "pictures of another size than labelled", size, is_error=True)
    yield from found("area", "boxes of no area", none, is_error=True)
    yield from found("outside", "boxes outside of their picture", outside, is_error=True)
    yield from found("border", f"boxes more than {_REACH_PX:g} pixel over the border", over)
    yield from found("unlabelled", "pictures that the labels say nothing of", rest)
    yield from found("empty", "pictures without a box", empty)


def _has_area(box: Box) -> bool:
    x1, y1, x2, y2 = box.xyxy
    return bool(np.isfinite(box.xyxy).all() and x2 > x1 and y2 > y1)


def _reach(box: Box, size: tuple[int, int], inside: bool = False) -> float:
    """Return how many pixels a box goes over the border at most, or how many of it are inside at least."""
    x1, y1, x2, y2 = box.xyxy
    if inside:
        return min(x2, size[0] - x1, y2, size[1] - y1)
    return max(-x1, -y1, x2 - size[0], y2 - size[1])


def _corners(box: Box) -> str:
    return " ".join(f"{value:g}" for value in box.xyxy)


def _by(look: Look) -> str:
    return f"{look.size[0]}x{look.size[1]}"


def _shares(banks: Sequence[Bank]) -> dict[str, dict[str, Share]]:
    """Return the pictures and boxes of each class in each split; a class without any has no split."""
    pictures: Counter[tuple[str, str]] = Counter()
    boxes: Counter[tuple[str, str]] = Counter()
    for bank in banks:
        for entry in bank.entries:
            own = [box.label for box in entry.labelled.boxes if not box.ignore]
            pictures.update((label, _split(entry)) for label in set(own))
            boxes.update((label, _split(entry)) for label in own)
    names = {*labels_of([e.labelled for bank in banks for e in bank.entries])}
    names |= {name for bank in banks for name in bank.class_names}
    return {
        name: {s: Share(pictures[n, s], boxes[n, s]) for n, s in sorted(pictures) if n == name}
        for name in sorted(names)
    }


def _coverage(
    banks: Sequence[Bank], pictures: Mapping[str, int], classes: Mapping[str, Mapping[str, Share]]
) -> Iterator[Finding]:
    declared = {name for bank in banks for name in bank.class_names}
    hollow = [bank.name for bank in banks if not bank.entries]
    none = [name for name in sorted(declared) if not classes[name]]
    single = [f"{name}: {next(iter(own))}" for name, own in classes.items() if len(own) == 1]
    yield from found("hollow", "sets without any picture", hollow, is_error=True)
    yield from found("no_pictures", "classes without pictures", none)
    if len(pictures) > 1:
        yield from found("one_split", "classes in one split only", single)
    elif pictures and ALL not in pictures:
        yield from found("no_val", "no other split", (f"all pictures are {name}" for name in pictures))

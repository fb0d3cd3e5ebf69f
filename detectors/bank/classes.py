"""Other names for classes, and which of them a set is about."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from detectors.bank.labels import Box, Labelled
from detectors.errors import UsageError


def labels_of(labelled: Iterable[Labelled]) -> list[str]:
    """Return the classes of all boxes, sorted."""
    return sorted({box.label for one in labelled for box in one.boxes})


def renamed(labelled: Sequence[Labelled], names: Mapping[str, str]) -> list[Labelled]:
    """Return the pictures with other names for some classes; a box of a class that becomes "" is left out.

    Raises:
        UsageError: a class to rename does not occur.
    """
    check_names(names, labels_of(labelled))
    missing = sorted(names.keys() - set(labels_of(labelled)))
    if missing:
        raise UsageError(f"no box has the class {missing[0]}: there is {_listed(labels_of(labelled))}")
    return [replace(one, boxes=tuple(_renamed(one.boxes, names))) for one in labelled]


def _renamed(boxes: Iterable[Box], names: Mapping[str, str]) -> Iterable[Box]:
    for box in boxes:
        label = names.get(box.label, box.label)
        if label:
            yield replace(box, label=label)


def check_names(names: Iterable[str], known: Sequence[str]) -> None:
    """See that no name is another one, mistyped; a class without any box is possible.

    Raises:
        UsageError: one is nearly that of a class.
    """
    lower = {name.lower(): name for name in known}
    for name in names:
        near = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.8)
        if name not in known and near:
            raise UsageError(f"no box has the class {name}: did you mean {lower[near[0]]}?")


def showing(labelled: Sequence[Labelled], class_names: Sequence[str] | None) -> list[Labelled]:
    """Return the pictures that show one of the classes, or any without ``class_names``."""
    return [
        one for one in labelled if any(class_names is None or box.label in class_names for box in one.boxes)
    ]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return (", ".join(names[:20]) or "none") + more

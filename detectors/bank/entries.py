"""What a label file says, before it is seen whether the pictures agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from detectors.bank.labels import Labelled
from detectors.bank.pictures import looks
from detectors.errors import DataError


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture as a label file says.

    Attributes:
        labelled: the picture, which may be missing or damaged, and its boxes.
        size: width and height in pixels that the labels are meant for; None where the file says none.
        said_in: the file, to be named in messages.
    """

    labelled: Labelled
    size: tuple[int, int] | None
    said_in: str


def agreed(entries: Sequence[Entry]) -> list[Labelled]:
    """Return the labelled pictures, if all of them are whole and as large as their labels say.

    Raises:
        DataError: one is missing, damaged or of another size.
    """
    for entry in entries:
        if not entry.labelled.path.is_file():
            raise DataError(f"{entry.said_in}: picture {entry.labelled.path} is missing")
    found = looks([entry.labelled.path for entry in entries])
    for entry, seen in zip(entries, found, strict=True):
        if entry.size is not None and entry.size != seen.size:
            raise DataError(f"{entry.said_in}: {sizes(entry.size, seen.size)}: {entry.labelled.path}")
    return [entry.labelled for entry in entries]


def sizes(said: tuple[int, int], seen: tuple[int, int]) -> str:
    """Say how two sizes differ."""
    turned = ", which is turned (EXIF)" if said == seen[::-1] else ""
    return f"labels are for {said[0]}x{said[1]} pixels, the picture has {seen[0]}x{seen[1]}{turned}"

"""One thing that is wrong with labelled pictures, and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from detectors.bank.labels import Labelled
from detectors.bank.pictures import Look


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, in so many places.

    Attributes:
        kind: a word for programs, such as "leak".
        what: in words.
        places: each of them, in words.
        is_error: whether it spoils a training or its figures for sure.
    """

    kind: str
    what: str
    places: tuple[str, ...]
    is_error: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture that is whole, as labelled and as seen.

    Attributes:
        where: set and name.
        labelled: the picture.
        split: that it is in.
        look: what it looks like.
        by_folder: its class is its folder's name.
    """

    where: str
    labelled: Labelled
    split: str
    look: Look
    by_folder: bool


def found(kind: str, what: str, places: Iterable[str], *, is_error: bool = False) -> Iterator[Finding]:
    """Yield the finding, if there is any such place."""
    listed = tuple(places)
    if listed:
        yield Finding(kind, what, listed, is_error)

"""What the page is put together from: sections with sentences, figures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracker.report.drawing import Image, Picture
from tracker.report.results import Results
from tracker.report.tables import Way
from tracker.report.words import Language


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts.

    Attributes:
        name: what it is called, for who cannot see it; the words to click on where it is folded.
        head: of the columns.
        rows: cells, as many as the head has.
        foot: sums below, or None.
        texts: so many columns from the left are words; the others are numbers.
        folded: shown when it is asked for.
        shades: of the number cells, row by row, from 0 to 1; None for none.
    """

    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    foot: Sequence[str] | None = None
    texts: int = 1
    folded: bool = False
    shades: Sequence[Sequence[float]] | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page.

    Attributes:
        name: for links, in letters.
        title: above it.
        lead: one sentence below the title.
        pictures: figures.
        tables: below them.
        notes: sentences below the tables.
        points: a list of sentences.
        quotes: a list of messages, as they were given, under their title.
    """

    name: str
    title: str
    lead: str = ""
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    points: Sequence[str] = ()
    quotes: tuple[str, Sequence[str]] = ("", ())


@dataclass(frozen=True, slots=True)
class Card:
    """A headline number."""

    number: str
    label: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A class in the bar of the classes: its place and width are in per cent."""

    name: str
    number: str
    percent: str
    colour: str
    left: float
    width: float


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """What every section is made of.

    Attributes:
        results: of the run.
        say: the language.
        ground: picture of the road, or None.
        colours: of lines and directions.
    """

    results: Results
    say: Language
    ground: Image | None
    colours: dict[Way, str]

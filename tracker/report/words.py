"""The words, numbers and dates of a report in the languages that it is written in.

The words themselves stand in ``words.toml``: a text under ``NAME_one`` is the singular of ``NAME``.
"""

from __future__ import annotations

import math
import tomllib
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from typing import Any

from detectors.errors import UnknownNameError

LANGUAGES = ("en", "pt-BR")
#: A number that is not known.
NONE = "–"  # noqa: RUF001
_NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"


class Language:
    """Says things in one language.

    Attributes:
        code: as in HTML's ``lang``.
    """

    def __init__(self, code: str) -> None:
        """Read the words.

        Raises:
            UnknownNameError: there is no such language.
        """
        known = {name.lower(): name for name in LANGUAGES}
        if code.lower() not in known:
            raise UnknownNameError("language", code, LANGUAGES)
        self.code = known[code.lower()]
        self._words: Mapping[str, Any] = _all_words()[self.code]

    def __call__(self, key: str, /, **values: object) -> str:
        """Return a text with its values put in; numbers are written as the language writes them."""
        told = {name: self.value(value) for name, value in values.items()}
        return str(self._words[key]).format(**told)

    def count(self, key: str, number: float, /, **values: object) -> str:
        """Return a text about ``n`` things, in the singular where that is one."""
        singular = f"{key}_one"
        return self(singular if number == 1 and singular in self._words else key, n=number, **values)

    def value(self, value: object) -> str:
        """Return whole numbers with their thousands apart, and anything else as text."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return self.number(float(value)) if is_number else str(value)  # type: ignore[arg-type]

    def number(self, value: float | None, digits: int = 0) -> str:
        """Return a number, such as 1,234.5, or 1.234,5 in Portuguese; a dash of None."""
        if value is None or math.isnan(value):
            return NONE
        text = f"{value:,.{digits}f}"
        if self.code == "pt-BR":
            text = text.translate({ord(","): ".", ord("."): ","})
        return text.replace("-", "\N{MINUS SIGN}")

    def percent(self, share: float | None, digits: int = 0) -> str:
        """Return a share in per cent."""
        return NONE if share is None else self.number(100 * share, digits) + "%"

    def duration(self, seconds: float | None) -> str:
        """Return a length of time, such as ``47.6 s``, ``12 min 5 s`` or ``23 h 59 min``."""
        if seconds is None:
            return NONE
        if seconds < 60:
            return f"{self.number(seconds, int(seconds % 1 != 0))}{_NARROW_SPACE}s"
        whole = round(seconds)
        if whole < 3600:
            return _pair(whole // 60, "min", whole % 60, "s")
        minutes = round(seconds / 60)
        if minutes < 2 * 1440:
            return _pair(minutes // 60, "h", minutes % 60, "min")
        hours = round(seconds / 3600)
        return _pair(hours // 24, "d", hours % 24, "h")

    def date(self, moment: datetime) -> str:
        """Return a day in words."""
        month = self._words["months"][moment.month - 1]
        return self("date", day=str(moment.day), month=month, year=str(moment.year))

    def short_date(self, moment: datetime) -> str:
        """Return a day for an axis."""
        return moment.strftime("%d/%m") if self.code == "pt-BR" else f"{moment:%b} {moment.day}"

    def name_class(self, name: str, one: bool = False) -> str:
        """Return what a class of the detector is called here: a name that is not known stays as it is."""
        names = self._words["class" if one else "classes"]
        return str(names.get(_SAME.get(name.lower(), name.lower()), clean(name)))

    def name_reason(self, name: str) -> str:
        """Return in words why the CNN ran."""
        return str(self._words["reasons"].get(name, clean(name)))


#: Other names of the classes in ``words.toml``.
_SAME = {
    "motorcycle": "motorbike",
    "pedestrian": "person",
    "people": "person",
    "bike": "bicycle",
    "lorry": "truck",
}


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    first = f"{large}{_NARROW_SPACE}{large_unit}"
    return f"{first} {small}{_NARROW_SPACE}{small_unit}" if small else first


def _all_words() -> dict[str, Any]:
    return tomllib.loads(resources.files("tracker.report").joinpath("words.toml").read_text("utf-8"))


def clean(name: str) -> str:
    """Return a name from a file without control characters, which neither SVG nor HTML can hold."""
    return "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in name).strip()


def shortened(name: str, most: int = 28) -> str:
    """Return a name that fits into a figure."""
    name = clean(name)
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"

"""What ``--db`` takes: a file's name, ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from detectors.errors import UsageError
from detectors.registry import is_installed

_SQLITE, _POSTGRES = "sqlite+pysqlite", "postgresql+psycopg"
#: What may be written, and the driver that it means.
_DRIVERS = {
    "sqlite": _SQLITE,
    _SQLITE: _SQLITE,
    "postgresql": _POSTGRES,
    "postgres": _POSTGRES,
    _POSTGRES: _POSTGRES,
}
_FORMS = "give a file's name, sqlite:///FILE or postgresql://USER@HOST/NAME"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is.

    Attributes:
        url: with the driver that is used, and with the password: not to be shown.
        name: what messages call it, without password and options.
        file: of SQLite; None for a server.
    """

    url: URL = field(repr=False)
    name: str
    file: Path | None = None


def read_address(text: str) -> Address:
    """Return what the user's text means.

    Raises:
        UsageError: it means nothing, or its driver is not installed. The text is not repeated in the message
            where a password may be in it.
    """
    scheme, colon, _ = text.partition(":")
    if "://" not in text and not (colon and scheme in _DRIVERS):
        return _of_file(text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as exc:
        raise UsageError(f"{scheme}:*** is no address of a database: {_FORMS}") from exc
    if url.drivername not in _DRIVERS:
        raise UsageError(f"no database of the kind '{url.drivername}' can be used: {_FORMS}")
    url = url.set(drivername=_DRIVERS[url.drivername])
    return _of_file(url.database or "") if url.drivername == _SQLITE else _of_server(url)


def _of_file(name: str) -> Address:
    if not name.strip() or name == ":memory:" or name.startswith("file:"):
        raise UsageError(f"the database's file has no name: {_FORMS}")
    return Address(URL.create(_SQLITE, database=name), name, Path(name))


def _of_server(url: URL) -> Address:
    if not is_installed("psycopg"):
        raise UsageError("PostgreSQL needs psycopg: pip install 'psycopg[binary]>=3.2,<4'")
    # the options behind the question mark may hold a password too
    shown = url.set(drivername="postgresql", query={})
    return Address(url, shown.render_as_string(hide_password=True))

"""Opens a database, keeps transactions whole, and turns foreign errors into one line.

SQLite runs in WAL mode: readers do not wait for writers, writers wait for one another (``_BUSY_S`` at most),
and a process that is killed leaves whole transactions.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from detectors.errors import ProjectError
from tracker.errors import ResultError, SinkError
from tracker.storage.address import Address
from tracker.storage.refusal import RefusedError
from tracker.storage.schema import upgrade

_BUSY_S = 30.0
_CONNECT_S = 10
#: One state of the database for all that is read, and no lock that a writer would wait for.
_READING: dict[str, dict[str, Any]] = {
    "sqlite": {"reading": True},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}
#: What processes of this program lock that must not change the tables, or begin the same run, at once.
_LOCK = text("SELECT pg_advisory_xact_lock(7295170661)")
#: What to do, by a piece of the driver's own words.
_ADVICE = {
    "database is locked": "another program is writing into it; try again later",
    "is full": "free some space, or choose another place",
    "No space left": "free some space, or choose another place",
    "unable to open": "choose a folder that you may write to",
    "readonly": "choose a folder that you may write to",
    "not a database": "name another file",
    "malformed": "restore a copy, or name another file",
    "does not exist": "create it, or name another",
    "authentication failed": "give the right user and password, or set PGPASSWORD",
    "connection to server": "see that the server runs and that the address is right",
    "could not translate host name": "see that the address is right",
}


class Database:
    """An open database.

    Attributes:
        name: what messages call it.
    """

    def __init__(self, address: Address) -> None:
        """Nothing is opened before the first transaction."""
        self.name = address.name
        self._file = address.file
        self._secret = address.url.password
        self._engine = _sqlite(address) if address.file else _postgres(address)

    @contextmanager
    def transaction(self, alone: bool = False) -> Iterator[Connection]:
        """Yield a connection whose changes are kept together, or not at all.

        Args:
            alone: keep every other transaction that wants to be alone away until this one ends.

        Raises:
            SinkError: something in it could not be written.
        """
        with self._explained(SinkError, "write"), self._engine.begin() as connection:
            if alone and connection.dialect.name == "postgresql":  # in SQLite every writer is alone
                connection.execute(_LOCK)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one state of the database and waits for no writer.

        Raises:
            ResultError: it cannot be read.
        """
        if self._file is not None and not self._file.is_file():  # SQLite would make one
            raise ResultError(f"cannot read {self.name}: there is no such file")
        with self._explained(ResultError, "read"), self._engine.connect() as connection:
            yield connection.execution_options(**_READING[connection.dialect.name])

    def close(self) -> None:
        """Close all connections; a later transaction would open one again."""
        self._engine.dispose()

    @contextmanager
    def _explained(self, kind: type[ProjectError], deed: str) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, RefusedError) as exc:
            raise kind(f"cannot {deed} {self.name}: {self._why(exc)}") from exc

    def _why(self, exc: Exception) -> str:
        cause = exc.orig if isinstance(exc, DBAPIError) and exc.orig else exc
        why = next((line.strip() for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
        advice = next((todo for words, todo in _ADVICE.items() if words in why), None)
        told = f"{why}; {advice}" if advice else why
        return told.replace(str(self._secret), "***") if self._secret else told


def open_database(address: Address) -> Database:
    """Open a database and bring its tables to what this program knows; a file is made where there is none.

    Raises:
        SinkError: it cannot be opened or changed, or its tables are of a newer or of another program.
    """
    database = Database(address)
    try:
        with database.transaction(alone=True) as connection:
            upgrade(connection)
    except BaseException:
        database.close()
        raise
    return database


def _postgres(address: Address) -> Engine:
    # what the user's own address says of these stands above them
    usual = {"connect_timeout": _CONNECT_S, "fallback_application_name": "road-tracker"}
    arguments = {name: value for name, value in usual.items() if name not in address.url.query}
    return create_engine(address.url, pool_size=1, max_overflow=1, pool_pre_ping=True, connect_args=arguments)


def _sqlite(address: Address) -> Engine:
    engine = create_engine(address.url, paramstyle="named", connect_args={"timeout": _BUSY_S})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # sqlite3 itself would begin too late: transactions begin in _begin
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")  # in WAL mode whole also after a power cut
    until_s = time.monotonic() + _BUSY_S
    while not _in_wal_mode(connection):
        # SQLite does not wait by itself here, where another process switches at the same moment
        if time.monotonic() > until_s:
            raise sqlite3.OperationalError("database is locked")
        time.sleep(0.02)


def _in_wal_mode(connection: sqlite3.Connection) -> bool:
    """Switch to WAL mode where that is possible; return False while another process is in the way."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as exc:
        if "locked" not in str(exc):
            raise
        return False
    return True


def _begin(connection: Connection) -> None:
    # a writer that began as a reader fails where another wrote in between, so it begins as one
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

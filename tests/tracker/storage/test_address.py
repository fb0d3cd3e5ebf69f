"""What names a database, and that a password in it is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.errors import UsageError
from tracker.storage.address import read_address


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("traffic.db", "traffic.db"),
        ("sqlite:///traffic.db", "traffic.db"),
        ("sqlite+pysqlite:///traffic.db", "traffic.db"),
        ("sqlite:////data/traffic.db", "/data/traffic.db"),
        ("/data/a 100%#1?.db", "/data/a 100%#1?.db"),
    ],
)
def test_a_file_is_sqlite(text: str, file: str) -> None:
    address = read_address(text)
    assert address.file == Path(file)
    assert address.name == address.url.database == file
    assert address.url.drivername == "sqlite+pysqlite"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_server_is_reached_through_psycopg_3(scheme: str) -> None:
    address = read_address(f"{scheme}://me:geheim@db.example:5433/traffic?sslmode=require&password=auch")
    assert address.url.drivername == "postgresql+psycopg"
    assert address.url.password == "geheim"
    assert address.file is None
    assert address.name == "postgresql://me:***@db.example:5433/traffic"
    assert "geheim" not in repr(address)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("mysql://me:geheim@host/name", "no database of the kind 'mysql'"),
        ("postgresql+asyncpg://me:geheim@host/name", "no database of the kind 'postgresql"),
        ("postgresql://me:geheim@host:port/name", r"postgresql:\*\*\* is no address"),
        ("postgresql:me:geheim@host/name", r"postgresql:\*\*\* is no address"),
        ("://geheim", r":\*\*\* is no address"),
        ("", "has no name"),
        ("sqlite://", "has no name"),
        ("sqlite:///:memory:", "has no name"),
    ],
)
def test_what_names_no_database_is_said_in_one_line(text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        read_address(text)
    assert "sqlite:///FILE" in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)

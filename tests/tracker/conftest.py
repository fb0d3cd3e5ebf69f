"""A real PostgreSQL server for a session, and an empty database of either kind for a test."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sqlalchemy import Table

NewDatabase = Callable[[], str]
Rows = Callable[[str, "Table"], list[dict[str, Any]]]


def server_programs() -> Path | None:
    """Return the folder of ``initdb`` and ``pg_ctl``, which Debian leaves out of the path."""
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("pg_ctl")
    folders = [*reversed(newest), *([Path(on_path).parent] if on_path else [])]
    return next((path for path in folders if (path / "initdb").is_file()), None)


@pytest.fixture(scope="session")
def new_postgres() -> Iterator[NewDatabase]:
    """Return what gives an empty database on a server of this session's own, on a socket in its folder."""
    programs = server_programs()
    if programs is None:
        pytest.skip("PostgreSQL NOT TESTED: there is no server here: apt-get install postgresql")
    # its programs refuse to run as root; a socket's path must be short, which pytest's own folders are not
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        as_user = {"user": user} if os.geteuid() == 0 else {}
        command = [str(programs / program), "-D", str(folder / "data"), *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **as_user)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stdout + done.stderr

    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    try:
        run("initdb", "-A", "trust", "-U", "tracker", "-E", "UTF8", "--locale", "C", "--no-sync")
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield maker(folder)
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def maker(folder: Path) -> NewDatabase:
    def make() -> str:
        import psycopg

        # emptied, which takes a tenth of the time of making another one
        with psycopg.connect(f"host={folder} user=tracker dbname=postgres", autocommit=True) as connection:
            others = "pid <> pg_backend_pid() AND usename = 'tracker'"
            connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return f"postgresql://tracker:geheim-1@/postgres?host={folder}"

    return make


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a database that has nothing in it yet; with a password where there can be one."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'traffic.db'}"
    make: NewDatabase = request.getfixturevalue("new_postgres")
    return make()


@pytest.fixture(scope="session")
def rows() -> Rows:
    """Return what reads all rows of a table in the order of its key."""
    from sqlalchemy import select

    from tracker.storage.address import read_address
    from tracker.storage.database import Database

    def read(url: str, table: Table) -> list[dict[str, Any]]:
        database = Database(read_address(url))
        with database.reading() as connection:
            found = connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
            content = [dict(row) for row in found]
        database.close()
        return content

    return read

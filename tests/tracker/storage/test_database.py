"""Databases are opened, brought to the newest schema, and never touched where they are another's."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, insert, inspect, select, text

from tracker.errors import ResultError, SinkError
from tracker.storage import database as module
from tracker.storage.address import read_address
from tracker.storage.database import Database, open_database
from tracker.storage.tables import COUNTS, METADATA, RUNS, VERSION_TABLE
from tracker.storage.writing import begin_run, put_counts

NOON = datetime(2026, 3, 2, 12, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=-3)))


def run_row(key: str = "a") -> dict[str, object]:
    words = {"key": key, "source": "/road.mp4", "class_names": ["car"], "settings": {"score": 0.3}}
    moments = {"started_utc": NOON, "written_utc": NOON}
    numbers = dict.fromkeys(("width", "height", "frames", "cnn_runs", "tracks", "events"), 0)
    return {**words, **moments, **numbers, "live": False, "completed": False}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(read_address(database_url))
    yield opened
    opened.close()


def test_a_new_database_has_the_tables_that_the_program_knows(database: Database) -> None:
    options = {"version_table": VERSION_TABLE, "compare_type": True}
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
        indexed = {index["name"] for index in inspect(connection).get_indexes("events")}
    assert {"ix_events_time_utc", "ix_events_run_id_track_id"} <= indexed


def test_opening_it_again_changes_nothing(database: Database, database_url: str) -> None:
    with database.transaction() as connection:
        begin_run(connection, run_row())
    again = open_database(read_address(database_url))
    with again.reading() as connection:
        assert connection.execute(select(RUNS.c.source)).scalars().all() == ["/road.mp4"]
    again.close()


def test_moments_come_back_as_they_were_in_utc(database: Database) -> None:
    with database.transaction() as connection:
        begin_run(connection, run_row())
    with database.reading() as connection:
        started, settings = connection.execute(select(RUNS.c.started_utc, RUNS.c.settings)).one()
    assert started == NOON
    assert started.tzinfo is UTC
    assert settings == {"score": 0.3}


@pytest.mark.parametrize(
    "moment", [datetime(2026, 3, 2, 3, 4, 5, 60, UTC), datetime(2026, 3, 2, tzinfo=UTC), None]
)
def test_many_rows_hold_moments_as_one_row_would(tmp_path: Path, moment: datetime | None) -> None:
    """Rows that are written many at a time go round SQLAlchemy's types."""
    count = {"start_s": 0.0, "line": "a", "direction": "in", "class": "car", "end_s": 1.0, "count": 1}
    database = open_database(read_address(str(tmp_path / "t.db")))
    with contextlib.closing(database), database.transaction(alone=True) as connection:
        row = {"run_id": begin_run(connection, run_row()), **count, "coverage": 1.0, "start_utc": moment}
        connection.execute(insert(COUNTS).values(**row))
        put_counts(connection, [{**row, "line": "b"}, {**row, "line": "c"}])
    with contextlib.closing(sqlite3.connect(tmp_path / "t.db")) as raw:
        found = [told for (told,) in raw.execute("SELECT start_utc FROM counts ORDER BY line")]
    assert found[1:] == [found[0]] * 2
    assert (found[0] is None) == (moment is None)


def test_a_transaction_is_kept_together_or_not_at_all(database: Database) -> None:
    def write(connection: Connection) -> None:
        begin_run(connection, run_row("first"))
        connection.execute(insert(RUNS).values(**run_row("first")))  # the key is there already

    with pytest.raises(SinkError, match="cannot write"), database.transaction() as connection:
        write(connection)
    with contextlib.suppress(KeyboardInterrupt), database.transaction() as connection:
        begin_run(connection, run_row("second"))
        raise KeyboardInterrupt
    with database.reading() as connection:
        assert connection.execute(select(RUNS.c.key)).all() == []


def test_what_is_read_stays_as_it_was_when_reading_began(database: Database, database_url: str) -> None:
    other = open_database(read_address(database_url))
    with database.reading() as connection:
        assert connection.execute(select(RUNS.c.key)).all() == []
        with other.transaction() as writing:
            begin_run(writing, run_row())
        assert connection.execute(select(RUNS.c.key)).all() == []
    with database.reading() as connection:
        assert len(connection.execute(select(RUNS.c.key)).all()) == 1
    other.close()


def test_a_database_of_the_first_version_goes_on(database_url: str) -> None:
    old = Database(read_address(database_url))
    config = Config()
    config.set_main_option("script_location", "tracker.storage:migrations")
    with old.transaction() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        begin_run(connection, run_row())
    old.close()
    new = open_database(read_address(database_url))
    with new.reading() as connection:
        assert connection.execute(select(RUNS.c.key)).scalars().all() == ["a"]
        assert "headway_s" in {column["name"] for column in inspect(connection).get_columns("events")}
    new.close()


def test_a_newer_schema_is_refused_in_one_line(database: Database, database_url: str) -> None:
    with database.transaction() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0999'"))
    with pytest.raises(SinkError, match="version 0999, this program knows up to 0002; update") as caught:
        open_database(read_address(database_url))
    assert "\n" not in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_another_programs_table_is_left_alone(database_url: str) -> None:
    empty = Database(read_address(database_url))
    with empty.transaction() as connection:
        connection.execute(text("CREATE TABLE tracks (title TEXT)"))
    with pytest.raises(SinkError, match="another program has a table 'tracks' in it; name another"):
        open_database(read_address(database_url))
    with empty.reading() as connection:
        assert inspect(connection).get_table_names() == ["tracks"]
    empty.close()


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "road.mp4"
    path.write_text("a video\n" * 1000)
    with pytest.raises(SinkError, match=f"cannot write {path}: file is not a database; name another file"):
        open_database(read_address(str(path)))
    with (
        pytest.raises(ResultError, match=f"cannot read {path}"),
        Database(read_address(str(path))).reading() as c,
    ):
        c.execute(text("SELECT 1"))
    assert path.read_text() == "a video\n" * 1000


def test_reading_makes_no_file(tmp_path: Path) -> None:
    database = Database(read_address(str(tmp_path / "traffic.db")))
    with pytest.raises(ResultError, match="there is no such file"), database.reading():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_held_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BUSY_S", 0.1)
    path = tmp_path / "traffic.db"
    database = open_database(read_address(str(path)))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(SinkError, match="database is locked; another program"), database.transaction():
        pass
    with database.reading() as connection:  # who reads does not wait
        assert connection.execute(select(RUNS.c.key)).all() == []
    holder.close()
    database.close()


def test_a_server_that_is_not_there_is_said_in_one_line_without_the_password(tmp_path: Path) -> None:
    address = read_address(f"postgresql://me:geheim@/traffic?host={tmp_path}&password=geheim")
    with pytest.raises(SinkError, match=r"connection to server.*see that the server runs") as caught:
        open_database(address)
    assert "cannot write postgresql://me:***@/traffic: " in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_database_that_a_server_does_not_have_is_said_in_one_line(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        return
    with pytest.raises(SinkError, match=r'database "other" does not exist; create it') as caught:
        open_database(read_address(database_url.replace("/postgres", "/other")))
    assert "geheim" not in str(caught.value)


def test_a_new_file_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from tracker.storage.address import read_address as at;"
        "from tracker.storage.database import open_database; sys.stdin.readline();"
        "open_database(at(sys.argv[1])).close()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "traffic.db")]
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    many = [subprocess.Popen(command, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    for one in many:
        one.stdin.write("\n")
        one.stdin.flush()
    for one in many:
        _, err = one.communicate(timeout=60)
        assert (one.returncode, err) == (0, "")

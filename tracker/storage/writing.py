"""What a run writes: its own row first, then batches of others, each batch whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, update
from sqlalchemy.dialects import postgresql, sqlite

from tracker.storage.refusal import RefusedError
from tracker.storage.tables import COUNTS, RUNS, UtcTime, as_text

Row = Mapping[str, Any]
_BY_PLACE = sqlite.dialect(paramstyle="qmark")
_COUNT_KEY = ("run_id", "start_s", "line", "direction", "class")


def begin_run(connection: Connection, row: Row) -> int:
    """Write a run's row, return its id; all rows of an earlier run with the same ``key`` go."""
    connection.execute(delete(RUNS).where(RUNS.c.key == row["key"]))
    done = connection.execute(insert(RUNS).values(**row))
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0])


def update_run(connection: Connection, run_id: int, values: Row) -> None:
    """Change a run's row, and keep others from replacing the run until the transaction ends.

    Raises:
        RefusedError: it is not there any more.
    """
    if connection.execute(update(RUNS).where(RUNS.c.id == run_id).values(**values)).rowcount != 1:
        raise RefusedError("another run of the same video was begun and has taken this one's place")


def add_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Add rows; those that are there already stay.

    They may be there where a run was interrupted at the very moment at which a batch was done.
    """
    if rows:
        _execute_many(connection, _insert(connection, table).on_conflict_do_nothing(), rows)


def put_counts(connection: Connection, rows: Sequence[Row]) -> None:
    """Add counts of intervals, in place of what was written of the same intervals before."""
    if not rows:
        return
    statement = _insert(connection, COUNTS)
    figures = {c.name: statement.excluded[c.name] for c in COUNTS.c if c.name not in _COUNT_KEY}
    statement = statement.on_conflict_do_update(index_elements=list(_COUNT_KEY), set_=figures)
    _execute_many(connection, statement, rows)


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that can say what becomes of rows that are there; both dialects agree on it."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def _execute_many(
    connection: Connection, statement: sqlite.Insert | postgresql.Insert, rows: Sequence[Row]
) -> None:
    """Execute with many rows that have the same columns.

    The driver is given the rows as they are: SQLAlchemy's own way looks at every value of every row, which
    takes as long as all the rest.
    """
    names = list(rows[0])
    if connection.dialect.name != "sqlite":
        compiled = statement.compile(dialect=connection.dialect, column_keys=names)
        connection.exec_driver_sql(str(compiled), [dict(row) for row in rows])
        return
    # SQLite takes values by their place in half the time that it needs by their names
    compiled = statement.compile(dialect=_BY_PLACE, column_keys=names)
    order = compiled.positiontup or []
    columns: list[Iterable[Any]] = list(zip(*map(itemgetter(*order), rows), strict=True))
    for place, name in enumerate(order):
        if isinstance(statement.table.c[name].type, UtcTime):
            columns[place] = map(as_text, columns[place])
    connection.exec_driver_sql(str(compiled), list(zip(*columns, strict=True)))

"""Brings a database to the schema that this program knows, and refuses one that it does not know."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from tracker.storage.refusal import RefusedError
from tracker.storage.tables import METADATA, VERSION_TABLE


def upgrade(connection: Connection) -> None:
    """Take all steps that are missing, in the connection's transaction.

    Raises:
        RefusedError: a newer program made the tables, or they are another program's.
    """
    config = Config()
    config.set_main_option("script_location", "tracker.storage:migrations")
    config.attributes["connection"] = connection
    steps = ScriptDirectory.from_config(config)
    version = version_of(connection)
    if version is None:
        _check_room(connection)
    elif version not in {step.revision for step in steps.walk_revisions()}:
        newest = steps.get_current_head()
        raise RefusedError(
            f"its tables have version {version}, this program knows up to {newest}; update road-tracker"
        )
    if version != steps.get_current_head():
        command.upgrade(config, "head")


def version_of(connection: Connection) -> str | None:
    """Return the version of the database's schema; None where there is none yet."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _check_room(connection: Connection) -> None:
    taken = sorted(METADATA.tables.keys() & inspect(connection).get_table_names())
    if taken:
        raise RefusedError(
            f"another program has a table '{taken[0]}' in it; name another database for the road tracker"
        )

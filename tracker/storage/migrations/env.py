"""Alembic's entry: it runs this file, with the connection whose transaction is to hold all steps."""

from __future__ import annotations

from alembic import context

from tracker.storage.tables import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()

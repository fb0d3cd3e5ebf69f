"""Crossings have headways."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; of earlier crossings nothing is known."""
    op.add_column("events", sa.Column("headway_s", sa.Double()))

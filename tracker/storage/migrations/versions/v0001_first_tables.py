"""The first tables: runs, tracks, events, counts.

They are spelled out here: ``tables.py`` will go on, and this step must stay as it is.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _runs()
    _tracks()
    _events()
    _counts()


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _box(prefix: str = "") -> list[sa.Column[Any]]:
    return [_needed(f"{prefix}{side}", sa.Double()) for side in ("x1", "y1", "x2", "y2")]


def _of_run(table: str, *key: str) -> list[sa.Constraint]:
    owner = sa.ForeignKeyConstraint(["run_id"], ["runs.id"], f"fk_{table}_run_id", ondelete="CASCADE")
    return [owner, sa.PrimaryKeyConstraint("run_id", *key, name=f"pk_{table}")]


def _runs() -> None:
    op.create_table(
        "runs",
        _needed("id", sa.Integer()),
        _needed("key", sa.Text()),
        _needed("source", sa.Text()),
        _needed("live", sa.Boolean()),
        sa.Column("scene", sa.Text()),
        _needed("width", sa.Integer()),
        _needed("height", sa.Integer()),
        sa.Column("rate_fps", sa.Double()),
        sa.Column("duration_s", sa.Double()),
        _needed("class_names", _JSON),
        sa.Column("detector", sa.Text()),
        sa.Column("detector_sha256", sa.Text()),
        _needed("settings", _JSON),
        _needed("started_utc", _MOMENT),
        _needed("written_utc", _MOMENT),
        sa.Column("video_start_utc", _MOMENT),
        sa.Column("time_s", sa.Double()),
        _needed("frames", sa.BigInteger()),
        _needed("cnn_runs", sa.BigInteger()),
        _needed("tracks", sa.Integer()),
        _needed("events", sa.Integer()),
        _needed("completed", sa.Boolean()),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("key", name="uq_runs_key"),
        sqlite_autoincrement=True,
    )


def _tracks() -> None:
    op.create_table(
        "tracks",
        _needed("run_id", sa.Integer()),
        _needed("track_id", sa.BigInteger()),
        _needed("class", sa.Text()),
        _needed("class_share", sa.Double()),
        _needed("first_seen_s", sa.Double()),
        _needed("last_seen_s", sa.Double()),
        sa.Column("first_seen_utc", _MOMENT),
        sa.Column("last_seen_utc", _MOMENT),
        _needed("detections", sa.Integer()),
        *_box("first_"),
        *_box("last_"),
        *_of_run("tracks", "track_id"),
    )
    op.create_index("ix_tracks_first_seen_utc", "tracks", ["first_seen_utc"])


def _events() -> None:
    op.create_table(
        "events",
        _needed("run_id", sa.Integer()),
        _needed("number", sa.Integer()),
        _needed("kind", sa.Text()),
        _needed("time_s", sa.Double()),
        sa.Column("time_utc", _MOMENT),
        _needed("frame", sa.BigInteger()),
        _needed("track_id", sa.BigInteger()),
        _needed("name", sa.Text()),
        _needed("direction", sa.Text()),
        _needed("class", sa.Text()),
        _needed("class_score", sa.Double()),
        _needed("origin", sa.Text()),
        *_box(),
        sa.Column("speed_kmh", sa.Double()),
        sa.Column("speed_error_kmh", sa.Double()),
        sa.Column("dwell_s", sa.Double()),
        sa.Column("evidence", sa.Text()),
        *_of_run("events", "number"),
    )
    op.create_index("ix_events_time_utc", "events", ["time_utc"])
    op.create_index("ix_events_run_id_track_id", "events", ["run_id", "track_id"])


def _counts() -> None:
    op.create_table(
        "counts",
        _needed("run_id", sa.Integer()),
        _needed("start_s", sa.Double()),
        _needed("line", sa.Text()),
        _needed("direction", sa.Text()),
        _needed("class", sa.Text()),
        _needed("end_s", sa.Double()),
        sa.Column("start_utc", _MOMENT),
        sa.Column("end_utc", _MOMENT),
        _needed("count", sa.Integer()),
        sa.Column("pcu", sa.Double()),
        _needed("coverage", sa.Double()),
        sa.Column("speed_mean_kmh", sa.Double()),
        sa.Column("speed_median_kmh", sa.Double()),
        sa.Column("speed_v85_kmh", sa.Double()),
        *_of_run("counts", "start_s", "line", "direction", "class"),
    )
    op.create_index("ix_counts_start_utc", "counts", ["start_utc"])

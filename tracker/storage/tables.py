"""The tables as they are now; ``migrations`` brings a database there.

Times in seconds are those of the video; columns that end in ``_utc`` are moments on the clock, and empty
where no clock is known. Boxes are in pixels of the source frame. Rows of a run go with its row in ``runs``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

#: Where Alembic keeps the version; its usual name may be another program's in the same database.
VERSION_TABLE = "tracker_schema"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Names that a later migration can rely on, on every database.
METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """A moment with its time zone; SQLite keeps none, so that it is given UTC and read as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn a moment in any zone into UTC."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def as_text(moment: datetime | None) -> str | None:
    """Return a moment as SQLite holds it in a column of ``UtcTime``."""
    if moment is None:
        return None
    since = moment - _EPOCH
    minute, second = divmod(since.seconds, 60)
    return f"{_minute_as_text(since.days, minute)}:{second:02d}.{since.microseconds:06d}"


@lru_cache(maxsize=100)
def _minute_as_text(days: int, minute: int) -> str:
    """Return a minute since 1970; rows come nearly in order, and to write a moment takes long."""
    return (_EPOCH + timedelta(days, minutes=minute)).isoformat(" ", "minutes")[:16]


def _json() -> JSON:
    return JSON().with_variant(JSONB(), "postgresql")


def _run_id() -> Column[int]:
    return Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)


def _box(prefix: str = "") -> list[Column[float]]:
    return [Column(f"{prefix}{side}", Double, nullable=False) for side in ("x1", "y1", "x2", "y2")]


RUNS = Table(
    "runs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # the same video again has the same
    Column("source", Text, nullable=False),  # absolute path, or address without passwords
    Column("live", Boolean, nullable=False),
    Column("scene", Text),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("rate_fps", Double),
    Column("duration_s", Double),  # as the container states it
    Column("class_names", _json(), nullable=False),
    Column("detector", Text),
    Column("detector_sha256", Text),
    Column("settings", _json(), nullable=False),
    Column("started_utc", UtcTime, nullable=False),
    Column("written_utc", UtcTime, nullable=False),  # the last time; of a completed run its end
    Column("video_start_utc", UtcTime),  # the moment of the video's time 0
    Column("time_s", Double),  # of the last frame that is in
    Column("frames", BigInteger, nullable=False),
    Column("cnn_runs", BigInteger, nullable=False),
    Column("tracks", Integer, nullable=False),
    Column("events", Integer, nullable=False),
    Column("completed", Boolean, nullable=False),
    # else the id of a run that was replaced would be given to another, and its late rows with it
    sqlite_autoincrement=True,
)

TRACKS = Table(
    "tracks",
    METADATA,
    _run_id(),
    Column("track_id", BigInteger, primary_key=True, autoincrement=False),
    Column("class", Text, nullable=False),
    Column("class_share", Double, nullable=False),  # of the votes, in [0, 1]
    Column("first_seen_s", Double, nullable=False),
    Column("last_seen_s", Double, nullable=False),
    Column("first_seen_utc", UtcTime, index=True),
    Column("last_seen_utc", UtcTime),
    Column("detections", Integer, nullable=False),
    *_box("first_"),
    *_box("last_"),
)

EVENTS = Table(
    "events",
    METADATA,
    _run_id(),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1, as they were reported
    Column("kind", Text, nullable=False),
    Column("time_s", Double, nullable=False),
    Column("time_utc", UtcTime, index=True),
    Column("frame", BigInteger, nullable=False),
    Column("track_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("class", Text, nullable=False),
    Column("class_score", Double, nullable=False),
    Column("origin", Text, nullable=False),
    *_box(),
    Column("speed_kmh", Double),
    Column("speed_error_kmh", Double),
    Column("dwell_s", Double),
    Column("evidence", Text),
    Column("headway_s", Double),
)
Index("ix_events_run_id_track_id", EVENTS.c.run_id, EVENTS.c.track_id)

COUNTS = Table(
    "counts",
    METADATA,
    _run_id(),
    Column("start_s", Double, primary_key=True),
    Column("line", Text, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("class", Text, primary_key=True),
    Column("end_s", Double, nullable=False),
    Column("start_utc", UtcTime, index=True),
    Column("end_utc", UtcTime),
    Column("count", Integer, nullable=False),
    Column("pcu", Double),
    Column("coverage", Double, nullable=False),
    Column("speed_mean_kmh", Double),
    Column("speed_median_kmh", Double),
    Column("speed_v85_kmh", Double),
)

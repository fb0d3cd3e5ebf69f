"""``track purge``: pictures and recordings of old runs are removed, numbers are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import timedelta

    from tracker.sinks._retention import Removal

_MOST_DAYS = 36500


def purge(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Of one run, or above many, such as runs.")
    ],
    older_than: Annotated[float, typer.Option(metavar="DAYS", help="Of runs that ended so many days ago.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed, and keep it.")
    ] = False,
) -> None:
    """Remove annotated videos, evidence, backgrounds and reports of old runs; keep CSV and JSON.

    A run whose run.json does not say when it ended is left alone, and so is every file that is not a run's.
    """
    from datetime import UTC, datetime

    from tracker.sinks._retention import remove_pictures

    removal = remove_pictures(folder, _days(older_than), datetime.now(UTC), dry_run)
    for path, size in removal.removed:
        typer.echo(f"{'would remove' if dry_run else 'removed'} {path} ({_size(size)})")
    for path, why in removal.left:
        typer.echo(f"left alone: {path} ({why})")
    typer.echo(_summary(removal, older_than, dry_run))
    _complain_of(removal)


def _days(number: float) -> timedelta:
    """Return so many days.

    Raises:
        UsageError: it is negative, or no number of days.
    """
    from datetime import timedelta

    from detectors.errors import UsageError

    if not 0 <= number <= _MOST_DAYS:
        raise UsageError(f"--older-than must lie in [0, {_MOST_DAYS}] days, not {number:g}")
    return timedelta(days=number)


def _size(number: int) -> str:
    return f"{number / 1e6:.1f} MB" if number >= 1e6 else f"{number / 1e3:.1f} kB"


def _summary(removal: Removal, days: float, dry_run: bool) -> str:
    number = len(removal.removed)
    files = f"{number} file{'' if number == 1 else 's'}, {_size(removal.size_bytes)}"
    runs = f"{removal.recent} run{'' if removal.recent == 1 else 's'}"
    return f"{'would remove' if dry_run else 'removed'} {files}; {runs} ended less than {days:g} days ago"


def _complain_of(removal: Removal) -> None:
    """Fail where something is still there that should not be.

    Raises:
        SinkError: a file could not be removed; it names the first one.
    """
    from tracker.errors import SinkError

    if removal.failed:
        path, why = removal.failed[0]
        more = len(removal.failed) - 1
        raise SinkError(f"cannot remove {path}: {why}" + (f" (and {more} more)" if more else ""))

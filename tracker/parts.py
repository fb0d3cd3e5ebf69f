"""Recordings in parts: what the files are called, and which of them are removed in time."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

#: Folder of the parts in the folder of a run.
RECORDING = "recording"
#: What ``new_part`` makes: whoever removes old ones touches nothing else.
PART_NAME = re.compile(r"(annotated|raw)-(\d{8}T\d{6})Z(-\d{1,4})?\.mp4")
_MOMENT = "%Y%m%dT%H%M%S"


def new_part(folder: Path, kind: Literal["annotated", "raw"], begin: datetime) -> Path:
    """Return a name that is free, such as ``annotated-20261126T071500Z.mp4``.

    Args:
        folder: of the parts.
        kind: with boxes drawn, or as the camera sent it.
        begin: of the part, with its time zone.
    """
    stem = f"{kind}-{begin.astimezone(UTC):{_MOMENT}}Z"
    path, number = folder / f"{stem}.mp4", 1
    while os.path.lexists(path):
        number += 1
        path = folder / f"{stem}-{number}.mp4"
    return path


def remove_old_parts(
    folder: Path, now: datetime, keep_days: float | None = None, keep_gb: float | None = None
) -> list[Path]:
    """Remove the parts that began too long ago, and the oldest where all together are too large.

    Args:
        folder: of the parts; links in it are left alone.
        now: with its time zone.
        keep_days: None for ever.
        keep_gb: in gigabytes (10^9 bytes); None for any number.

    Returns:
        What was removed, the oldest first.

    Raises:
        OSError: the folder cannot be read, or a part not removed.
    """
    found = [(match[2], path) for path in folder.iterdir() if (match := PART_NAME.fullmatch(path.name))]
    sizes = {
        path: path.stat().st_size for _, path in sorted(found) if path.is_file() and not path.is_symlink()
    }
    total, removed = sum(sizes.values()), []
    for path, size in sizes.items():
        begin = datetime.strptime(PART_NAME.fullmatch(path.name)[2], _MOMENT).replace(tzinfo=UTC)  # type: ignore[index]
        old = keep_days is not None and begin < now - timedelta(days=keep_days)
        if old or (keep_gb is not None and total > keep_gb * 1e9):
            path.unlink(missing_ok=True)
            removed.append(path)
            total -= size
    return removed


def sync(path: Path) -> None:
    """See that a finished part is on the disk, and not only on its way there.

    Raises:
        OSError: it is not there, or the disk is gone.
    """
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)

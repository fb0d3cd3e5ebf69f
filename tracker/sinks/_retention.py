"""What of a run may be kept for some days only: pictures and recordings, in which people can be seen.

It knows them by name alone and touches nothing else: numbers stay, and so does every file that somebody put
beside them. Links are never followed. It lies with the sinks, who give the files their names (and below the
report, whose page and diagrams contain pictures too).
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tracker.errors import SinkError
from tracker.parts import PART_NAME, RECORDING
from tracker.sinks._evidence_name import EVIDENCE, EVIDENCE_NAME
from tracker.sinks._files import sink_error

_RUN = "run.json"
_REPORT = "report"
_PICTURES = ("annotated.mp4", "background.jpg", "report.html", "lookalikes.npz")
_DRAFT = ".part"


@dataclass(slots=True)
class Removal:
    """What became of the runs below a folder.

    Attributes:
        removed: files that were removed, or would be, with their sizes in bytes.
        left: what was not touched though it might have been meant, and why.
        failed: files that could not be removed, and why.
        recent: number of runs that ended too late to be touched.
    """

    removed: list[tuple[Path, int]] = field(default_factory=list)
    left: list[tuple[Path, str]] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)
    recent: int = 0

    @property
    def size_bytes(self) -> int:
        """Bytes of all that was removed."""
        return sum(size for _, size in self.removed)


def remove_pictures(
    folder: Path, older_than: timedelta, now: datetime, dry_run: bool = False, deep: bool = True
) -> Removal:
    """Remove pictures and recordings of every run in or below a folder that ended long enough ago.

    Args:
        folder: of one run, or above many.
        older_than: a run that ended at least this long ago is old.
        now: with its time zone.
        dry_run: say what would be removed, and touch nothing.
        deep: look at all folders below it; or else at itself and those right in it.

    Raises:
        SinkError: there is no such folder, it is a link, or it cannot be read.
    """
    if folder.is_symlink():
        raise SinkError(f"cannot purge {folder}: it is a link, and links are not followed; name the folder")
    if not folder.is_dir():
        raise SinkError(f"cannot purge {folder}: there is no such folder")
    removal = Removal()
    for run in _runs(folder, deep, removal):
        _purge(run, now - older_than, dry_run, removal)
    return removal


def remove_pictures_of(run: Path) -> Removal:
    """Remove the pictures and recordings of one run, whenever it ended: another is to take its place."""
    removal = Removal()
    _remove(run, dry_run=False, removal=removal)
    return removal


def _runs(folder: Path, deep: bool, removal: Removal) -> Iterator[Path]:
    """Yield every folder that looks like a run's, in order."""

    def refused(exc: OSError) -> None:
        if exc.filename == str(folder):
            raise sink_error(folder, exc, "read") from exc
        removal.failed.append((Path(str(exc.filename)), exc.strerror or "it cannot be read"))

    for place, folders, files in os.walk(folder, onerror=refused, followlinks=False):
        folders.sort()
        here = Path(place)
        removal.left += [(here / name, "it is a link") for name in folders if (here / name).is_symlink()]
        if _RUN in files or set(files) & set(_PICTURES) or {EVIDENCE, RECORDING} & set(folders):
            # nobody's runs lie among a run's own pictures
            folders[:] = [name for name in folders if name not in (EVIDENCE, RECORDING, _REPORT)]
            yield here
        if not deep and here != folder:
            folders.clear()


def _purge(run: Path, latest: datetime, dry_run: bool, removal: Removal) -> None:
    try:
        end = _end_of(run / _RUN)
    except ValueError as exc:
        removal.left.append((run, str(exc)))
        return
    if end > latest:
        removal.recent += 1
        return
    _remove(run, dry_run, removal)


def _remove(run: Path, dry_run: bool, removal: Removal) -> None:
    for path in _pictures(run, removal):
        try:
            size = path.lstat().st_size
            if not dry_run:
                path.unlink()
        except OSError as exc:
            removal.failed.append((path, exc.strerror or str(exc)))
        else:
            removal.removed.append((path, size))
    if not dry_run:
        for name in (EVIDENCE, RECORDING, _REPORT):
            _remove_empty(run / name)


def _end_of(path: Path) -> datetime:
    """Return when a run ended.

    Raises:
        ValueError: its ``run.json`` does not say so.
    """
    if path.is_symlink() or not path.exists():
        raise ValueError(f"it has no {_RUN} that says when it ended")
    try:
        end = datetime.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["end"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
        raise ValueError(f"its {_RUN} does not say when it ended") from exc
    if end.tzinfo is None:
        raise ValueError(f"its {_RUN} says when it ended, but not in which time zone")
    return end.astimezone(UTC)


def _pictures(run: Path, removal: Removal) -> Iterator[Path]:
    """Yield the files of a run that show people; what only looks like one is said in ``left``."""
    candidates = [run / (name + end) for name in _PICTURES for end in ("", _DRAFT)]
    candidates += [path for path in _inside(run / EVIDENCE) if _is_evidence(path.name)]
    candidates += [path for path in _inside(run / RECORDING) if PART_NAME.fullmatch(path.name)]
    candidates += [path for path in _inside(run / _REPORT) if path.suffix == ".png"]
    for path in candidates:
        try:
            mode = path.lstat().st_mode
        except OSError:  # most of them are not there
            continue
        if stat.S_ISREG(mode):
            yield path
        else:
            removal.left.append((path, "it is a link" if stat.S_ISLNK(mode) else "it is no plain file"))


def _inside(folder: Path) -> list[Path]:
    if folder.is_symlink() or not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(folder / entry.name for entry in entries)


def _is_evidence(name: str) -> bool:
    return EVIDENCE_NAME.fullmatch(name.removesuffix(_DRAFT)) is not None


def _remove_empty(folder: Path) -> None:
    if not folder.is_symlink() and folder.is_dir() and not _inside(folder):
        folder.rmdir()

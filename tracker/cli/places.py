"""Where a run's results go: which files there are, what may be replaced, and what is removed."""

from __future__ import annotations

import glob
import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from detectors.errors import UsageError
from tracker.config import Settings
from tracker.errors import SinkError
from tracker.parts import RECORDING
from tracker.sinks._evidence_name import EVIDENCE
from tracker.sinks._files import check_folder, writing
from tracker.sinks._retention import Removal, remove_pictures, remove_pictures_of
from tracker.sources._kinds import expand_videos, is_url, kind_of, may_be_live, shown_name

RUNS = Path("runs")
#: The sinks that write or show pictures.
PICTURED = ("video", "recording", "window", "evidence", "background")
PARQUET = ("tracks.parquet", "events.parquet")
FILES = (
    *("run.json", "tracks.csv", "tracks.mot.txt", "annotated.mp4", "scene.toml", "background.jpg"),
    *("events.csv", "counts.csv", "zones.csv", "turns.csv", "looks.csv", *PARQUET, "report.html"),
)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What to write and where.

    Attributes:
        folder: for the results of one video, or above those of several; None for ``runs/<stem>``.
        overwrite: an earlier run in that folder may be replaced.
        csv: another place for the CSV of tracks.
        video: write the annotated video.
        codec: of the annotated video; None for the settings' own.
        show: open a window.
        report: make a page of the results when they are there.
        lang: language of that page.
        serve: address at which the run can be watched; None for nowhere.
        mqtt: broker to which its events are published; None for none.

    Raises:
        UsageError: a codec is named for a video that is not to be written.
    """

    folder: Path | None = None
    overwrite: bool = False
    csv: Path | None = None
    video: bool = True
    codec: str | None = None
    show: bool = False
    report: bool = False
    lang: str | None = None
    serve: str | None = None
    mqtt: str | None = None

    def __post_init__(self) -> None:
        """Check what does not go together."""
        if self.codec is not None and not self.video:
            raise UsageError(f"--codec {self.codec} has no meaning with --no-video")
        if self.lang is not None and not self.report:
            raise UsageError(f"--lang {self.lang} is the language of a report: it goes with --report")
        if self.mqtt is not None and self.serve is None:
            raise UsageError("--mqtt publishes what the server hears: it goes with --serve")

    def files(self, folder: Path, settings: Settings) -> dict[str, Path]:
        """Return the file, or folder, of every sink that writes one there."""
        files = {"csv": self.csv or folder / "tracks.csv", "mot": folder / "tracks.mot.txt"}
        if settings.scene is not None:
            tables = ("events", "counts", "zones", "turns")
            files |= {"scene": folder / "scene.toml"} | {name: folder / f"{name}.csv" for name in tables}
        if settings.scene is not None or self.report:
            files["background"] = folder / "background.jpg"
        if settings.evidence:
            files["evidence"] = folder / EVIDENCE
        if settings.explain:
            files["looks"] = folder / "looks.csv"
        if settings.parquet:
            files["parquet"] = folder
        if self.video and may_be_live(settings.video):
            files["recording"] = folder / RECORDING
        elif self.video:
            files["video"] = folder / "annotated.mp4"
        return files | {"run_json": folder / "run.json"}

    def results(self, folder: Path, settings: Settings) -> list[Path]:
        """Return all that may be written there, for people: files, and the folder of pictures."""
        found = [path for name, path in self.files(folder, settings).items() if name != "parquet"]
        return [*found, *(folder / name for name in PARQUET if settings.parquet)]

    def sinks(self, settings: Settings) -> tuple[str, ...]:
        """Return the names of all sinks, the window first: where it stops a run, no other has that frame."""
        window = ("window",) if self.show else ()
        return (*window, *(("database",) if settings.db else ()), *self.files(Path(), settings))

    def options(self, settings: Settings, sink: str) -> dict[str, object]:
        """Return a sink's options without its path: the command line's words on top of the settings'."""
        chosen: dict[str, object] = {}
        if sink in ("video", "recording") and self.codec is not None:
            chosen["codec"] = self.codec
        if sink == "recording":
            chosen["keep_days"] = settings.retention_days
        if sink in PICTURED:
            chosen["blur"] = settings.blur
        if sink == "database":
            chosen["url"] = settings.db
        if sink in ("events", "parquet") and settings.evidence:
            chosen["evidence"] = EVIDENCE
        return {**settings.of("sink", sink), **chosen}


def plan(video: str, outputs: Outputs) -> list[tuple[str, Path]]:
    """Return each video with the folder for its results; equal stems are kept apart by a number.

    Raises:
        SourceError: nothing matches.
        UsageError: ``--csv`` names one file for several videos.
    """
    several = kind_of(video) == "video" and not is_url(video)
    videos = [str(path) for path in expand_videos(video)] if several else [video]
    if len(videos) == 1:
        return [(videos[0], outputs.folder or RUNS / stem_of(videos[0]))]
    if outputs.csv:
        raise UsageError(f"--csv names one file, but {video} is {len(videos)} videos: use --out")
    jobs: dict[str, str] = {}
    for path in videos:
        stem = name = stem_of(path)
        number = 1
        while name in jobs:
            number += 1
            name = f"{stem}-{number}"
        jobs[name] = path
    return [(path, (outputs.folder or RUNS) / name) for name, path in jobs.items()]


def stem_of(video: str) -> str:
    """Return a folder's name for a video, a URL, a folder of pictures or a camera.

    A live camera's has the time in it, so that every recording has its own.
    """
    name = name_of(video)
    return f"{name}-{time.strftime('%Y%m%d-%H%M%S')}" if kind_of(video) == "camera" else name


def name_of(video: str) -> str:
    """Return what a video, a URL, a folder of pictures or a camera is called, the same every time."""
    if kind_of(video) == "camera":
        return f"camera{Path(video).name}"
    if is_url(video):
        address = urlsplit(shown_name(video))
        name = Path(address.path).stem or address.hostname or ""
        return re.sub(r"[^\w.-]+", "_", name).strip("._") or "stream"
    path = Path(os.path.abspath(video))
    while not os.path.exists(path) and glob.has_magic(path.name):
        path = path.parent  # pictures named by a glob are called what their folder is called
    return (path.name or "pictures") if os.path.isdir(path) else path.stem


def next_place(folder: Path) -> Path:
    """Return a folder beside this one that is not there: ``road-2`` for ``road``, then ``road-3``."""
    found = re.fullmatch(r"(.+)-(\d{1,3})", folder.name)  # a time of day has six digits
    name, number = (found[1], int(found[2])) if found else (folder.name, 1)
    while True:
        number += 1
        place = folder.with_name(f"{name}-{number}")
        if not os.path.lexists(place):
            return place


def check_places(video: str, folder: Path, outputs: Outputs) -> None:
    """See that results can go where they should, before anything is loaded.

    Raises:
        UsageError: files would be replaced without ``--overwrite``, or the video itself by its results.
        SinkError: the folder cannot be made or written, or a file is one.
    """
    names = [folder / name for name in FILES]
    targets = names + ([outputs.csv] if outputs.csv else [])
    if outputs.csv and outputs.csv.absolute() in [path.absolute() for path in names if path.suffix != ".csv"]:
        raise UsageError(f"--csv {outputs.csv} is another result's file: name another")
    present = [path for path in targets if os.path.lexists(path)]
    for path in present:
        if path.is_dir():
            raise SinkError(f"cannot write {path}: it is a folder; name a file, or another --out")
    if any(os.path.exists(video) and path.exists() and path.samefile(video) for path in present):
        raise UsageError(f"the results would replace the video {video} itself: give another --out or --csv")
    if present and not outputs.overwrite:
        raise UsageError(f"{present[0]} exists: give --overwrite to replace that run, or another --out")
    for path in {target.parent for target in targets}:
        check_folder(path)


def remove_old(folder: Path) -> None:
    """Remove an earlier run's files: a run that breaks off must not lie beside another's results."""
    _all_removed(remove_pictures_of(folder))
    for name in FILES:
        with writing(folder / name):
            (folder / name).unlink(missing_ok=True)


def keep_for(days: float, folders: Iterable[Path]) -> None:
    """Remove the pictures of runs beside those in ``folders`` that ended longer ago, and say how many.

    Raises:
        SinkError: one cannot be removed.
    """
    for place in sorted({folder.absolute().parent for folder in folders}):
        if not place.is_dir():
            continue
        removal = remove_pictures(place.resolve(), timedelta(days=days), datetime.now(UTC), deep=False)
        _all_removed(removal)
        if removal.removed:
            words = f"{len(removal.removed)} pictures and recordings of runs older than {days:g} days"
            Console(stderr=True).print(f"removed {words} in {place}", highlight=False, soft_wrap=True)


def _all_removed(removal: Removal) -> None:
    for path, why in removal.failed:
        raise SinkError(f"cannot remove {path}: {why}")

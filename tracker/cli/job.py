"""One run a video: where results go, what is shown while it runs, and the table at its end."""

from __future__ import annotations

import glob
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from detectors.errors import ProjectError, UsageError
from detectors.protocol import Detector
from tracker.cli.complain import complain
from tracker.cli.progress import shown_progress
from tracker.compose import (
    SINKS,
    build_detector,
    build_pipeline,
    build_sink,
    run_info,
    wanted_classes,
)
from tracker.config import Settings
from tracker.errors import SinkError
from tracker.pipeline import Pipeline, record
from tracker.protocols import Sink
from tracker.sinks import run_json
from tracker.sinks._files import check_folder, writing
from tracker.sinks._summary import Summary
from tracker.sinks.run_json import RunJson
from tracker.sinks.window import check_display
from tracker.sources._kinds import expand_videos, is_url, kind_of, shown_name

RUNS = Path("runs")
#: Folder of the pictures of crossings, in that of the run.
EVIDENCE = "evidence"
#: The sinks that write or show pictures.
PICTURED = ("video", "window", "evidence", "background")
FILES = (
    *("run.json", "tracks.csv", "tracks.mot.txt", "annotated.mp4", "scene.toml", "background.jpg"),
    *(
        "events.csv",
        "counts.csv",
        "zones.csv",
        "turns.csv",
        "tracks.parquet",
        "events.parquet",
        "report.html",
    ),
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

    def __post_init__(self) -> None:
        """Check what does not go together."""
        if self.codec is not None and not self.video:
            raise UsageError(f"--codec {self.codec} has no meaning with --no-video")
        if self.lang is not None and not self.report:
            raise UsageError(f"--lang {self.lang} is the language of a report: it goes with --report")

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
        if settings.parquet:
            files["parquet"] = folder
        if self.video:
            files["video"] = folder / "annotated.mp4"
        return files | {"run_json": folder / "run.json"}

    def sinks(self, settings: Settings) -> tuple[str, ...]:
        """Return the names of all sinks, the window first: where it stops a run, no other has that frame."""
        window = ("window",) if self.show else ()
        return (*window, *(("database",) if settings.db else ()), *self.files(Path(), settings))

    def options(self, settings: Settings, sink: str) -> dict[str, object]:
        """Return a sink's options without its path: the command line's words on top of the settings'."""
        chosen: dict[str, object] = {}
        if sink == "video" and self.codec is not None:
            chosen["codec"] = self.codec
        if sink in PICTURED:
            chosen["blur"] = settings.blur
        if sink == "database":
            chosen["url"] = settings.db
        if sink == "events" and settings.evidence:
            chosen["evidence"] = EVIDENCE
        return {**settings.of("sink", sink), **chosen}


class RunWarnings:
    """A run's warnings as they are when somebody reads them: the last ones come with its end."""

    def __init__(self, pipeline: Pipeline) -> None:
        """Remember whom to ask."""
        self._pipeline = pipeline

    def __iter__(self) -> Iterator[str]:
        """Yield what was wrong so far."""
        yield from self._pipeline.warnings


def run_all(settings: Settings, outputs: Outputs) -> int:
    """Track every video that the settings (checked) name; return the exit code.

    Of several videos one that cannot be read does not keep the others from being tracked.

    Raises:
        ProjectError: nothing could be begun, or the one video that is named could not be tracked to its end.
        KeyboardInterrupt: the user stopped it; what was done so far is written.
    """
    for name in outputs.sinks(settings):
        SINKS.config(name, outputs.options(settings, name))
    if outputs.show:
        check_display()
    jobs = plan(settings.video, outputs)
    for video, folder in jobs:
        check_places(video, folder, outputs)
    detector = build_detector(settings)
    wanted_classes(settings.classes, detector.class_names)
    if len(jobs) == 1:
        run_one(replace(settings, video=jobs[0][0]), detector, jobs[0][1], outputs)
        return 0
    worst = 0
    for video, folder in jobs:
        try:
            run_one(replace(settings, video=video), detector, folder, outputs)
        except ProjectError as exc:
            complain(str(exc))
            worst = max(worst, exc.exit_code)
    return worst


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
    if kind_of(video) == "camera":
        return f"camera{Path(video).name}-{time.strftime('%Y%m%d-%H%M%S')}"
    if is_url(video):
        address = urlsplit(shown_name(video))
        name = Path(address.path).stem or address.hostname or ""
        return re.sub(r"[^\w.-]+", "_", name).strip("._") or "stream"
    path = Path(os.path.abspath(video))
    while not os.path.exists(path) and glob.has_magic(path.name):
        path = path.parent  # pictures named by a glob are called what their folder is called
    return (path.name or "pictures") if os.path.isdir(path) else path.stem


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


def run_one(settings: Settings, detector: Detector, folder: Path, outputs: Outputs) -> Summary:
    """Track one video into one folder and say what came of it.

    Raises:
        UsageError: a component or option is wrong.
        SourceError: the video cannot be read.
        SinkError: a result cannot be written.
        ProjectError: the detector cannot run.
        KeyboardInterrupt: the user stopped it; raised once the closing table is printed.
    """
    console = Console(stderr=True)
    with build_pipeline(settings, detector) as pipeline:
        sinks, report = build_sinks(settings, folder, outputs, pipeline)
        remove_old(folder)
        results = record(pipeline.run(), sinks, run_info(settings, pipeline, outputs.sinks(settings)))
        began = time.perf_counter()
        interrupted = False
        try:
            for _ in shown_progress(results, pipeline.source.info, console):
                pass
        except KeyboardInterrupt:
            interrupted = True
        finally:
            results.close()
        for warning in pipeline.warnings:
            console.print(f"[yellow]note:[/] {escape(warning)}", highlight=False, soft_wrap=True)
    paths = list(outputs.files(folder, settings).values())
    if outputs.report and report.summary.frames:
        from tracker.report import write_report  # matplotlib, for whoever wants a report alone

        paths.insert(0, write_report(folder, lang=outputs.lang or "en"))
    print_end(console, report.summary, detector.class_names, paths, time.perf_counter() - began)
    if interrupted:
        raise KeyboardInterrupt
    return report.summary


def remove_old(folder: Path) -> None:
    """Remove an earlier run's files: a run that breaks off must not lie beside another's results."""
    for name in FILES:
        with writing(folder / name):
            (folder / name).unlink(missing_ok=True)


def build_sinks(
    settings: Settings, folder: Path, outputs: Outputs, pipeline: Pipeline
) -> tuple[list[Sink], RunJson]:
    """Build the sinks of a run, ``run.json`` last: it tells whether the others could be finished.

    Returns:
        The sinks, and the one among them that adds the run up.
    """
    options = {name: outputs.options(settings, name) for name in outputs.sinks(settings)}
    for name, path in outputs.files(folder, settings).items():
        options[name]["path"] = str(path)
    report = run_json.build(SINKS.config("run_json", options.pop("run_json")))
    report.warnings = RunWarnings(pipeline)
    return [*(build_sink(name, given) for name, given in options.items()), report], report


def print_end(
    console: Console, summary: Summary, class_names: Sequence[str], paths: Sequence[Path], seconds: float
) -> None:
    """Print the closing table: tracks by class, CNN runs by reason, frames saved, where the files are."""
    tracks = summary.tracks_by_class(class_names)
    runs = {reason.value.replace("_", " "): n for reason, n in summary.cnn_runs.most_common()}
    share = f"{summary.cnn_share:.0%} of {summary.frames} frames"
    rows = [
        ("tracks", _listed(tracks) or "none"),
        *(("crossings" if not n else "", line) for n, line in enumerate(_crossings(summary))),
        ("CNN runs", f"{summary.cnn_runs_total} ({share}): {_listed(runs)}"),
        ("frames saved", f"{1 - summary.cnn_share:.0%}"),
        ("speed", f"{summary.frames / max(seconds, 1e-9):.1f} frames a second"),
    ]
    written = [str(path) for path in paths if path.exists()]
    rows += [("files" if place == 0 else "", path) for place, path in enumerate(written)]
    for name, value in rows:
        # a rich table would cut or fold paths, which are there to be copied
        console.print(Text.assemble(" ", (f"{name:<14}", "bold"), value), soft_wrap=True)


def _crossings(summary: Summary) -> list[str]:
    """Return a line of text for every counting line that was crossed."""
    lines = dict.fromkeys(name for name, _ in sorted(summary.crossings))
    return [
        f"{line}: {_listed({way: n for (name, way), n in sorted(summary.crossings.items()) if name == line})}"
        for line in lines
    ]


def _listed(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in numbers.items())

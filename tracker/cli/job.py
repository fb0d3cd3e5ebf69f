"""One run a video: where results go, what is shown while it runs, and the table at its end."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from detectors.errors import ProjectError, UsageError
from detectors.protocol import Detector
from tracker.cli.progress import shown_progress
from tracker.compose import build_detector, build_pipeline, build_sink, check_settings, run_info
from tracker.config import Settings
from tracker.pipeline import record
from tracker.protocols import Sink
from tracker.sinks._summary import Summary
from tracker.sources._kinds import expand_videos, is_url, kind_of

RUNS = Path("runs")
FILES = ("run.json", "tracks.csv", "tracks.mot.txt", "annotated.mp4")


@dataclass(frozen=True, slots=True)
class Outputs:
    """What to write and where.

    Attributes:
        folder: for the results of one video, or above those of several; None for ``runs/<stem>``.
        overwrite: an earlier run in that folder may be replaced.
        csv: another place for the CSV of tracks.
        video: write the annotated video.
        codec: of the annotated video.
        show: open a window.
    """

    folder: Path | None = None
    overwrite: bool = False
    csv: Path | None = None
    video: bool = True
    codec: str = "h264"
    show: bool = False


def run_all(settings: Settings, outputs: Outputs) -> int:
    """Track every video that the settings name; return the exit code.

    Of several videos one that cannot be read does not keep the others from being tracked.
    """
    check_settings(settings)
    jobs = plan(settings.video, outputs)
    for _, folder in jobs:
        refuse_overwriting(folder, outputs)
    detector = build_detector(settings)
    if len(jobs) == 1:
        run_one(replace(settings, video=jobs[0][0]), detector, jobs[0][1], outputs)
        return 0
    worst = 0
    for video, folder in jobs:
        try:
            run_one(replace(settings, video=video), detector, folder, outputs)
        except ProjectError as exc:
            print(f"track: {exc}", file=sys.stderr)
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
    seen: Counter[str] = Counter()
    jobs = []
    for path in videos:
        stem = stem_of(path)
        seen[stem] += 1
        name = stem if seen[stem] == 1 else f"{stem}-{seen[stem]}"
        jobs.append((path, (outputs.folder or RUNS) / name))
    return jobs


def stem_of(video: str) -> str:
    """Return a folder's name for a video, a URL, a folder of pictures or a camera.

    A live camera's has the time in it, so that every recording has its own.
    """
    if kind_of(video) == "camera":
        return f"camera{Path(video).name}-{time.strftime('%Y%m%d-%H%M%S')}"
    if is_url(video):
        address = urlsplit(video)
        name = Path(address.path).stem or address.hostname or "stream"
        return re.sub(r"[^\w.-]+", "_", name)
    plain = re.sub(r"[*?\[\]]+", "", video) if not Path(video).exists() else video
    path = Path(plain).resolve()
    return path.name if path.is_dir() else path.stem


def refuse_overwriting(folder: Path, outputs: Outputs) -> None:
    """Raise UsageError where an earlier run's files would be replaced without ``--overwrite``."""
    targets = [folder / name for name in FILES] + ([outputs.csv] if outputs.csv else [])
    present = [path for path in targets if path.exists()]
    if present and not outputs.overwrite:
        raise UsageError(f"{present[0]} exists: give --overwrite to replace that run, or another --out")


def run_one(settings: Settings, detector: Detector, folder: Path, outputs: Outputs) -> Summary:
    """Track one video into one folder and say what came of it."""
    console = Console(stderr=True)
    summary = Summary()
    remove_old(folder)
    with build_pipeline(settings, detector) as pipeline:
        sinks, paths = open_sinks(folder, outputs, pipeline.source.warnings)
        results = record(pipeline.run(), sinks, run_info(settings, pipeline))
        began = time.perf_counter()
        try:
            for result in shown_progress(results, pipeline.source.info, console):
                summary.add(result)
        except KeyboardInterrupt:
            print_end(console, summary, detector.class_names, paths, time.perf_counter() - began)
            raise
        finally:
            results.close()
        for warning in pipeline.source.warnings:
            console.print(f"[yellow]note:[/] {warning}", highlight=False)
    print_end(console, summary, detector.class_names, paths, time.perf_counter() - began)
    return summary


def remove_old(folder: Path) -> None:
    """Remove an earlier run's files: a run that breaks off must not lie beside another's results."""
    for name in FILES:
        (folder / name).unlink(missing_ok=True)


def open_sinks(folder: Path, outputs: Outputs, warnings: Sequence[str]) -> tuple[list[Sink], list[Path]]:
    """Build the sinks of a run, and return them with the paths that they write."""
    tracks = outputs.csv or folder / "tracks.csv"
    chosen: list[tuple[str, Path, dict[str, object]]] = [
        ("csv", tracks, {}),
        ("mot", folder / "tracks.mot.txt", {}),
    ]
    if outputs.video:
        chosen.append(("video", folder / "annotated.mp4", {"codec": outputs.codec}))
    chosen.append(("run_json", folder / "run.json", {}))
    sinks = [build_sink(name, {"path": str(path), **options}) for name, path, options in chosen]
    sinks[-1].warnings = warnings  # type: ignore[attr-defined]
    if outputs.show:
        sinks.insert(0, build_sink("window", {}))
    return sinks, [path for _, path, _ in chosen]


def print_end(
    console: Console, summary: Summary, class_names: Sequence[str], paths: Sequence[Path], seconds: float
) -> None:
    """Print the closing table: tracks by class, CNN runs by reason, frames saved, where the files are."""
    table = Table(show_header=False, box=None, padding=(0, 1))
    tracks = summary.tracks_by_class(class_names)
    table.add_row("tracks", _listed(tracks) if tracks else "none")
    runs = {reason.value.replace("_", " "): n for reason, n in summary.cnn_runs.most_common()}
    share = f"{summary.cnn_share:.0%} of {summary.frames} frames"
    table.add_row("CNN runs", f"{summary.cnn_runs_total} ({share}): {_listed(runs)}")
    table.add_row("frames saved", f"{1 - summary.cnn_share:.0%}")
    table.add_row("speed", f"{summary.frames / max(seconds, 1e-9):.1f} frames a second")
    for place, path in enumerate(path for path in paths if path.exists()):
        table.add_row("files" if place == 0 else "", str(path))
    console.print(table, highlight=False, soft_wrap=True)


def _listed(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in numbers.items())

"""One run a video: where results go, what is shown while it runs, and the table at its end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from detectors.errors import ProjectError, UsageError
from detectors.protocol import Detector
from tracker.cli.complain import complain
from tracker.cli.places import (
    Outputs,
    check_places,
    keep_for,
    name_of,
    next_place,
    plan,
    remove_old,
)
from tracker.cli.progress import shown_progress
from tracker.compose import budget_of, build_detector, build_pipeline, build_sink, run_info, wanted_classes
from tracker.compose.registries import SINKS
from tracker.config import Settings
from tracker.errors import SourceError
from tracker.live.pace import Pace
from tracker.parts import RECORDING
from tracker.pipeline import Pipeline, record
from tracker.protocols import Sink
from tracker.scene.reading import read_scene
from tracker.sinks import run_json
from tracker.sinks._evidence_name import EVIDENCE
from tracker.sinks._summary import Summary
from tracker.sinks.run_json import RunJson
from tracker.sinks.window import check_display
from tracker.types import FrameResult

if TYPE_CHECKING:
    from tracker.cli.serving import Watched


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
    if outputs.serve is not None and len(jobs) > 1:
        raise UsageError(f"--serve shows one video, but {settings.video} is {len(jobs)}")
    for video, folder in jobs:
        check_places(video, folder, outputs)
    check_asked(settings, outputs)
    if settings.retention_days is not None:
        keep_for(settings.retention_days, [folder for _, folder in jobs])
    if outputs.serve is not None:
        video, folder = jobs[0]
        serve_run(replace(settings, video=video), folder, outputs)
        return 0
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


def check_asked(settings: Settings, outputs: Outputs) -> None:
    """See that scene, report and database can be had: before a detector is loaded or an earlier run replaced.

    Raises:
        UsageError: there is no such language, or the address means no database.
        SceneError: the scene cannot be read, or is wrong.
        SinkError: the database cannot be opened.
    """
    if settings.scene is not None:
        read_scene(Path(settings.scene))
    if outputs.report:
        from tracker.report.words import Language

        Language(outputs.lang or "en")
    if settings.db:
        from tracker.storage.address import read_address
        from tracker.storage.database import open_database

        open_database(read_address(settings.db)).close()


def serve_run(settings: Settings, folder: Path, outputs: Outputs) -> None:
    """Track one video, or camera, that can be watched; go on in another folder when its scene is changed.

    A scene that is drawn in the browser is saved where the user's own is; without one beside the runs'
    folders, where the next run of this camera finds it.

    Raises:
        ServeError: the address cannot be had.
        ProjectError: the run itself failed.
        KeyboardInterrupt: the user stopped it.
    """
    from tracker.cli.serving import Watched  # the web server, for whoever wants it alone
    from tracker.live.mqtt import Broker
    from tracker.live.server import Address, Server, token_for

    address, name = Address.read(outputs.serve or ""), name_of(settings.video)
    broker = Broker.read(outputs.mqtt) if outputs.mqtt is not None else None
    server = Server(address, token_for(address), broker)
    try:
        scene = Path(settings.scene) if settings.scene else folder.parent / f"{name}.scene.toml"
        watched = Watched(server.start((name,))[name], scene)
        settings = watched.with_scene(settings)
        detector = build_detector(settings)
        wanted_classes(settings.classes, detector.class_names)
        Console(stderr=True).print(f"watch it at {server.url}", highlight=False, soft_wrap=True)
        while True:
            try:
                run_one(settings, detector, folder, outputs, watched)
            except SourceError as exc:
                if not watched.wants_another:
                    raise
                watched.wait_for_camera(name, exc)  # it was there before the scene was changed
                continue
            if not watched.wants_another:
                return
            settings, folder = watched.with_scene(settings), next_place(folder)
    finally:
        server.stop()


def run_one(
    settings: Settings, detector: Detector, folder: Path, outputs: Outputs, watched: Watched | None = None
) -> Summary:
    """Track one video into one folder and say what came of it.

    Raises:
        UsageError: a component or option is wrong.
        SourceError: the video cannot be read.
        SinkError: a result cannot be written.
        ProjectError: the detector cannot run.
        KeyboardInterrupt: the user stopped it; raised once the closing table is printed.
    """
    console = Console(stderr=True)
    if settings.raw:  # it begins with the source; otherwise an earlier run stays if that cannot be opened
        remove_old(folder)
    with build_pipeline(settings, detector, raw=folder / RECORDING) as pipeline:
        sinks, report = build_sinks(settings, folder, outputs, pipeline)
        if not settings.raw:
            remove_old(folder)
        if watched is not None:
            sinks.insert(0, watched.feed(settings, pipeline, folder, sinks))
        results = record(paced(pipeline), sinks, run_info(settings, pipeline, outputs.sinks(settings)))
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
    paths = outputs.results(folder, settings)
    if outputs.report and report.summary.frames:
        from tracker.report import write_report  # matplotlib, for whoever wants a report alone

        paths.insert(0, write_report(folder, lang=outputs.lang or "en"))
    print_end(console, report.summary, detector.class_names, paths, time.perf_counter() - began)
    if interrupted:
        raise KeyboardInterrupt
    return report.summary


def paced(pipeline: Pipeline) -> Iterator[FrameResult]:
    """Return the results; of a live source the CNN looks as often as this machine can afford."""
    budget = budget_of(pipeline)
    if budget is None or not pipeline.source.info.live:
        return pipeline.run()
    return Pace(budget).follow(pipeline.run())


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
    if settings.db and settings.evidence:
        options["database"]["evidence"] = str((folder / EVIDENCE).absolute())
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
    if summary.cnn_pixels_share < summary.cnn_share - 0.005:  # some looks were at a part of the picture
        share += f", {summary.cnn_pixels_share:.0%} of their pixels"
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

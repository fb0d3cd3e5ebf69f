"""``track --video road.mp4``: the main job."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tracker.config import Settings


def _place(text: str) -> str:
    """Read a path or the like: an unset variable is empty, and shells leave the ``~`` of ``--out=~/x``."""
    if not text.strip():
        raise typer.BadParameter("is empty")
    return os.path.expanduser(text)


def _path(text: str) -> Path:
    return Path(_place(text))


_input = partial(typer.Option, rich_help_panel="Input")
_output = partial(typer.Option, rich_help_panel="Output")
_wanted = partial(typer.Option, rich_help_panel="What is tracked")
_tuning = partial(typer.Option, rich_help_panel="Tuning")
_flag = {"metavar": ""}
#: Triggers with a longest time without a look.
_WITH_INTERVAL = ("confidence", "entry_zone", "interval", "motion", "overlap")
_file = {"metavar": "PATH", "parser": _path}

Name = str | None
Number = float | None
Video = Annotated[
    Name, _input(metavar="PATH", parser=_place, help="Video file, URL, folder of pictures, or a glob.")
]
Webcam = Annotated[int | None, _input(metavar="N", min=0, help="Number of a camera at this machine.")]
Out = Annotated[Path | None, _output(**_file, help="Folder for the results; runs/NAME if not given.")]
Overwrite = Annotated[bool, _output("--overwrite", **_flag, help="Replace an earlier run.")]
Csv = Annotated[Path | None, _output(**_file, help="Where to write the CSV of tracks.")]
NoVideo = Annotated[bool, _output("--no-video", **_flag, help="Write no annotated video.")]
Codec = Annotated[Name, _output(metavar="NAME", help="Of the annotated video: h264, vp9, av1.")]
Scene = Annotated[
    Name, _input(metavar="PATH", parser=_place, help="Lines, zones, calibration: see 'track scene --help'.")
]
Report = Annotated[bool, _output("--report", **_flag, help="Make a page of the results: report.html.")]
Lang = Annotated[Name, _output(metavar="NAME", help="Language of the report: en or pt-BR.")]
Db = Annotated[
    Name, _output(metavar="URL", parser=_place, help="Database: traffic.db, sqlite:///..., postgresql://...")
]
Parquet = Annotated[bool, _output("--parquet", **_flag, help="Write tables as Parquet files, too.")]
Explain = Annotated[bool, _output("--explain", **_flag, help="Write why the CNN ran: looks.csv.")]
Evidence = Annotated[
    bool, _output("--evidence", **_flag, help="Keep a small picture of everyone who crosses a line.")
]
Blur = Annotated[bool, _output("--blur", **_flag, help="Hide people and plates in all pictures.")]
Raw = Annotated[bool, _output("--raw", **_flag, help="Keep a live stream as it came, too.")]
Retention = Annotated[
    Number, _output("--retention-days", metavar="DAYS", help="Remove pictures of older runs beside this one.")
]
Serve = Annotated[
    Name, _output(metavar="[HOST:]PORT", parser=_place, help="Watch it in a browser while it runs.")
]
Mqtt = Annotated[
    Name, _output(metavar="URL", parser=_place, help="Publish events, with --serve: mqtt://host/prefix")
]
Show = Annotated[bool, _output("--show", **_flag, help="Show a window while tracking.")]
Detector = Annotated[
    Name, _wanted(metavar="NAME", parser=_place, help="Name (see 'track detectors') or path.")
]
Classes = Annotated[Name, _wanted(metavar="NAMES", help="Follow only these, such as car,bus.")]
Score = Annotated[
    Number,
    _wanted(metavar="0..1", help="Least score of a detection; a low one starts more tracks, too."),
]
Trigger = Annotated[Name, _tuning(metavar="NAMES", help="When the CNN looks; several with commas.")]
Confidence = Annotated[Number, _tuning(metavar="0..1", help="A tracker below this makes the CNN look.")]
Interval = Annotated[Number, _tuning(metavar="SECONDS", help="Longest time without a look.")]
Budget = Annotated[Number, _tuning(metavar="0..1", help="Largest share of frames for the CNN.")]
Propagate = Annotated[Name, _tuning(metavar="NAME", help="What carries boxes between two looks.")]
Associate = Annotated[Name, _tuning(metavar="NAME", help="How detections find their tracks.")]
Device = Annotated[Name, _tuning(metavar="NAME", help="auto, cpu or cuda.")]
Config = Annotated[Path | None, _tuning(**_file, help="Settings in a TOML file.")]
Assignments = Annotated[
    list[str] | None,
    _tuning("--set", metavar="KEY=VALUE", help="Such as trigger.confidence.rest_s=0.2"),
]
Debug = Annotated[bool, typer.Option("--debug", **_flag, help="Show tracebacks, of every command.")]
Version = Annotated[bool, typer.Option("--version", **_flag, help="Say the version.")]


def track(
    context: typer.Context,
    video: Video = None,
    webcam: Webcam = None,
    scene: Scene = None,
    out: Out = None,
    overwrite: Overwrite = False,
    csv: Csv = None,
    no_video: NoVideo = False,
    codec: Codec = None,
    report: Report = False,
    lang: Lang = None,
    db: Db = None,
    parquet: Parquet = False,
    explain: Explain = False,
    evidence: Evidence = False,
    blur: Blur = False,
    raw: Raw = False,
    retention_days: Retention = None,
    show: Show = False,
    serve: Serve = None,
    mqtt: Mqtt = None,
    detector: Detector = None,
    classes: Classes = None,
    score: Score = None,
    trigger: Trigger = None,
    confidence: Confidence = None,
    interval: Interval = None,
    budget: Budget = None,
    propagate: Propagate = None,
    associate: Associate = None,
    device: Device = None,
    config: Config = None,
    assignments: Assignments = None,
    debug: Debug = False,
    version: Version = False,
) -> None:
    """Say what drove by, when and where: an annotated video and a CSV of tracks from a road video.

    The CNN looks at a frame only when there is a reason to; in between, cheap trackers carry the boxes.
    """
    if context.invoked_subcommand:
        _refuse_options(context)
        return
    if version:
        typer.echo(_version())
        return
    from tracker.cli.job import run_all
    from tracker.cli.places import Outputs
    from tracker.compose.checks import check_settings, check_used

    outputs = Outputs(
        *(out, overwrite, csv, not no_video, codec, show),
        report=report,
        lang=lang,
        serve=serve,
        mqtt=mqtt,
    )
    named = {
        "video": _source(video, webcam),
        "detector": detector,
        "associate": associate,
        "propagate": propagate,
        "trigger": trigger,
        "budget": budget,
        "classes": classes,
        "score": score,
        "device": device,
        "scene": scene,
        "db": db,
        "parquet": parquet or None,
        "explain": explain or None,
        "evidence": evidence or None,
        "blur": blur or None,
        "raw": raw or None,
        "retention_days": retention_days,
    }
    typed = assignments or []
    shorts = {"confidence": confidence, "interval": interval, "codec": codec}
    settings = _shorthands(_settings(config, named, typed), shorts, typed)
    check_settings(settings)
    check_used(settings, typed, outputs.sinks(settings))
    raise typer.Exit(run_all(settings, outputs))


def _refuse_options(context: typer.Context) -> None:
    """See that no option of ``track`` itself stands before a command, which would not hear of it.

    Raises:
        UsageError: one does.
    """
    from detectors.errors import UsageError

    for parameter in context.command.params:
        origin = context.get_parameter_source(parameter.name or "")
        if origin is not None and origin.name == "COMMANDLINE" and parameter.name != "debug":
            command = context.invoked_subcommand
            raise UsageError(
                f"{parameter.opts[0]} has no meaning before '{command}': "
                f"track {command} --help says what may stand behind it"
            )


def _source(video: str | None, webcam: int | None) -> str | None:
    """Return what is to be tracked.

    Raises:
        UsageError: two things are.
    """
    from detectors.errors import UsageError

    if video is not None and webcam is not None:
        raise UsageError("--video and --webcam exclude each other")
    return video if webcam is None else str(webcam)


def _settings(config: Path | None, named: Mapping[str, object], assignments: Sequence[str]) -> Settings:
    """Put the options with a name of their own and ``--set`` on top of the settings file.

    Raises:
        UsageError: something is unknown or wrong or said twice, or there is nothing to track.
    """
    from detectors.errors import UsageError
    from tracker.config import read_settings

    flags = {name: f"--{name.replace('_', '-')}" for name, value in named.items() if value is not None}
    flags |= {"video": "--video or --webcam"} if "video" in flags else {}
    _refuse_twice(flags, assignments)
    given = [f"{name}={value}" for name, value in named.items() if value is not None]
    settings = read_settings(config, [*given, *assignments])
    if not settings.video:
        raise UsageError("nothing to track: give --video PATH|URL|GLOB or --webcam N (track --help)")
    if named["classes"] is not None and not settings.classes:
        raise UsageError("--classes names no class: leave it out to follow all of them")
    return settings


def _refuse_twice(flags: Mapping[str, str], assignments: Sequence[str]) -> None:
    """See that no setting is said twice: one of the two would be lost in silence.

    Args:
        flags: by key, as ``--set`` has it, the option that said it.
        assignments: what stood behind ``--set``.

    Raises:
        UsageError: one is.
    """
    from detectors.errors import UsageError

    said = dict(flags)
    for assignment in assignments:
        key = assignment.partition("=")[0].strip()
        if key in said:
            raise UsageError(f"{key} is said twice, by {said[key]} and by --set {assignment}: leave one out")
        said[key] = f"--set {assignment}"


def _shorthands(settings: Settings, values: Mapping[str, object], assignments: Sequence[str]) -> Settings:
    """Turn ``--confidence``, ``--interval`` and ``--codec`` into options of the components that have them.

    Raises:
        UsageError: no chosen trigger has such an option, or ``--set`` says it too.
    """
    from detectors.errors import UsageError

    places = {
        "confidence": (("trigger", "confidence", "threshold"),),
        "interval": tuple(("trigger", name, "interval_s") for name in _WITH_INTERVAL),
        "codec": (("sink", "video", "codec"),),
    }
    for flag, value in values.items():
        if value is None:
            continue
        chosen = [p for p in places[flag] if p[0] != "trigger" or p[1] in settings.triggers]
        if not chosen:
            raise UsageError(f"--{flag} has no meaning with --trigger {settings.trigger}")
        _refuse_twice({".".join(place): f"--{flag}" for place in chosen}, assignments)
        for place in chosen:
            settings = settings.with_option(*place, value)
    return settings


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"track {version('road-tracker')}"
    except PackageNotFoundError:
        return "track, not installed"

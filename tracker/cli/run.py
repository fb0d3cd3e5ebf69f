"""``track --video road.mp4``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tracker.config import Settings

Text = str | None


def track(
    context: typer.Context,
    video: Annotated[Text, typer.Option(help="Video file, URL, folder of pictures, or a glob.")] = None,
    webcam: Annotated[int | None, typer.Option(min=0, help="Number of a camera at this machine.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results, runs/NAME if not given.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Where to write the CSV of tracks.")] = None,
    no_video: Annotated[bool, typer.Option("--no-video", help="Write no annotated video.")] = False,
    codec: Annotated[Text, typer.Option(help="Of the annotated video: h264, vp9, av1.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Show a window while tracking.")] = False,
    detector: Annotated[Text, typer.Option(help="Name (see 'track detectors') or path.")] = None,
    associate: Annotated[Text, typer.Option(help="How detections find their tracks.")] = None,
    propagate: Annotated[Text, typer.Option(help="What carries boxes between two looks.")] = None,
    trigger: Annotated[Text, typer.Option(help="When the CNN looks; several with commas.")] = None,
    confidence: Annotated[
        float | None, typer.Option(help="A tracker below this makes the CNN look, 0 to 1.")
    ] = None,
    interval: Annotated[float | None, typer.Option(help="Longest time without a look, in seconds.")] = None,
    classes: Annotated[Text, typer.Option(help="Follow only these, such as car,bus.")] = None,
    score: Annotated[float | None, typer.Option(help="Least score of a detection, 0 to 1.")] = None,
    device: Annotated[Text, typer.Option(help="auto, cpu or cuda.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings in a TOML file.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", help="A setting, such as trigger.confidence.rest_s=0.2")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Say the version.")] = False,
) -> None:
    """Say what drove by, when and where: an annotated video and a CSV of tracks from a road video.

    The CNN looks at a frame only when there is a reason to; in between, cheap trackers carry the boxes.
    """
    if context.invoked_subcommand:
        return
    if version:
        typer.echo(_version())
        return
    from detectors.errors import UsageError
    from tracker.cli.job import Outputs, run_all
    from tracker.compose import check_settings, check_used
    from tracker.config import read_settings

    if video is not None and webcam is not None:
        raise UsageError("--video and --webcam exclude each other")
    named: dict[str, Any] = {
        "video": video if webcam is None else str(webcam),
        "detector": detector,
        "associate": associate,
        "propagate": propagate,
        "trigger": trigger,
        "classes": classes,
        "score": score,
        "device": device,
    }
    given = [f"{name}={value}" for name, value in named.items() if value is not None]
    settings = read_settings(config, [*given, *(assignments or [])])
    settings = _shorthands(settings, confidence, interval)
    if not settings.video:
        raise UsageError("nothing to track: give --video PATH|URL|GLOB or --webcam N (track --help)")
    check_settings(settings)
    check_used(settings, assignments or [])
    outputs = Outputs(folder=out, overwrite=overwrite, csv=csv, video=not no_video, codec=codec, show=show)
    raise typer.Exit(run_all(settings, outputs))


def _shorthands(settings: Settings, confidence: float | None, interval: float | None) -> Settings:
    """Turn ``--confidence`` and ``--interval`` into options of the triggers that have them.

    Raises:
        UsageError: no chosen trigger has such an option.
    """
    from detectors.errors import UsageError

    owners = {"confidence": ("confidence",), "interval": ("confidence", "interval")}
    names = {"confidence": "threshold", "interval": "interval_s"}
    for flag, value in (("confidence", confidence), ("interval", interval)):
        if value is None:
            continue
        chosen = [t for t in settings.triggers if t in owners[flag]]
        if not chosen:
            raise UsageError(f"--{flag} has no meaning with --trigger {settings.trigger}")
        for trigger in chosen:
            settings = settings.with_option("trigger", trigger, names[flag], value)
    return settings


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"track {version('road-tracker')}"
    except PackageNotFoundError:
        return "track, not installed"

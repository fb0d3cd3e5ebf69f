"""``track scene``: a first scene file from where vehicles go, and a picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tracker.scene.model import Scene

VEHICLES = "car,bus,truck,motorbike,bicycle"


def make_scene(
    video: Annotated[str, typer.Argument(help="Video, URL or folder of pictures; or a camera's number.")],
    out: Annotated[Path, typer.Option(help="Scene file to write; the picture lies beside it.")] = Path(
        "scene.toml"
    ),
    seconds: Annotated[float, typer.Option(help="How much of the video is looked at.")] = 30.0,
    scene: Annotated[Path | None, typer.Option(help="Draw this scene, and suggest nothing.")] = None,
    detector: Annotated[str | None, typer.Option(help="Name or path, as of track.")] = None,
    classes: Annotated[str, typer.Option(help="Whose ways count, such as car,bus.")] = VEHICLES,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier file.")] = False,
) -> None:
    """Suggest counting lines from where vehicles drive, write them as a scene file, and draw them.

    Change the file as you like, look at it with --scene FILE, and count with track --video ... --scene FILE.
    """
    from detectors.errors import UsageError
    from tracker.scene.reading import read_scene
    from tracker.scene.suggest import suggest
    from tracker.scene.writing import write_scene
    from tracker.sinks._files import writing

    if not seconds > 0:
        raise UsageError(f"--seconds must be above 0, not {seconds:g}")
    picture = out.with_suffix(".png")
    if scene is not None:
        _draw(video, read_scene(scene), picture)
        return
    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists: give --overwrite to replace it, or another --out")
    paths, size = _paths(video, seconds, detector, [name.strip() for name in classes.split(",")])
    found = suggest(paths, size)
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(write_scene(found), encoding="utf-8")
    typer.echo(f"{len(found.lines)} lines from {len(paths)} vehicles in {seconds:g} s: {out}")
    if not found.lines:
        typer.echo("too few vehicles drove by: give more --seconds, or write the lines yourself")
    _draw(video, found, picture)


def _paths(
    video: str, seconds: float, detector: str | None, classes: Sequence[str]
) -> tuple[list[NDArray[np.float64]], tuple[int, int]]:
    """Track a part of the video; return the vehicles' ways and the size of the picture."""
    import numpy as np

    from detectors import DEFAULT_DETECTOR
    from detectors.boxes import centres
    from tracker import open_pipeline

    ways: dict[int, list[NDArray[np.float32]]] = {}
    size = (1, 1)
    with open_pipeline(video, detector=detector or DEFAULT_DETECTOR) as pipeline:
        names: Sequence[str] = pipeline.detector.class_names
        for result in pipeline.run():
            size = (result.frame.width, result.frame.height)
            for track in result.tracks:
                if track.shown and names[track.label] in classes:
                    ways.setdefault(track.id, []).append(centres(track.box))
            if result.frame.time_s >= seconds:
                break
    return [np.array(way, np.float64) for way in ways.values()], size


def _draw(video: str, scene: Scene, picture: Path) -> None:
    """Draw a scene onto the video's first frame, for the eye."""
    from detectors.opencv import load_cv2
    from tracker.compose import build_source
    from tracker.config import Settings
    from tracker.errors import SinkError, SourceError
    from tracker.scene.drawing import draw_scene
    from tracker.sinks._files import prepare

    prepare(picture)
    with build_source(Settings(video=video)) as source:
        frame = next(iter(source), None)
    if frame is None:
        raise SourceError(f"{video} has no frame")
    if not load_cv2().imwrite(str(picture), draw_scene(frame.image, scene)):
        raise SinkError(f"cannot write {picture}; give another --out")
    typer.echo(str(picture))

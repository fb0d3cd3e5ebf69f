"""``track data import-cvat``: what was labelled or corrected in CVAT as a set to train on."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from detectors.bank.cvat_xml import CvatTask
    from detectors.bank.labels import Labelled
    from detectors.bank.writing import Written


def data_import_cvat(
    file: Annotated[Path, typer.Argument(help="XML of 'CVAT for images 1.1' or 'CVAT for video 1.1'.")],
    out: Annotated[Path, typer.Option(help="Folder of the new set.")],
    video: Annotated[str | None, typer.Option(help="The video that was labelled.")] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help="Folder of the pictures, or of the frames (frame_000000.PNG), instead of a video."),
    ] = None,
    every: Annotated[
        float | None,
        typer.Option(
            help="Of a video: one frame in so many seconds (1 if not given), sooner where objects come or go."
        ),
    ] = None,
    val: Annotated[
        float,
        typer.Option(help="Share for validation; of a video its last part, since neighbours are alike."),
    ] = 0.2,
    seed: Annotated[int, typer.Option(help="Of the choice for validation among pictures.", min=0)] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier set.")] = False,
) -> None:
    """Make a set of what was labelled in CVAT, such as the corrected tracks of 'track export cvat'.

    The classes of the set are the labels of the task: what has no box on a frame is none of them.
    """
    from detectors.bank.cvat import read_cvat
    from detectors.bank.cvat_xml import read_task
    from detectors.bank.writing import check_out, write_set
    from detectors.errors import UsageError
    from tracker.lab.cvat_frames import split_by_time
    from tracker.sinks._files import writing

    if (video is None) == (pictures is None):
        raise UsageError("give either --video, the file that was labelled, or --pictures, a folder of them")
    if pictures is not None and every is not None:
        raise UsageError("--every chooses frames of a --video: of --pictures all are taken")
    if not 0 <= val < 1:
        raise UsageError(f"--val must lie in [0, 1), not {val:g}")
    check_out(out, [], overwrite)
    task = read_task(file)
    with writing(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".frames-", dir=out.parent) as frames:
        if video is not None:
            found = _frames(task, video, 1.0 if every is None else every, Path(frames))
        else:
            found = read_cvat(file, pictures)
        if video is not None or not task.images:
            found = split_by_time(found, val)
        # the frames lie on the same disk and are removed in a moment: no copies are needed
        link = video is not None
        written = write_set(
            found, out, class_names=task.labels, val_share=val, seed=seed, link=link, overwrite=overwrite
        )
    _print(written)


def _frames(task: CvatTask, video: str, every_s: float, folder: Path) -> list[Labelled]:
    from rich.console import Console

    from tracker.lab.cvat_frames import labelled_frames

    with Console(stderr=True).status("") as status:
        return labelled_frames(
            task, video, every_s, folder, lambda index: status.update(f"{video}, frame {index}")
        )


def _print(written: Written) -> None:
    splits = ", ".join(f"{number} {split}" for split, number in written.pictures.items())
    boxes = ", ".join(f"{number} {label}" for label, number in written.boxes.items() if number)
    typer.echo(f"{sum(written.pictures.values())} pictures ({splits}); boxes: {boxes or 'none'}")
    if written.dropped:
        typer.echo(f"{written.dropped} boxes of no area or outside of their picture were left out")
    typer.echo(f"{written.folder}; train with track train detector --data {shlex.quote(str(written.folder))}")

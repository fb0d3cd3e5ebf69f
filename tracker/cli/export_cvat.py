"""``track export cvat``: a run's tracks as a file that CVAT imports, to be corrected there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export_cvat(
    run: Annotated[Path, typer.Option(help="Folder of a run, such as runs/road.")],
    out: Annotated[Path, typer.Option(help="File to write, such as road.cvat.xml.")],
    tolerance: Annotated[
        float, typer.Option(help="How far (pixels) a box between two keyframes may be from the run's.")
    ] = 1.0,
    share: Annotated[
        float,
        typer.Option(help="... or this share of the box's size (root of its area), where that is more."),
    ] = 0.05,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Write the tracks of a run as 'CVAT for video 1.1', with few keyframes: one corrects rather than draws.

    In CVAT: make a task of the same video with the same labels, then 'Upload annotations', format CVAT 1.1.
    The way back is 'track data import-cvat'.
    """
    from detectors.bank.cvat_text import task_text
    from detectors.errors import UsageError
    from tracker.lab.cvat_tracks import tracks_of
    from tracker.lab.run_rows import read_rows
    from tracker.sinks._files import discard, draft, prepare, publish, writing

    if out.exists() and not out.is_dir() and not overwrite:
        raise UsageError(f"{out} is there already: choose another --out, or give --overwrite")
    found = read_rows(run)
    task = tracks_of(found, tolerance, share)
    prepare(out)
    try:
        with writing(out):
            draft(out).write_bytes(task_text(task, Path(found.video).stem))
        publish(out)
    finally:
        discard(out)
    keyframes = sum(len(track.keyframes) for track in task.tracks)
    typer.echo(f"{len(task.tracks)} tracks, {keyframes} keyframes for {len(found.rows)} boxes")
    typer.echo(f"labels for the task in CVAT: {', '.join(task.labels)}")
    typer.echo(out)

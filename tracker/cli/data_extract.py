"""``track data extract``: frames of videos that are worth labelling."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def data_extract(
    video: Annotated[
        list[str], typer.Argument(help="Video file or folder of pictures; several may be given.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
    count: Annotated[int, typer.Option(help="How many frames at most, of all videos together.")] = 50,
    every: Annotated[
        float | None,
        typer.Option(help="Look at one frame in so many seconds; 8 for each that is wanted if not given."),
    ] = None,
    run: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of a run of a video: prefers frames that it was unsure of. Again for more."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace frames extracted earlier.")] = False,
) -> None:
    """Pick varied frames to label: spread over time, sharp, no two alike; and those that teach most.

    With --run come first: rare classes, unsure detections, tracks lost or only predicted, many objects; and
    its boxes are written to proposal.cvat.xml for CVAT, to be corrected there. frames.csv says what is what.
    """
    from rich.console import Console

    from tracker.lab.extracting import FRAMES, PROPOSAL, Wanted, check_frames, extract, match_runs
    from tracker.lab.run_rows import read_rows
    from tracker.sinks._files import check_folder

    Wanted(tuple(video), count, every)  # what is wrong with the request is said before any file is read
    check_frames(out, overwrite)
    check_folder(out.parent)
    runs = match_runs(video, [read_rows(folder) for folder in run or []])
    wanted = Wanted(tuple(video), count, every, runs)
    with Console(stderr=True).status("") as status:
        choice = extract(wanted, out, lambda name, index: status.update(f"{name}, frame {index}"))
    left_out = f"left out: {choice.poor} blurred or blank, {choice.alike} like a chosen one"
    typer.echo(f"{len(choice.chosen)} frames; {left_out}")
    typer.echo(out / FRAMES)
    if runs:
        typer.echo(out / PROPOSAL)

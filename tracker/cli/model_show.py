"""``track model show``: what a network makes of one picture, as one sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.model_summary import NAME_HELP, check_file


def model_show(
    name: Annotated[str, typer.Argument(help=NAME_HELP)],
    image: Annotated[Path, typer.Option(help="The picture.")],
    out: Annotated[Path, typer.Option(help="The sheet to write, such as sheet.png.")],
    layer: Annotated[
        list[str] | None,
        typer.Option(help="Layer of 'track model summary' whose maps are shown; may be repeated."),
    ] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="Class whose score is explained, or its number.")
    ] = None,
    classes: Annotated[
        int | None, typer.Option(help="Number of classes of a network without weights; 1000 without.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Draw what a network makes of a picture: its first filters, maps of its layers, and where it looked.

    Where it looked is Grad-CAM, of the class that it gives the highest score, or of a detector's strongest
    detection.
    """
    check_file(out, "--out", ".png", overwrite)

    from detectors.classifiers.opening import opened
    from detectors.classifiers.sheet import write_sheet
    from detectors.classifiers.showing import read_image, show
    from tracker.sinks._files import prepare, writing

    picture = read_image(image)
    network = opened(name, classes=classes)
    shown = show(network, picture, layer or (), class_name)
    prepare(out)
    with writing(out):
        write_sheet(out, shown, network)
    weights = "random weights, so it means nothing: " if network.random else ""
    typer.echo(f"{out}; {weights}{shown.answer.said}")

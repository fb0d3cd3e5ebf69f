"""``track model summary``: a network layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

NAME_HELP = (
    "Network: alexnet_2012, vgg16, timm:NAME and so on; a detector of 'track detectors'; classifier:NAME and "
    "backbone:NAME for the classifier and the stack that a detector is named after; or a weight file (.pt)."
)


def model_summary(
    name: Annotated[str, typer.Argument(help=NAME_HELP)],
    picture: Annotated[
        str | None,
        typer.Option("--input", help="Picture as CHANNELSxHEIGHTxWIDTH, such as 3x224x224; else its own."),
    ] = None,
    classes: Annotated[
        int | None, typer.Option(help="Number of classes of a network without weights; 1000 without.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", help="Also write the table to this file, with plain numbers.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """List a network's layers: sizes, kernels, parameters, multiply-adds and receptive fields.

    A stride that does not come out even is marked with what it cuts off. Nothing is computed: the network
    has no values, only shapes.
    """
    shape = None if picture is None else sizes(picture)
    if table is not None:
        check_file(table, "--csv", ".csv", overwrite)

    from detectors.classifiers.opening import opened
    from detectors.classifiers.summary import as_text, summarise, write_csv

    network = opened(name, shape, classes, empty=True)
    summary = summarise(network.net, network.shape, network.run)
    size = "x".join(map(str, network.shape))
    typer.echo(f"{network.name}, for a picture of {size} (channels, height, width)\n")
    typer.echo(as_text(summary))
    if table is not None:
        from tracker.sinks._files import prepare, writing

        prepare(table)
        with writing(table), table.open("w", newline="", encoding="utf-8") as stream:
            write_csv(summary, stream)
        typer.echo(f"{table}")


def sizes(text: str) -> tuple[int, int, int]:
    """Return channels, height and width of a text such as 3x224x224.

    Raises:
        UsageError: it is none.
    """
    from detectors.errors import UsageError

    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise UsageError(f"--input is CHANNELSxHEIGHTxWIDTH, such as 3x224x224, not '{text}'")
    channels, height, width = map(int, parts)
    if channels not in (1, 3) or not (1 <= height <= 8192 and 1 <= width <= 8192):
        raise UsageError(f"--input has 1 or 3 channels and sides of 1 to 8192 pixels, not '{text}'")
    return channels, height, width


def check_file(path: Path, option: str, suffix: str, overwrite: bool) -> None:
    """See that a file may be written, before any work is done.

    Raises:
        UsageError: its name ends otherwise, or it is there and is not to be replaced.
        SinkError: its folder cannot be written to.
    """
    from detectors.errors import UsageError
    from tracker.sinks._files import check_folder

    if path.suffix.lower() != suffix:
        raise UsageError(f"{option} must end in {suffix}, not '{path.name}'")
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} is there already: choose another {option}, or give --overwrite")
    check_folder(path.parent)

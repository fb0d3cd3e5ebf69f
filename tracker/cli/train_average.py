"""``track train average``: several weights of one network as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train_average(
    weights: Annotated[list[Path], typer.Option(help="Weight file; two or more of them.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    share: Annotated[
        list[float] | None, typer.Option(help="How much each counts, in the same order; all alike without.")
    ] = None,
    shift: Annotated[
        list[str] | None, typer.Option(help="CLASS=NUMBER: added to its logits, if it is rare.")
    ] = None,
    score: Annotated[
        float | None, typer.Option(help="Default score threshold; without, that of the files.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Average weights that went on from one another: often better than each, at no cost.

    The last training's and those that it began from are a good pair; try shares on the val pictures.
    """
    from detectors.errors import UsageError
    from detectors.training.averaging import average_weights
    from tracker.cli.train_detector import numbers

    if out.exists() and not overwrite:
        raise UsageError(f"{out} is there already: choose another --out, or give --overwrite")
    digest = average_weights(weights, out, share or (), numbers("--shift", "CLASS", shift or []), score)
    typer.echo(f"{out}; sha256 {digest}; use it with track --video road.mp4 --detector {out}")

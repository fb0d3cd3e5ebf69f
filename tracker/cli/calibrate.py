"""``track calibrate``: what a tracker's confidence means, found out on videos."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from tracker.lab.calibrating import Fit
    from tracker.lab.fitting import Quality


def calibrate(
    video: Annotated[list[str], typer.Option(help="To fit to: a video; may be given again.")],
    test: Annotated[
        list[str] | None, typer.Option(help="To judge by: a video that is not fitted to; again for more.")
    ] = None,
    detector: Annotated[str | None, typer.Option(help="Name (see 'track detectors') or path.")] = None,
    propagate: Annotated[str | None, typer.Option(help="What carries boxes between two looks.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; beside the detector's weights if not given.")
    ] = None,
    diagram: Annotated[Path | None, typer.Option(help="PNG of stated against observed shares.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier fit.")] = False,
) -> None:
    """Fit what a confidence means: how likely the CNN would find a carried box right.

    The CNN runs on every frame; the tracker sees few of its looks, and is judged by the others. From then on
    'track' with the same detector states such probabilities, and --confidence is the least that it accepts.
    """
    from rich.console import Console

    from detectors.errors import UsageError
    from tracker.compose import build_detector, weights_of
    from tracker.compose.checks import check_settings
    from tracker.confidence import beside
    from tracker.config import Settings
    from tracker.lab.calibrating import calibrate as fit_to
    from tracker.lab.calibrating import check_place, write_fit

    given = {"detector": detector, "propagate": propagate, "device": device, "video": video[0]}
    settings = Settings().changed(**{name: value for name, value in given.items() if value is not None})
    check_settings(settings)
    loaded = build_detector(settings)
    weights, sha256 = weights_of(loaded)
    if weights is None or sha256 is None:
        raise UsageError(f"{settings.detector} has no weights of its own to which a fit could belong")
    file = out or beside(weights)
    check_place(file, settings.propagate, sha256, overwrite)
    console = Console()
    with console.status("") as status:
        fit = fit_to(
            settings,
            loaded,
            video,
            test or [],
            lambda name, index: status.update(f"{name}, frame {index}: the CNN on every one"),
        )
    write_fit(file, settings.propagate, sha256, fit, shlex.join(["track", *sys.argv[1:]]))
    _print(console, fit)
    typer.echo(file)
    if diagram is not None:
        _draw(fit, diagram)
        typer.echo(diagram)


def _print(console: Console, fit: Fit) -> None:
    from rich.table import Table

    from tracker.lab.calibrating import FITTED, TESTED
    from tracker.lab.fitting import BINS

    table = Table(title="Does the stated confidence hold?")
    table.add_column("video", overflow="fold")
    for name in ("boxes", "right", "ECE", "Brier gain", "AUROC"):
        table.add_column(name, justify="right")
    for what, samples in ((FITTED, fit.fitted), (TESTED, fit.tested)):
        for one in samples:
            table.add_row(f"{Path(one.name).name}, {what}", *_cells(fit.quality([one])))
        if samples:
            table.add_row(f"all {what}", *_cells(fit.quality(samples)), style="bold", end_section=True)
    console.print(table)
    unknown = sum(s.unknown for s in (*fit.fitted, *fit.tested))
    notes = (
        "right: share of carried boxes with an IoU of 0.5 with a detection of the same frame; "
        f"{unknown} boxes with none near them are left out",
        f"ECE: expected calibration error, over {BINS} bins of equal mass; Brier gain: against always "
        "stating the share; AUROC: 0.5 is chance",
    )
    for note in notes:
        console.print(note, style="dim", highlight=False)


def _cells(quality: Quality) -> list[str]:
    return [
        str(quality.boxes),
        f"{100 * quality.right:.1f} %",
        f"{quality.ece:.3f}",
        f"{100 * quality.brier_gain:+.0f} %",
        f"{quality.auroc:.3f}",
    ]


def _draw(fit: Fit, path: Path) -> None:
    from tracker.lab.calibrating import FITTED, TESTED
    from tracker.lab.diagram import draw_reliability
    from tracker.lab.sampling import of_one

    sets = {f"videos {FITTED}": fit.fitted, f"videos {TESTED}": fit.tested}
    wholes = {name: of_one(samples, name) for name, samples in sets.items() if samples}
    judged = {n: (fit.calibration.probability(w.evidence), w.right) for n, w in wholes.items()}
    draw_reliability(judged, path)

"""``track train detector``: weights from one's own labelled pictures."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.recipe import RecipeOption, recipe_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from detectors.evaluation import Precision
    from detectors.training.engine import Training
    from detectors.training.request import Request


#: Without weights to begin from.
BACKBONE = "smaller_vgg_rep_small"


def train_detector(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Weights to write, such as weights/mine.pt.")],
    data: Annotated[
        list[Path] | None, typer.Option(help="Folder of COCO-style sets; may be given again.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="How long to train.")] = None,
    steps: Annotated[int | None, typer.Option(help="How many steps to train, instead of minutes.")] = None,
    head: Annotated[str, typer.Option(help="one_stage, or faster_rcnn (two stages).")] = "one_stage",
    backbone: Annotated[
        str | None,
        typer.Option(
            help="smaller_vgg_rep_nano|small|medium|large|huge, smaller_vgg; else as --from, or small."
        ),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="Your own, such as car,tractor; else the six of the released weights.")
    ] = None,
    size: Annotated[str, typer.Option(help="Of the network's input: WIDTHxHEIGHT.")] = "512x288",
    start: Annotated[
        str | None,
        typer.Option("--from", help="To begin from: released weights, a file, a classifier's."),
    ] = None,
    teacher: Annotated[
        list[str] | None,
        typer.Option(help="Detector whose answers are learnt, too: released, a file; may be given again."),
    ] = None,
    unlabelled: Annotated[
        list[Path] | None, typer.Option(help="Folder of pictures on which the teachers alone speak.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after an interruption.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace weights and training that are there.")
    ] = False,
    weight: Annotated[
        list[str] | None, typer.Option(help="SET=NUMBER: draw this set's pictures less or more often.")
    ] = None,
    freeze: Annotated[int, typer.Option(help="Leading stages that stay as --from has them.")] = 0,
    warm: Annotated[float, typer.Option(help="First share in which --from's convolutions rest.")] = 0.0,
    body_rate: Annotated[float, typer.Option(help="Their learning rate then, as a share.")] = 1.0,
    batch: Annotated[int, typer.Option(help="Pictures a step, of all processes together.")] = 8,
    rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    mosaic: Annotated[float, typer.Option(help="Share of pictures put together from four.")] = 0.5,
    paste: Annotated[float, typer.Option(help="Share with objects of rare classes pasted in.")] = 0.3,
    cut_out: Annotated[float, typer.Option(help="Share with parts of objects hidden.")] = 0.2,
    plain: Annotated[float, typer.Option(help="Last share without mosaics and pasted objects.")] = 0.2,
    shift: Annotated[
        list[str] | None, typer.Option(help="CLASS=NUMBER: added to its logits at the end, if it is rare.")
    ] = None,
    score: Annotated[
        float | None,
        typer.Option(help="Default score threshold of the weights; one_stage starts tracks 0.1 above it."),
    ] = None,
    measure_every: Annotated[
        float | None, typer.Option(help="Minutes: so often it is measured on the val split.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights, order and augmentation.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto (tried out), fp32 or bf16.")] = "auto",
    threads: Annotated[int | None, typer.Option(help="Of torch.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that prepare pictures, for each that trains.")] = 1,
    cache: Annotated[
        bool, typer.Option("--cache", help="Keep all pictures in memory, 0.7 MB each of 640x360.")
    ] = False,
    recipe: RecipeOption = None,
) -> None:
    """Train the detector, measure it on the val split, and enter it in the manifest beside it.

    On several GPUs or machines: torchrun --no-python --nproc-per-node 2 track train detector ...
    """
    from detectors.catalog import weights_file
    from detectors.classifiers.weights import stack_of
    from detectors.training.request import Request, Schedule
    from detectors.training.settings import begun_backbone

    with said_once():
        begin = None if start is None else weights_file(start)
        begun = begun_backbone(out) if resume else None
        request = Request(
            data=tuple(data or ()),
            out=out,
            schedule=Schedule(
                steps, minutes, batch, rate, plain_share=plain, warm_share=warm, body_rate=body_rate
            ),
            class_names=_class_names(classes),
            architecture=head,
            backbone=backbone
            or begun
            or (stack_of(begin) if begin and begin.is_file() else None)
            or BACKBONE,
            input_size=_size(size),
            set_weights=numbers("--weight", "SET", weight or []),
            start=begin,
            teachers=tuple(weights_file(name) for name in teacher or ()),
            unlabelled=tuple(unlabelled or ()),
            resume=resume,
            overwrite=overwrite,
            seed=seed,
            mosaic_share=mosaic,
            paste_share=paste,
            cut_out_share=cut_out,
            device=device,
            precision=precision,
            threads=threads,
            workers=workers,
            cache=cache,
            freeze=freeze,
            shifts=numbers("--shift", "CLASS", shift or []),
            score=score,
            measure_every=measure_every,
        )
    precisions = _train(request, recipe_of(context))
    if precisions is None:  # another process of torchrun's tells
        return
    print_precisions(precisions, request.class_names)
    file = request.file
    typer.echo(f"{file}; use it with track --video road.mp4 --detector {shlex.quote(str(file))}")


@contextlib.contextmanager
def said_once() -> Iterator[None]:
    """Let the first process alone say what is wrong with the options, which all have from torchrun."""
    from detectors.errors import UsageError

    try:
        yield
    except UsageError as exc:
        from detectors.training.distributed import group_here

        if group_here().first:
            raise
        raise typer.Exit from exc  # as a failure it would make torchrun stop the first before it has spoken


def _train(request: Request, recipe: str) -> dict[str, Precision] | None:
    """Train with a bar on standard error, or a line now and then where that is no terminal."""
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from detectors.training.detector import train

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:3], TimeElapsedColumn(), TextColumn("{task.fields[note]}"))
    bar = Progress(*columns, console=console)
    task = bar.add_task("training", total=1.0, note="")
    with contextlib.ExitStack() as shown:

        def report(training: Training, losses: dict[str, float]) -> None:
            if not bar.live.is_started:  # not before: what is wrong with the request is one line
                shown.enter_context(bar)
            speed = training.step * request.schedule.batch / max(training.seconds, 1e-9)
            note = f"step {training.step}, loss {sum(losses.values()):.3f}, {speed:.1f} pictures a second"
            bar.update(task, completed=training.progress, note=note)
            if not console.is_terminal and training.step % 50 == 0:
                console.print(f"{training.progress:.1%} {note}", highlight=False)

        return train(request, report, recipe)


def _class_names(text: str | None) -> tuple[str, ...]:
    from detectors.dataset import ROAD_USERS, UNKNOWN_VEHICLE
    from detectors.errors import UsageError

    if text is None:
        return ROAD_USERS
    names = tuple(name.strip() for name in text.split(","))
    if "" in names or len(set(names)) < len(names) or UNKNOWN_VEHICLE in names:
        rule = f"names with commas between them, each once, and not '{UNKNOWN_VEHICLE}' (any vehicle)"
        raise UsageError(f"--classes takes {rule}, not '{text}'")
    return names


def _size(text: str) -> tuple[int, int]:
    from detectors.errors import UsageError

    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise UsageError(f"--size takes WIDTHxHEIGHT such as 512x288, not '{text}'")
    return int(width), int(height)


def numbers(flag: str, what: str, texts: list[str]) -> dict[str, float]:
    """Read options such as ``--shift bus=0.2``, by name.

    Raises:
        UsageError: one is not so.
    """
    from detectors.errors import UsageError

    pairs = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            pairs[name] = float(number if name else "")
        except ValueError as exc:
            raise UsageError(f"{flag} takes {what}=NUMBER, not '{text}'") from exc
    return pairs


def print_precisions(precisions: Mapping[str, Precision], class_names: Sequence[str]) -> None:
    """Print the average precision by class."""
    from rich.console import Console
    from rich.table import Table

    from detectors.evaluation import mean_ap50

    if not precisions:
        Console().print("no val split in the data: the weights were not measured")
        return
    table = Table(title="On the val split")
    for name in ("class", "boxes", "AP50", "AP50:95"):
        table.add_column(name, justify="left" if name == "class" else "right")
    for name, value in precisions.items():
        table.add_row(name, str(value.boxes), f"{value.ap50:.3f}", f"{value.ap:.3f}")
    table.add_row("mean of the classes", "", f"{mean_ap50(dict(precisions), class_names):.3f}", "")
    Console().print(table)

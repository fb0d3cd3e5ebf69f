"""``track train classifier``: a network that names pictures, from folders of one's own."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from tracker.cli.recipe import RecipeOption, recipe_of
from tracker.cli.train_detector import numbers, said_once

if TYPE_CHECKING:
    from detectors.training.classifier.augment import Augmentation
    from detectors.training.classifier.epochs import Epoch
    from detectors.training.classifier.request import Request
    from detectors.training.classifier.train import Result


#: Without weights to begin from. With branches while it trains it learns faster than ``smaller_vgg``.
MODEL = "smaller_vgg_rep_small"


def train_classifier(
    context: typer.Context,
    data: Annotated[Path, typer.Option(help="Folder with a folder a class, or a labelled set: its boxes.")],
    out: Annotated[Path, typer.Option(help="Weights to write, such as weights/kinds.pt.")],
    model: Annotated[
        str | None,
        typer.Option(help="lenet5, smaller_vgg, vgg16, resnet18, timm:NAME, ...; else --from's."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Weights to begin from: released ones, a file, or 'published'."),
    ] = None,
    learner: Annotated[
        str | None,
        typer.Option(help="Keep the network, train on its features: logistic, svm, tree or forest."),
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side of the pictures in pixels.")] = None,
    channels: Annotated[int, typer.Option(help="3, or 1 for grey.")] = 3,
    fit: Annotated[str, typer.Option(help="Make pictures square: stretch or crop.")] = "stretch",
    activation: Annotated[str | None, typer.Option(help="Of lenet5: sigmoid, tanh or relu.")] = None,
    pooling: Annotated[str | None, typer.Option(help="Of lenet5: mean or max.")] = None,
    batch_norm: Annotated[
        bool | None, typer.Option("--batch-norm/--no-batch-norm", help="Batch normalisation.")
    ] = None,
    dropout: Annotated[float | None, typer.Option(help="Probability of dropping a value.")] = None,
    augment: Annotated[
        list[str] | None,
        typer.Option(
            help="none, or shift|rotate|flip|crop|brightness|contrast|mixup=NUMBER; may be given again."
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(help="At most.")] = 40,
    batch: Annotated[int, typer.Option(help="Pictures a step, of all processes together.")] = 32,
    optimizer: Annotated[str, typer.Option(help="sgd, adam or adadelta.")] = "adam",
    rate: Annotated[
        float | None, typer.Option(help="Learning rate; else 0.01, 0.001 or 1 by the optimizer.")
    ] = None,
    momentum: Annotated[float, typer.Option(help="Of sgd.")] = 0.9,
    l1: Annotated[float, typer.Option(help="Times the weights' absolute values, added to the loss.")] = 0.0,
    l2: Annotated[float, typer.Option(help="Weight decay.")] = 1e-4,
    decay: Annotated[
        str, typer.Option(help="Of the rate: plateau (when progress ends) or cosine (to the last epoch).")
    ] = "plateau",
    plateau: Annotated[int, typer.Option(help="Epochs without progress before the rate is reduced.")] = 4,
    patience: Annotated[int, typer.Option(help="Epochs without progress before the end.")] = 10,
    warm_epochs: Annotated[int, typer.Option(help="First epochs, for the last layers alone.")] = 0,
    thaw: Annotated[
        int | None, typer.Option(help="Blocks before the last layers that learn then; else all.")
    ] = None,
    thaw_rate: Annotated[float, typer.Option(help="Their rate, as a share of the last layers'.")] = 0.1,
    average: Annotated[
        float, typer.Option(help="Keep the moving average of the weights, such as 0.998; 0: themselves.")
    ] = 0.0,
    smooth: Annotated[float, typer.Option(help="Share of a label spread over all classes.")] = 0.0,
    val: Annotated[float, typer.Option(help="Share to validate with, where the folder says none.")] = 0.2,
    train_share: Annotated[float, typer.Option(help="Share of the training pictures to use.")] = 1.0,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out unreadable pictures, and copies in two classes.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of weights, split, order and augmentation.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto (tried out), fp32 or bf16.")] = "auto",
    threads: Annotated[int | None, typer.Option(help="Of torch.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that prepare pictures.")] = 0,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write curves for TensorBoard, too.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after an interruption.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace weights and training that are there.")
    ] = False,
    recipe: RecipeOption = None,
) -> None:
    """Train a network that names pictures, and measure it on pictures that it did not learn from.

    With --from it begins with what other weights know: all of it learns on, or with --learner only a quick
    learner on its features.
    """
    with said_once():
        request = _request(context.params)
    result = _train(request, recipe_of(context))
    if result is None:  # another process of torchrun's tells
        return
    print_result(result)
    typer.echo(f"{result.file}; use it with track classify --weights {shlex.quote(str(result.file))} PICTURE")


def _request(given: dict[str, Any]) -> Request:
    """Return the checked request of the command's parameters, which have the names of its fields."""
    from dataclasses import fields

    from detectors.catalog import weights_file
    from detectors.classifiers.models import Options
    from detectors.classifiers.starting import PUBLISHED
    from detectors.classifiers.weights import stack_of
    from detectors.training.classifier.request import Request, Schedule

    def part(kind: Any, **other: object) -> Any:
        names = [field.name for field in fields(kind)]
        return kind(**{name: given[name] for name in names if name in given}, **other)

    _check_words(given)
    start = given["start"]
    words = given["augment"] or []
    own = {key: value for key, value in given.items() if key != "augment"}
    begin = None if start in (None, PUBLISHED) else weights_file(start)
    model = given["model"] or (stack_of(begin) if begin and begin.is_file() else None) or MODEL
    given = own | {"val_share": own["val"], "start": start if begin is None else str(begin), "model": model}
    return cast(
        "Request",
        part(Request, options=part(Options), schedule=part(Schedule), augment=_augmentation(words)),
    )


def _check_words(given: dict[str, Any]) -> None:
    from detectors.networks.lenet import ACTIVATIONS, POOLINGS
    from detectors.training.request import one_of

    for name, known in (("activation", ACTIVATIONS), ("pooling", POOLINGS)):
        if given[name] is not None:
            one_of(name, given[name], [*known])


def _augmentation(words: list[str]) -> Augmentation:
    from detectors.training.classifier.augment import NONE, USUAL, augmentation

    if "none" in words:
        return augmentation(numbers("--augment", "NAME", [w for w in words if w != "none"]), NONE)
    return augmentation(numbers("--augment", "NAME", words), USUAL)


def _train(request: Request, recipe: str) -> Result | None:
    from rich.console import Console

    from detectors.training.classifier.train import train

    console = Console(stderr=True)

    def report(epoch: Epoch) -> None:
        star = " *" if epoch.best else ""
        console.print(
            f"epoch {epoch.epoch}/{request.schedule.epochs}: loss {epoch.train_loss:.3f}, "
            f"validation {epoch.val_loss:.3f}, right {epoch.val_accuracy:.1%}, rate {epoch.rate:.2g}, "
            f"{epoch.seconds:.0f} s{star}",
            highlight=False,
        )

    return train(request, report, recipe)


def print_result(result: Result) -> None:
    """Print what is reached, by class, and what is taken for what."""
    from rich.console import Console
    from rich.table import Table

    from detectors.training.classifier.figures import by_class

    table = Table(title=f"{result.accuracy:.1%} of {int(result.table.sum())} pictures named rightly")
    for name in ("class", "pictures", "precision", "recall", "mostly taken for"):
        table.add_column(name, justify="left" if name in ("class", "mostly taken for") else "right")
    for row, figures in enumerate(by_class(result.table, result.class_names)):
        wrong = [(count, other) for other, count in enumerate(result.table[row].tolist()) if other != row]
        most, other = max(wrong)
        precision = "-" if figures.precision is None else f"{figures.precision:.3f}"
        taken = f"{result.class_names[other]} ({most})" if most else ""
        table.add_row(figures.name, str(figures.pictures), precision, f"{figures.recall:.3f}", taken)
    Console().print(table)

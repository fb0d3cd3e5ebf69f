"""``track evaluate classifier``: a network of one's own against pictures whose class is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def evaluate_classifier(
    data: Annotated[Path, typer.Option(help="Folder with a folder a class, or a labelled set: its boxes.")],
    weights: Annotated[Path, typer.Option(help="Weights of 'track train classifier'.")],
    split: Annotated[str, typer.Option(help="all, or the folder's own train or val.")] = "all",
    out: Annotated[Path | None, typer.Option(help="Folder for confusion matrix and figures.")] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out unreadable pictures, and copies in two classes.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Print which share of the pictures is named rightly, and what is taken for what."""
    from detectors.classifiers.weights import load_classifier
    from detectors.training.classifier.train import evaluate_on
    from detectors.training.request import DEVICES, one_of
    from tracker.cli.train_classifier import print_result

    one_of("device", device, DEVICES)
    one_of("split", split, ("all", "train", "val"))
    result = evaluate_on(load_classifier(weights), weights, data, split, device, skip_bad)
    print_result(result)
    if out is not None:
        from detectors.training.classifier.figures import write_confusion

        out.mkdir(parents=True, exist_ok=True)
        write_confusion(result.table, result.class_names, out / "confusion")
        (out / "result.json").write_text(json.dumps(result.facts, indent=1) + "\n", "utf-8")

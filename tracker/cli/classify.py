"""``track classify``: what pictures show, by a network of one's own."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from detectors.classifiers.weights import Classifier

#: Pictures that are read before they are shown to the network.
BATCH = 32


def classify(
    pictures: Annotated[list[Path], typer.Argument(help="Picture files, or folders of them.")],
    weights: Annotated[Path, typer.Option(help="Weights of 'track train classifier'.")],
    top: Annotated[int, typer.Option(help="Classes a picture, the likeliest first.")] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Print a line of CSV for each picture: file, class, probability."""
    from detectors.classifiers.weights import load_classifier
    from detectors.errors import UsageError
    from detectors.training.detector import chosen_device

    if top < 1:
        raise UsageError(f"--top must be at least 1, not {top}")
    files = list(_files(pictures))
    classifier = load_classifier(weights)
    top = min(top, len(classifier.class_names))
    ranks = [""] if top == 1 else [f"_{rank}" for rank in range(1, top + 1)]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["file", *(f"{name}{rank}" for rank in ranks for name in ("class", "probability"))])
    for start in range(0, len(files), BATCH):
        writer.writerows(_rows(classifier, files[start : start + BATCH], top, chosen_device(device)))


def _files(places: list[Path]) -> Iterator[Path]:
    from detectors.errors import DataError
    from detectors.training.classifier.samples import SUFFIXES

    for place in places:
        if place.is_dir():
            inside = sorted(p for p in place.rglob("*") if p.suffix.lower() in SUFFIXES)
            if not inside:
                raise DataError(f"folder {place} holds no pictures")
            yield from inside
        elif place.exists():
            yield place
        else:
            raise DataError(f"there is no picture {place}")


def _rows(classifier: Classifier, files: list[Path], top: int, device: str) -> Iterator[list[str]]:
    import numpy as np

    from detectors.classifiers.features import probabilities_of
    from detectors.classifiers.pixels import read_squared

    built = classifier.built
    images = np.stack([read_squared(file, built.size, built.channels, classifier.fit) for file in files])
    for file, row in zip(files, probabilities_of(built, images, device=device), strict=True):
        best = np.argsort(-row, kind="stable")[:top]
        named = [(classifier.class_names[label], f"{row[label]:.4f}") for label in best]
        yield [str(file), *(word for pair in named for word in pair)]

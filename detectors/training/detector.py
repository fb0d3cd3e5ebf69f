"""``track train detector``: from labelled pictures to a weight file with its manifest entry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from detectors.catalog import load_detector
from detectors.dataset import VEHICLES, Picture, read_picture, read_sets, sampling_weights
from detectors.errors import EmptySplitError, UnknownNameError, UsageError, WeightsError
from detectors.evaluation import Precision, detect_all, evaluate
from detectors.training.curves import plot_curves
from detectors.training.engine import Training
from detectors.training.examples import Examples
from detectors.training.facts import describe_weights, lasting_keys
from detectors.training.manifest import read_manifest, write_entry
from detectors.training.precision import best_precision
from detectors.training.request import CHECKPOINT, Request, check_places
from detectors.training.settings import settings_of
from detectors.zoo._weights import (
    ARCHITECTURES,
    BACKBONES,
    Description,
    build_network,
    fill,
    fill_body,
    load_weights,
    save_weights,
)

Report = Callable[[Training, dict[str, float]], None]


def train(request: Request, report: Report) -> dict[str, Precision]:
    """Train, write the weights and their manifest entry, and return the precision on the val split.

    Raises:
        UsageError: what is asked for cannot be done here.
        DataError: the data cannot be read, or the checkpoint.
        WeightsError: ``start`` belongs to another network or class list.
    """
    torch.manual_seed(request.seed)
    if request.threads:
        torch.set_num_threads(request.threads)
    training = prepare(request)
    validation = read_validation(request)  # before hours are spent: a damaged file is said now
    if request.overwrite:  # else what is broken off early would be resumed from the earlier training
        (training.folder / CHECKPOINT).unlink(missing_ok=True)
    training.run(report)
    plot_curves(training.folder / "curve.csv", training.folder / "curve.png")
    return finish(request, training, validation)


def prepare(request: Request) -> Training:
    """Return the training as it stands before its next step."""
    device = chosen_device(request.device)
    check_places(request)
    net = network(request)
    pictures = read_sets(request.data, "train", request.class_names)
    known = {picture.set_name for picture in pictures}
    for name in sorted(set(request.set_weights) - known):
        raise UnknownNameError("set of --weight", name, known)
    weights = sampling_weights(pictures, len(request.class_names), dict(request.set_weights))
    training = Training(
        net,
        Examples(pictures, weights, request.input_size, request.seed, request.mosaic_share),
        request.schedule,
        request.folder,
        device,
        best_precision(device) if request.precision == "auto" else request.precision,
        request.workers,
        settings_of(request, pictures),
    )
    if request.resume:
        training.resume()
    return training


def chosen_device(name: str) -> str:
    """Return "cpu" or "cuda".

    Raises:
        UsageError: CUDA was asked for, and torch has no card.
    """
    card = torch.cuda.is_available()
    if name == "cuda" and not card:
        raise UsageError("no CUDA device here: use --device cpu or auto")
    return "cuda" if card and name != "cpu" else "cpu"


def network(request: Request) -> nn.Module:
    """Return the network to train: new, or filled from ``request.start``."""
    if request.architecture not in ARCHITECTURES:
        raise UnknownNameError("head", request.architecture, [*ARCHITECTURES])
    if request.backbone not in BACKBONES:
        raise UnknownNameError("backbone", request.backbone, [*BACKBONES])
    net = build_network(describe(request))
    if request.start:
        _begin(net, request, request.start)
    return net


def _begin(net: nn.Module, request: Request, path: Path) -> None:
    """Fill the network from a file; of a detector with another head, its stack of convolutions alone."""
    start, tensors = load_weights(path)
    if start.architecture != request.architecture:
        fill_body(net, request.architecture, start, tensors)
    elif start.class_names != request.class_names:
        raise WeightsError(f"weights {path} have other classes: {', '.join(start.class_names)}")
    else:
        fill(net, tensors, path)


def describe(request: Request) -> Description:
    """Return what the weight file will say of the network."""
    vehicles = tuple(i for i, name in enumerate(request.class_names) if name in VEHICLES)
    return Description(
        request.architecture,
        request.backbone,
        request.class_names,
        vehicles,
        request.input_size,
        request.score,
    )


def finish(request: Request, training: Training, validation: list[Picture]) -> dict[str, Precision]:
    """Write the averaged weights, measure them on the val split, and enter them in the manifest."""
    digest = save_weights(request.file, training.average.module, describe(request))
    precisions = measure(request, validation)
    entry = describe_weights(request, training, digest, validation, precisions)
    earlier = read_manifest(request.manifest).get(request.file.stem)
    data = [picture.set_name for picture in training.examples.pictures]
    write_entry(request.manifest, request.file.stem, entry, keep=lasting_keys(data, earlier))
    return precisions


def read_validation(request: Request) -> list[Picture]:
    """Return the pictures of the val split; none where the data have no such split.

    Raises:
        DataError: there is one, and it is damaged.
    """
    try:
        return read_sets(request.data, "val", request.class_names)
    except EmptySplitError:
        return []


def measure(request: Request, pictures: list[Picture]) -> dict[str, Precision]:
    """Return the precision of the written weights on these pictures; empty where there are none."""
    if not pictures:
        return {}
    options = {"score": 0.01, "nms_iou": 0.6, "one_class_a_place": False, "device": request.device}
    detector = load_detector(str(request.file), **options)
    return evaluate(pictures, detect_all(detector, pictures, read_picture), request.class_names)

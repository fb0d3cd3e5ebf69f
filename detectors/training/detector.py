"""``track train detector``: from labelled pictures to a weight file with its manifest entry."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

import torch
from torch import nn

from detectors.classifiers.weights import is_classifier, load_classifier
from detectors.dataset import ROAD_USERS, VEHICLES, Picture, read_picture, read_sets, sampling_weights
from detectors.errors import DataError, EmptySplitError, UnknownNameError, UsageError, WeightsError
from detectors.evaluation import Precision
from detectors.training.curves import plot_curves
from detectors.training.distributed import ALONE, Group, ToldByFirstError, group_here, joined
from detectors.training.engine import Report, Training
from detectors.training.examples import Examples, Kept
from detectors.training.facts import describe_weights, lasting_keys, sets_of
from detectors.training.manifest import read_manifest, write_entry
from detectors.training.measuring import TABLE, Watch, measure, note, read_validation
from detectors.training.precision import best_precision
from detectors.training.request import CHECKPOINT, Request, check_places
from detectors.training.settings import pictures_digest, settings_of
from detectors.training.teachers import open_teachers, read_unlabelled
from detectors.zoo._weights import (
    ARCHITECTURES,
    BACKBONES,
    Description,
    build_network,
    fill_body,
    fill_but_classes,
    load_weights,
    save_weights,
    shift_logits,
)


def train(request: Request, report: Report, recipe: str = "") -> dict[str, Precision] | None:
    """Train, write the weights and their manifest entry, and return the precision on the val split.

    Of several processes that torchrun has started (``detectors.training.distributed``) the first alone
    writes, reports and raises; the others return None once it has ended.

    Args:
        request: what is asked for.
        report: told of every step.
        recipe: TOML of all options, left in the training's folder.

    Raises:
        UsageError: what is asked for cannot be done here.
        DataError: the data cannot be read, or the checkpoint.
        WeightsError: ``start`` belongs to another network or class list.
        DetectorError: the training cannot go on.
        KeyboardInterrupt: it was stopped; what was done so far is saved.
    """
    group = group_here()
    torch.manual_seed(request.seed)
    if request.threads:
        torch.set_num_threads(request.threads)
    try:
        with joined(group, chosen_device(request.device, group)):
            training, validation = learn(request, report, group)
    except ToldByFirstError:
        return None
    if not group.first:
        return None
    if recipe:
        (training.folder / "recipe.toml").write_text(recipe, "utf-8")
    return finish(request, training, validation)


def learn(request: Request, report: Report, group: Group) -> tuple[Training, list[Picture]]:
    """Return the training at its end, and the pictures of the val split in the first process."""
    training = prepare(request, group)
    # before hours are spent: a damaged file is said now
    validation = group.together(lambda: _validation(request) if group.first else [])
    if (
        request.overwrite and group.first
    ):  # else what is broken off early would be resumed from the earlier one
        (training.folder / CHECKPOINT).unlink(missing_ok=True)
    training.run(Watch(report, request, describe(request), validation))
    return training, validation


def _validation(request: Request) -> list[Picture]:
    pictures = read_validation(request)
    if request.measure_every and not pictures:
        raise UsageError("--measure-every: there is no val split to measure on; leave it out")
    return pictures


def prepare(request: Request, group: Group = ALONE) -> Training:
    """Return the training as it stands before its next step."""
    training = group.together(lambda: begin(request, group))
    words = group.exchange((training.settings, asdict(training.schedule), training.precision))
    group.together(lambda: _check_same(words))
    training.precision = words[0][2]  # which is faster may have come out differently
    if request.resume:
        training.resume()
    return training


def begin(request: Request, group: Group = ALONE) -> Training:
    """Return a training at its beginning; this process's part, for which it waits for no other."""
    device = chosen_device(request.device, group)
    if group.first:  # who alone writes
        check_places(request)
    net = network(request)
    teachers = open_teachers(request.teachers, request.class_names, device)
    pictures = read_training(request)
    known = {picture.set_name for picture in pictures}
    for name in sorted(set(request.set_weights) - known):
        raise UnknownNameError("set of --weight", name, known)
    weights = sampling_weights(pictures, len(request.class_names), dict(request.set_weights))
    read = Kept(pictures) if request.cache else read_picture
    shares = request.mosaic_share, request.paste_share, request.cut_out_share
    return Training(
        net,
        Examples(pictures, weights, request.input_size, request.seed, *shares, read),
        request.schedule,
        request.folder,
        device,
        best_precision(device) if request.precision == "auto" else request.precision,
        request.workers,
        settings_of(request, pictures),
        group,
        frozen_stages(request, net),
        ARCHITECTURES[request.architecture].body,
        teachers,
    )


def read_training(request: Request) -> list[Picture]:
    """Return the pictures to learn from, labelled ones first.

    Raises:
        DataError: they cannot be read, or show a class of one's own nowhere.
        UsageError: an unlabelled folder has the name of a labelled set.
    """
    pictures = []
    if request.data:
        try:
            pictures = read_sets(request.data, "train", request.class_names)
        except EmptySplitError:  # labels may be there to measure alone
            if not request.unlabelled:
                raise
    if not request.teachers:  # who know all of the classes
        _check_classes(pictures, request.class_names)
    labelled = [*pictures, *read_validation(request)] if request.unlabelled else []
    return pictures + read_unlabelled(request.unlabelled, labelled, len(request.class_names))


def _check_classes(pictures: Sequence[Picture], class_names: Sequence[str]) -> None:
    """Refuse classes of one's own that nothing shows; of the usual ones some may be missing on a road."""
    shown = {int(label) for picture in pictures for label in picture.labels}
    for label, name in enumerate(class_names):
        if label not in shown and name not in ROAD_USERS:
            raise DataError(
                f"class '{name}' of --classes has no box in the train split: label some, or leave it out"
            )


def frozen_stages(request: Request, net: nn.Module) -> list[str]:
    """Return the names of the leading stages that are not to be trained.

    Raises:
        UsageError: the stack of convolutions has no more than these.
    """
    name = f"{ARCHITECTURES[request.architecture].body}.stages"
    stages = len(cast("nn.ModuleList", net.get_submodule(name)))
    if request.freeze >= stages:
        raise UsageError(f"--freeze {request.freeze}: {request.backbone} has {stages} stages; freeze fewer")
    return [f"{name}.{place}" for place in range(request.freeze)]


def _check_same(words: list[tuple[dict[str, str], dict[str, object], str]]) -> None:
    """Refuse processes that would draw from other pictures or take other steps."""
    (settings, schedule, _), *others = words
    for rank, (other_settings, other_schedule, _) in enumerate(others, 1):
        theirs, ours = other_settings | other_schedule, settings | schedule
        for name in sorted(set(theirs) | set(ours)):
            if theirs.get(name) != ours.get(name):
                difference = f"another {name} ({theirs.get(name)}, not {ours.get(name)})"
                raise UsageError(f"process {rank} was started with {difference}: give all processes the same")


def chosen_device(name: str, group: Group = ALONE) -> str:
    """Return "cpu" or "cuda"; "cuda:N" where there are several processes.

    Raises:
        UsageError: CUDA was asked for, and torch has no card, or too few.
    """
    card = torch.cuda.is_available()
    if name == "cuda" and not card:
        raise UsageError("no CUDA device here: use --device cpu or auto")
    if not card or name == "cpu":
        return "cpu"
    if group.world == 1:
        return "cuda"
    if group.local_world > torch.cuda.device_count():
        few = f"{group.local_world} processes, but {torch.cuda.device_count()} CUDA device(s)"
        raise UsageError(f"{few} on this machine: start one process a device, or use --device cpu")
    return f"cuda:{group.local_rank}"


def network(request: Request) -> nn.Module:
    """Return the network to train: new, or filled from ``request.start``."""
    if request.architecture not in ARCHITECTURES:
        raise UnknownNameError("head", request.architecture, [*ARCHITECTURES])
    if request.backbone not in BACKBONES:
        raise UnknownNameError("backbone", request.backbone, [*BACKBONES])
    net = build_network(describe(request))
    if request.start and not request.resume:  # else the checkpoint fills it
        _begin(net, request, request.start)
    return net


def _begin(net: nn.Module, request: Request, path: Path) -> None:
    """Fill the network from a file; of a detector with another head, its stack of convolutions alone.

    So of a classifier; and of a detector with other classes all but what tells its own from one another.
    """
    if is_classifier(path):
        _begin_from_classifier(net, request, path)
        return
    start, tensors = load_weights(path)
    if start.architecture != request.architecture:
        fill_body(net, request.architecture, start, tensors)
    else:
        fill_but_classes(net, tensors, path, start.class_names, request.class_names)


def _begin_from_classifier(net: nn.Module, request: Request, path: Path) -> None:
    built = load_classifier(path).built
    if built.name != request.backbone:
        raise WeightsError(f"weights {path} are of a classifier {built.name}, not on {request.backbone}")
    body = net.get_submodule(ARCHITECTURES[request.architecture].body)
    body.load_state_dict(built.net.get_submodule("body").state_dict())


def describe(request: Request) -> Description:
    """Return what the weight file will say of the network."""
    vehicles = tuple(i for i, name in enumerate(request.class_names) if name in VEHICLES)
    return Description(
        request.architecture,
        request.backbone,
        request.class_names,
        vehicles,
        request.input_size,
        ARCHITECTURES[request.architecture].score if request.score is None else request.score,
    )


def finish(request: Request, training: Training, validation: list[Picture]) -> dict[str, Precision]:
    """Write the averaged weights, measure them on the val split, and enter them in the manifest."""
    net = training.average.module
    shift_logits(net, request.architecture, request.class_names, request.shifts)
    digest = save_weights(request.file, net, describe(request))
    precisions = measure(request.file, request.device, validation)
    if precisions:
        note(training, precisions)
    plot_curves(training.folder / "curve.csv", training.folder / "curve.png", training.folder / TABLE)
    entry = describe_weights(request, training, digest, validation, precisions)
    earlier = read_manifest(request.manifest).get(request.file.stem)
    keep = lasting_keys(sorted(sets_of(request, training)), earlier)
    write_entry(request.manifest, request.file.stem, entry, keep=keep)
    (training.folder / "result.json").write_text(json.dumps(_result(training, entry), indent=1) + "\n")
    return precisions


def _result(training: Training, entry: Mapping[str, object]) -> dict[str, object]:
    """Return what ``track train compare`` shows of a training."""
    pictures = training.examples.pictures
    measured = cast("Mapping[str, object]", entry["measured"])
    return {
        **measured,
        "seconds": round(training.seconds, 1),
        "pictures_seen": entry["pictures_seen"],
        "pictures": {"train": len(pictures), "fingerprint": pictures_digest(pictures)},
        "sha256": entry["sha256"],
        "commit": entry["commit"],
    }

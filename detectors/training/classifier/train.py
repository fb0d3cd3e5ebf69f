"""``track train classifier``: from a folder of pictures to a weight file with its figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from detectors.classifiers.models import Built, build_model
from detectors.classifiers.pixels import to_input
from detectors.classifiers.starting import start_from
from detectors.classifiers.weights import Classifier, save_classifier
from detectors.errors import DataError, UsageError
from detectors.training.classifier.augment import Augment
from detectors.training.classifier.boards import Board
from detectors.training.classifier.epochs import Epoch, Fitting, logits_of
from detectors.training.classifier.figures import (
    accuracy,
    by_class,
    confusion,
    plot_epochs,
    write_confusion,
)
from detectors.training.classifier.kept_features import kept_features
from detectors.training.classifier.learners import learn, with_learnt
from detectors.training.classifier.pictures import Pictures, Read, read_samples, split_pictures
from detectors.training.classifier.request import Request
from detectors.training.classifier.samples import find_samples
from detectors.training.classifier.session import Session
from detectors.training.detector import chosen_device
from detectors.training.distributed import Group, ToldByFirstError, group_here, joined
from detectors.training.precision import best_precision
from detectors.training.request import check_place

#: Of the pictures, beside the curves.
FEATURES = "features.npz"


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a training came to.

    Attributes:
        file: the weights.
        accuracy: share of the validation pictures that are named rightly.
        table: int64 (C, C), the confusion matrix over them.
        class_names: in its order.
        facts: all that ``result.json`` says.
    """

    file: Path
    accuracy: float
    table: NDArray[np.int64]
    class_names: tuple[str, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """All that a training needs, read and checked."""

    built: Built
    read: Read
    train: Pictures
    val: Pictures
    device: str


def train(request: Request, report: Callable[[Epoch], None], recipe: str = "") -> Result | None:
    """Train a classifier, and write its weights, curves and figures.

    Of several processes that torchrun has started the first alone writes, reports and raises; the others
    return None.

    Args:
        request: what is asked for.
        report: told of every epoch.
        recipe: TOML of all options, left in the training's folder.

    Raises:
        UsageError: what is asked for cannot be done here.
        DataError: the pictures cannot be read, or are mislabelled; or the checkpoint.
        WeightsError: ``start`` belongs to another network.
        KeyboardInterrupt: it was stopped; what was done so far is saved.
    """
    group = group_here()
    if request.threads:
        torch.set_num_threads(request.threads)
    try:
        with joined(group, chosen_device(request.device, group)):
            prepared = group.together(lambda: prepare(request, group))
            if request.learner:
                return _on_features(request, prepared, recipe) if group.first else None
            return _by_epochs(request, prepared, report, group, recipe)
    except ToldByFirstError:
        return None


def prepare(request: Request, group: Group) -> Prepared:
    """Read the pictures and build the network; whatever is wrong with them is said here."""
    device = chosen_device(request.device, group)
    if group.first:
        check_place(request.out, request.file, request.folder, request.resume, request.overwrite)
    samples, names = find_samples(request.data)
    torch.manual_seed(request.seed)
    built = build_model(request.model, len(names), request.options)
    _try_out(built)
    if request.start is not None:
        start_from(built, request.start, names)
    shape = built.size, built.channels, request.fit
    read = read_samples(samples, names, *shape, skip_bad=request.skip_bad)
    train, val = split_pictures(read, request.val_share, request.seed, request.train_share)
    if request.tensorboard:
        Board.check()
    return Prepared(built, read, train, val, device)


def _try_out(built: Built) -> None:
    """See that the network takes pictures of this size, before they are read."""
    images = torch.zeros((2, built.channels, built.size, built.size), dtype=torch.uint8)
    try:
        with torch.inference_mode():
            built.net.eval()(to_input(images, built.normalisation))
    except (RuntimeError, AssertionError, ValueError) as exc:  # whatever a layer says of a shape
        reason = (str(exc).splitlines() or [type(exc).__name__])[0]
        raise UsageError(f"--size {built.size} does not go through {built.name}: {reason}") from exc


def _by_epochs(
    request: Request, prepared: Prepared, report: Callable[[Epoch], None], group: Group, recipe: str
) -> Result | None:
    built = prepared.built
    precision = best_precision(prepared.device) if request.precision == "auto" else request.precision
    precision = group.exchange(precision)[0]  # which is faster may have come out differently
    fitting = Fitting(
        built,
        prepared.train,
        prepared.val,
        request.schedule,
        Augment(request.augment, built.size),
        request.seed,
        prepared.device,
        precision,
        request.workers,
        group,
    )
    session = Session(request.folder, _settings(request, prepared), request.tensorboard and group.first)
    if request.resume:
        state = group.from_first(session.read)
        group.together(lambda: session.take_up(fitting, state, group.first))
    if group.first:
        session.begin(request.resume, recipe)
    while not fitting.done:
        result = fitting.one_epoch()
        if group.first:
            session.note(result, fitting)
            report(result)
    if not group.first:
        return None
    session.end(fitting)
    if fitting.best:
        built.net.load_state_dict(fitting.best)
    plot_epochs(session.epochs, request.folder / "curve.png")
    facts = {
        "precision": precision,
        "epochs": fitting.epoch,
        "best_epoch": fitting.best_epoch,
        "seconds": round(fitting.seconds, 1),
    }
    return _finish(request, prepared, built, facts)


def _settings(request: Request, prepared: Prepared) -> dict[str, str]:
    """Return what may not differ between the sessions of one training."""
    schedule = replace(request.schedule, patience=1)
    if schedule.decay == "plateau":  # more epochs change nothing about those that were
        schedule = replace(schedule, epochs=1)
    return {
        "--model": request.model,
        "options of the network": repr(prepared.built.options),
        "schedule": repr(schedule),
        "--augment": repr(request.augment),
        "--seed": str(request.seed),
        "--data": f"{len(prepared.train)} pictures, digest {prepared.read.fingerprint}",
    }


def _on_features(request: Request, prepared: Prepared, recipe: str) -> Result:
    built, train_set = prepared.built, prepared.train
    features, seconds = kept_features(request.folder / FEATURES, built, train_set, prepared.device)
    learnt = learn(cast("str", request.learner), features, train_set.labels, request.seed)
    Session(request.folder, {}).begin(False, recipe)
    facts = {
        "learner": request.learner,
        "features": features.shape[1],
        "features_seconds": round(seconds, 1),
        "seconds": round(learnt.seconds, 1),
        "chosen": learnt.note,
    }
    return _finish(request, prepared, with_learnt(built, learnt), facts)


def _finish(request: Request, prepared: Prepared, built: Built, facts: dict[str, Any]) -> Result:
    """Write the weights, measure them on the validation pictures, and write what came out."""
    classifier = Classifier(built, prepared.val.class_names, request.fit)
    digest = save_classifier(request.file, classifier)
    result = _measured(classifier, request.file, prepared.val, prepared.device)
    write_confusion(result.table, result.class_names, request.folder / "confusion")
    said = {
        "model": request.model,
        "from": request.start,
        **result.facts,
        "pictures": {
            "train": len(prepared.train),
            "val": len(prepared.val),
            "left_out": prepared.read.left_out,
            "fingerprint": prepared.read.fingerprint,
        },
        "parameters": sum(p.numel() for p in built.net.parameters()),
        "seed": request.seed,
        "sha256": digest,
        **facts,
    }
    (request.folder / "result.json").write_text(json.dumps(said, indent=1) + "\n", "utf-8")
    return replace(result, facts=said)


def _measured(classifier: Classifier, file: Path, pictures: Pictures, device: str) -> Result:
    names = classifier.class_names
    named = logits_of(classifier.built, pictures, 32, device).argmax(1).numpy()
    table = confusion(pictures.labels, named, len(names))
    figures = [asdict(row) for row in by_class(table, names)]
    return Result(
        file, accuracy(table), table, names, {"accuracy": round(accuracy(table), 4), "classes": figures}
    )


def evaluate_on(
    classifier: Classifier, file: Path, data: Path, split: str, device: str, skip_bad: bool = False
) -> Result:
    """Return what a classifier reaches on a folder of pictures.

    Args:
        classifier: that is measured.
        file: of its weights.
        data: folder of pictures, as for a training.
        split: "all", or the folder's own "train" or "val".
        device: "cpu", "cuda" or "auto".
        skip_bad: leave out pictures that cannot be read or stand in two classes.

    Raises:
        DataError: the folder has other classes, no such split, or cannot be read.
        UsageError: there is no such device.
    """
    samples, names = find_samples(data)
    unknown = sorted(set(names) - set(classifier.class_names))
    if unknown:
        known = ", ".join(classifier.class_names)
        raise DataError(f"{data} has a class '{unknown[0]}' that the weights do not know: they have {known}")
    label_of = {row: classifier.class_names.index(name) for row, name in enumerate(names)}
    chosen = [
        replace(sample, label=label_of[sample.label]) for sample in samples if split in ("all", sample.split)
    ]
    if not chosen:
        raise DataError(f"{data} has no pictures of split '{split}'")
    built = classifier.built
    shape = built.size, built.channels, classifier.fit
    read = read_samples(chosen, classifier.class_names, *shape, skip_bad=skip_bad)
    place = chosen_device(device)
    built.net.to(place)
    return _measured(classifier, file, read.pictures, place)

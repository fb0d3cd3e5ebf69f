"""``track train detector``: from labelled pictures to a weight file with its manifest entry."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import nn

from detectors.dataset import ROAD_USERS, VEHICLES, Picture, read_sets, sampling_weights
from detectors.errors import EmptySplitError, UsageError, WeightsError
from detectors.evaluation import ANY_VEHICLE, Precision, detect_all, evaluate, mean_ap50
from detectors.training.curves import plot_curves
from detectors.training.engine import Schedule, Training
from detectors.training.examples import Examples, read_picture
from detectors.training.manifest import write_entry
from detectors.training.precision import best_precision
from detectors.zoo._weights import Description, build_network, fill, load_weights, save_weights
from detectors.zoo.faster_rcnn import Config, build


@dataclass(frozen=True, slots=True)
class Request:
    """What to train on, what, and for how long.

    Attributes:
        data: folders of COCO-style sets, each with ``labels.json`` and ``images/``.
        out: path of the weight file without suffix; checkpoint and curves go to ``<out>.training/``.
        schedule: how long and how fast.
        class_names: in the order of the labels.
        backbone: the stack of convolutions.
        input_size: width and height of the network's input in pixels.
        set_weights: how often pictures of a set are drawn, by the set's name (1 where not named).
        start: weights to begin from; None for random ones.
        resume: go on from the checkpoint in ``<out>.training/``.
        seed: of weights, order and augmentation.
        mosaic_share: share of pictures that are put together from four.
        device: "cpu", "cuda" or "auto".
        precision: "fp32", "bf16" or "auto" (tried out).
        threads: of torch; None for its own choice.
        workers: processes that prepare pictures.
        score: default score threshold of the weights.
    """

    data: tuple[Path, ...]
    out: Path
    schedule: Schedule
    class_names: tuple[str, ...] = ROAD_USERS
    backbone: str = "smaller_vgg"
    input_size: tuple[int, int] = (512, 288)
    set_weights: Mapping[str, float] = field(default_factory=dict)
    start: Path | None = None
    resume: bool = False
    seed: int = 0
    mosaic_share: float = 0.5
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    workers: int = 1
    score: float = 0.4


Report = Callable[[Training, dict[str, float]], None]


def train(request: Request, report: Report) -> dict[str, Precision]:
    """Train, write the weights and their manifest entry, and return the precision on the val split.

    Raises:
        DataError: the data cannot be read, or there is nothing to resume.
        WeightsError: ``start`` belongs to another network.
    """
    torch.manual_seed(request.seed)
    if request.threads:
        torch.set_num_threads(request.threads)
    training = prepare(request)
    validation = read_validation(request)  # before hours are spent: a damaged file is said now
    training.run(report)
    plot_curves(training.folder / "curve.csv", training.folder / "curve.png")
    return finish(request, training, validation)


def prepare(request: Request) -> Training:
    """Return the training as it stands before its next step."""
    pictures = read_sets(request.data, "train", request.class_names)
    known = {picture.set_name for picture in pictures}
    unknown = set(request.set_weights) - known
    if unknown:
        raise UsageError(f"--weight names a set that is not there: {', '.join(sorted(unknown))}")
    device = request.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    weights = sampling_weights(pictures, len(request.class_names), dict(request.set_weights))
    examples = Examples(pictures, weights, request.input_size, request.seed, request.mosaic_share)
    training = Training(
        network(request),
        examples,
        request.schedule,
        folder_of(request.out),
        device,
        best_precision(device) if request.precision == "auto" else request.precision,
        request.workers,
    )
    if request.resume:
        training.resume()
    elif (training.folder / "last.pt").exists():
        raise UsageError(f"{training.folder} holds a training: --resume it, or remove the folder")
    return training


def network(request: Request) -> nn.Module:
    """Return the network to train: new, or filled from ``request.start``."""
    net = build_network(describe(request))
    if request.start:
        start, tensors = load_weights(request.start)
        if start.class_names != request.class_names:
            raise WeightsError(f"weights {request.start} have other classes: {', '.join(start.class_names)}")
        fill(net, tensors, request.start)
    return net


def describe(request: Request) -> Description:
    """Return what the weight file will say of the network."""
    vehicles = tuple(i for i, name in enumerate(request.class_names) if name in VEHICLES)
    return Description(
        "faster_rcnn", request.backbone, request.class_names, vehicles, request.input_size, request.score
    )


def folder_of(out: Path) -> Path:
    """Return where checkpoint and curves of a training lie."""
    return out.with_name(out.name + ".training")


def finish(request: Request, training: Training, validation: list[Picture]) -> dict[str, Precision]:
    """Write the averaged weights, measure them on the val split, and enter them in the manifest."""
    file = request.out.with_name(request.out.name + ".pt")
    digest = save_weights(file, training.average.module, describe(request))
    precisions = measure(request, file, validation)
    write_entry(
        file.parent / "manifest.toml",
        request.out.name,
        {
            "architecture": "faster_rcnn",
            "backbone": request.backbone,
            "file": file.name,
            "sha256": digest,
            "classes": list(request.class_names),
            "input_size": list(request.input_size),
            "normalisation": "BGR, value / 255 - 0.45, letterboxed with grey 114",
            "score": request.score,
            "data": sorted({picture.set_name for picture in training.examples.pictures}),
            "pictures_seen": training.step * training.schedule.batch,
            "training_minutes": round(training.seconds / 60, 1),
            "trained": datetime.now(UTC).strftime("%Y-%m-%d"),
            "command": " ".join(["track", *sys.argv[1:]]),
            "commit": _commit(),
            "measured": figures(precisions, request.class_names),
        },
    )
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


def measure(request: Request, file: Path, pictures: list[Picture]) -> dict[str, Precision]:
    """Return the precision on these pictures; empty where there are none."""
    if not pictures:
        return {}
    detector = build(Config(str(file), score=0.01, one_class_a_place=False))
    return evaluate(pictures, detect_all(detector, pictures, read_picture), request.class_names)


def figures(precisions: Mapping[str, Precision], class_names: Sequence[str]) -> dict[str, object]:
    """Return the precisions in plain, rounded numbers for the manifest."""
    if not precisions:
        return {}
    by_class = {
        name: {key: round(value, 3) for key, value in asdict(p).items()}
        for name, p in precisions.items()
        if p.boxes
    }
    result: dict[str, object] = {"by_class": by_class}
    result["ap50_mean"] = round(mean_ap50(dict(precisions), class_names), 3)
    if ANY_VEHICLE in by_class:
        result["ap50_any_vehicle"] = by_class[ANY_VEHICLE]["ap50"]
    return result


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"

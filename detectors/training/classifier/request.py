"""What a classifier's training is asked for, checked before any picture is read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from detectors.classifiers.models import Options
from detectors.classifiers.pixels import Fit
from detectors.errors import UsageError
from detectors.training.classifier.augment import USUAL, Augmentation
from detectors.training.request import DEVICES, PRECISIONS, one_of, weights_at

OPTIMIZERS = {"sgd": 0.01, "adam": 1e-3, "adadelta": 1.0}
DECAYS = ("plateau", "cosine")
LEARNERS = ("logistic", "svm", "tree", "forest")


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a classifier learns.

    Attributes:
        epochs: at most.
        batch: pictures a step, of all processes together.
        optimizer: "sgd", "adam" (Kingma and Ba, 2015) or "adadelta" (Zeiler, 2012).
        rate: learning rate at the beginning; None for what is usual with the optimizer.
        momentum: of "sgd".
        l1: times the sum of the weights' absolute values, added to the loss.
        l2: weight decay, which is half the factor of the weights' squares.
        decay: of the rate: "plateau", or "cosine" from the first epoch to the last (Loshchilov and Hutter,
            "SGDR: Stochastic gradient descent with warm restarts", ICLR 2017; without restarts).
        plateau: epochs without a lower validation loss after which "plateau" reduces the rate to 0.3 of it.
        patience: epochs without a lower validation loss after which the training ends.
        warm_epochs: at the beginning in which the last layers alone learn, before others thaw.
        thaw: blocks before the last layers that learn afterwards, counted from the end; None for all.
        thaw_rate: learning rate of these, as a share of the last layers'.
        average: decay a step of the moving average of the weights that is validated and kept (Polyak and
            Juditsky, 1992), such as 0.998; 0 for the weights themselves.
        smooth: share of a label that is spread over all classes (Szegedy et al., "Rethinking the Inception
            architecture for computer vision", CVPR 2016).
    """

    epochs: int = 40
    batch: int = 32
    optimizer: str = "adam"
    rate: float | None = None
    momentum: float = 0.9
    l1: float = 0.0
    l2: float = 1e-4
    decay: str = "plateau"
    plateau: int = 4
    patience: int = 10
    warm_epochs: int = 0
    thaw: int | None = None
    thaw_rate: float = 0.1
    average: float = 0.0
    smooth: float = 0.0

    def __post_init__(self) -> None:
        """Raise UsageError for a number out of its range."""
        one_of("optimizer", self.optimizer, [*OPTIMIZERS])
        one_of("decay", self.decay, DECAYS)
        for flag in ("epochs", "batch", "plateau", "patience"):
            if getattr(self, flag) < 1:
                raise UsageError(f"--{flag} must be at least 1, not {getattr(self, flag)}")
        for flag in ("l1", "l2", "warm_epochs", "thaw", "thaw_rate"):
            value = getattr(self, flag)
            if value is not None and not 0 <= value < math.inf:
                raise UsageError(f"--{flag.replace('_', '-')} must be at least 0, not {value}")
        for flag in ("momentum", "average", "smooth"):
            if not 0 <= getattr(self, flag) < 1:
                raise UsageError(f"--{flag} must be at least 0 and below 1, not {getattr(self, flag)}")
        if self.rate is not None and not 0 < self.rate < math.inf:
            raise UsageError(f"--rate must be above 0, not {self.rate}")

    @property
    def first_rate(self) -> float:
        """The learning rate at the beginning."""
        return OPTIMIZERS[self.optimizer] if self.rate is None else self.rate


@dataclass(frozen=True, slots=True)
class Request:
    """What to learn from, what, and how.

    Attributes:
        data: folder of pictures: one folder a class, or a labelled set.
        out: path of the weight file, with or without ``.pt``.
        model: name of the network.
        options: of the network.
        schedule: how to learn; without meaning where ``learner`` is given.
        augment: how much pictures are altered.
        start: weights to begin from; None for random ones. See ``detectors.classifiers.starting``.
        learner: None to train the network; "logistic", "svm", "tree" or "forest" to keep it as it is and
            train this on its features.
        val_share: of each class for validation, where the folder does not say.
        train_share: of each class's training pictures that are used.
        fit: how a picture becomes square.
        skip_bad: leave out pictures that cannot be read or stand in two classes.
        seed: of weights, split, order and augmentation.
        device: "cpu", "cuda" or "auto".
        precision: "fp32", "bf16" or "auto" (tried out).
        threads: of torch; None for its own choice.
        workers: processes that prepare pictures.
        resume: go on from the checkpoint in ``folder``.
        overwrite: replace the weights and the training that are there.
        tensorboard: write curves for TensorBoard, too.
    """

    data: Path
    out: Path
    model: str = "smaller_vgg_rep_small"
    options: Options = field(default_factory=Options)
    schedule: Schedule = field(default_factory=Schedule)
    augment: Augmentation = USUAL
    start: str | None = None
    learner: Literal["logistic", "svm", "tree", "forest"] | None = None
    val_share: float = 0.2
    train_share: float = 1.0
    fit: Fit = "stretch"
    skip_bad: bool = False
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    workers: int = 0
    resume: bool = False
    overwrite: bool = False
    tensorboard: bool = False

    def __post_init__(self) -> None:
        """Raise UsageError for what no machine can do; ``check_place`` looks at this one."""
        if self.out.name in ("", ".."):
            raise UsageError(f"--out {self.out} names no file: give a name such as weights/mine")
        one_of("device", self.device, DEVICES)
        one_of("precision", self.precision, PRECISIONS)
        one_of("fit", self.fit, ("stretch", "crop"))
        if self.learner is not None:
            one_of("learner", self.learner, LEARNERS)
        if not 0 < self.val_share < 1:
            raise UsageError(f"--val must lie between 0 and 1, not {self.val_share}")
        if not 0 < self.train_share <= 1:
            raise UsageError(f"--train-share must lie above 0 and be at most 1, not {self.train_share}")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed must lie in 0 to 4294967295, not {self.seed}")
        if self.workers < 0:
            raise UsageError(f"--workers must be at least 0, not {self.workers}")
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"--threads must be at least 1, not {self.threads}")
        if self.resume and self.overwrite:
            raise UsageError("--resume goes on with what is there, --overwrite begins anew: leave out one")
        if self.schedule.warm_epochs and self.start is None:
            raise UsageError("--warm-epochs lets the last layers learn on what weights know: give --from")

    @property
    def file(self) -> Path:
        """The weight file to write, with its suffix."""
        return weights_at(self.out)

    @property
    def folder(self) -> Path:
        """Where checkpoint, curves and figures lie, beside the weight file."""
        return self.file.with_suffix(".training")

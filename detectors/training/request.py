"""What a training is asked for, checked before data are read and hours are spent."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detectors.dataset import ROAD_USERS
from detectors.errors import UnknownNameError, UsageError
from detectors.training.manifest import read_manifest

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "fp32", "bf16")
CHECKPOINT = "last.pt"


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to learn.

    Attributes:
        steps: number of steps; None when ``minutes`` decides.
        minutes: wall-clock time of all sessions together; None when ``steps`` decides.
        batch: pictures a step.
        rate: highest learning rate, reached after the warm-up.
        warmup: steps of linear warm-up.
        decay: weight decay of AdamW, on matrices and kernels only.
        ema: decay of the moving average of the weights, once enough steps are behind it.
        clip: largest norm of the gradient.
        plain_share: last share of the training without mosaics and pasted objects.
        warm_share: first share of the training in which the stack of convolutions rests, and what stands on
            it learns alone.
        body_rate: learning rate of the stack of convolutions, as a share of the others'.
    """

    steps: int | None = None
    minutes: float | None = None
    batch: int = 8
    rate: float = 1e-3
    warmup: int = 200
    decay: float = 0.05
    ema: float = 0.998
    clip: float = 10.0
    plain_share: float = 0.2
    warm_share: float = 0.0
    body_rate: float = 1.0

    def __post_init__(self) -> None:
        """Raise UsageError where it has no end or two, or a number is out of its range."""
        if (self.steps is None) == (self.minutes is None):
            raise UsageError("give either --minutes or --steps")
        for flag in ("steps", "minutes", "batch", "rate"):
            _above_0(f"--{flag}", getattr(self, flag))
        _share("--plain", self.plain_share)
        _share("--warm", self.warm_share)
        _share("--body-rate", self.body_rate)


@dataclass(frozen=True, slots=True)
class Request:
    """What to train on, what, and for how long.

    Attributes:
        data: folders of COCO-style sets, each with ``labels.json`` and ``images/``; may be none where there
            are ``unlabelled`` pictures.
        out: path of the weight file, with or without ``.pt``.
        schedule: how long and how fast.
        class_names: in the order of the labels.
        architecture: what stands on the stack of convolutions: "one_stage" or "faster_rcnn".
        backbone: the stack of convolutions.
        input_size: width and height of the network's input in pixels.
        set_weights: how often pictures of a set are drawn, by the set's name (1 where not named).
        start: weights to begin from; None for random ones. A training that is resumed began from them before,
            and need not be told.
        teachers: weights of detectors from whose answers is learnt, too.
        unlabelled: folders of pictures of which the teachers alone say what is on them.
        resume: go on from the checkpoint in ``folder``.
        overwrite: replace the weights and the training that are there.
        seed: of weights, order and augmentation.
        mosaic_share: share of pictures that are put together from four.
        paste_share: share of pictures into which objects of rare classes are pasted.
        cut_out_share: share of pictures in which parts of objects are hidden.
        device: "cpu", "cuda" or "auto".
        precision: "fp32", "bf16" or "auto" (tried out).
        threads: of torch; None for its own choice.
        workers: processes that prepare pictures.
        cache: read all pictures once and keep them in memory.
        freeze: leading stages of the stack of convolutions that stay as ``start`` has them.
        shifts: what is added to a class's logits when the weights are written, by its name. A rare class is
            seldom as sure of itself as a common one that looks like it, and so is never named (Menon et al.,
            "Long-tail learning via logit adjustment", ICLR 2021); its average precision stays as it is.
        score: default score threshold of the weights, whatever those had that it begins from; None for what
            is usual with the architecture. One-stage detectors start tracks from 0.1 above it on.
        measure_every: minutes from one measurement on the val split to the next; None for one at the end.
    """

    data: tuple[Path, ...]
    out: Path
    schedule: Schedule
    class_names: tuple[str, ...] = ROAD_USERS
    architecture: str = "one_stage"
    backbone: str = "smaller_vgg_rep_small"
    input_size: tuple[int, int] = (512, 288)
    set_weights: Mapping[str, float] = field(default_factory=dict)
    start: Path | None = None
    teachers: tuple[Path, ...] = ()
    unlabelled: tuple[Path, ...] = ()
    resume: bool = False
    overwrite: bool = False
    seed: int = 0
    mosaic_share: float = 0.5
    paste_share: float = 0.3
    cut_out_share: float = 0.2
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    workers: int = 1
    cache: bool = False
    freeze: int = 0
    shifts: Mapping[str, float] = field(default_factory=dict)
    score: float | None = None
    measure_every: float | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for what no machine can do; ``check_places`` looks at this one."""
        if self.out.name in ("", ".."):
            raise UsageError(f"--out {self.out} names no file: give a name such as weights/mine")
        if self.resume and self.overwrite:
            raise UsageError("--resume goes on with what is there, --overwrite begins anew: leave out one")
        _input_size(self.input_size)
        one_of("device", self.device, DEVICES)
        one_of("precision", self.precision, PRECISIONS)
        _above_0("--threads", self.threads)
        _above_0("--measure-every", self.measure_every)
        _share("--mosaic", self.mosaic_share)
        _share("--paste", self.paste_share)
        _share("--cut-out", self.cut_out_share)
        _share("--score", self.score or 0.0)
        _not_below_0("--workers", self.workers)
        _not_below_0("--seed", self.seed)
        _not_below_0("--freeze", self.freeze)
        if (self.freeze or self.schedule.warm_share) and not (self.start or self.resume):
            raise UsageError("--freeze and --warm keep what weights know: say which with --from")
        self._check_teaching()
        for name, shift in self.shifts.items():
            if name not in self.class_names:
                raise UnknownNameError("class of --shift", name, self.class_names)
            if not math.isfinite(shift):
                raise UsageError(f"--shift {name} must be finite, not {shift}")
        for name, weight in self.set_weights.items():
            _not_below_0(f"--weight {name}", weight)

    def _check_teaching(self) -> None:
        if not self.data and not self.unlabelled:
            raise UsageError("nothing to learn from: name a folder with --data")
        if self.teachers and self.architecture != "one_stage":
            raise UsageError(f"--teacher teaches --head one_stage, not {self.architecture}")
        if self.unlabelled and not self.teachers:
            raise UsageError("nobody says what is on --unlabelled pictures: name a --teacher")

    @property
    def file(self) -> Path:
        """The weight file to write, with its suffix."""
        return weights_at(self.out)

    @property
    def folder(self) -> Path:
        """Where checkpoint and curves lie, beside the weight file."""
        return self.file.with_suffix(".training")

    @property
    def manifest(self) -> Path:
        """The list in which the weights are entered, beside the weight file."""
        return self.file.with_name("manifest.toml")


def weights_at(out: Path) -> Path:
    """Return the weight file that ``--out`` means, with its suffix or without."""
    stem = out.with_suffix("") if out.suffix.lower() == ".pt" else out
    return stem.with_name(stem.name + ".pt")


def check_places(request: Request) -> None:
    """See that everything can be written where it should, and that no other weights or training are lost.

    Raises:
        UsageError: a place cannot be written, or there are weights or a training where none should be, or
            none to resume.
        WeightsError: the manifest that is there cannot be read, so that nothing could be entered.
    """
    check_place(request.out, request.file, request.folder, request.resume, request.overwrite)
    read_manifest(request.manifest)


def check_place(out: Path, file: Path, folder: Path, resume: bool, overwrite: bool) -> None:
    """See that a weight file and its training's folder can be written, and that no others are lost.

    Args:
        out: as it was asked for, for messages.
        file: the weight file.
        folder: of checkpoint and curves.
        resume: go on from the checkpoint.
        overwrite: replace what is there.

    Raises:
        UsageError: they cannot; there are others where none should be; there is none to resume.
    """
    if file.is_dir():
        raise UsageError(f"--out {out}: {file} is a folder; name a file")
    for place in (file.parent, folder):
        _check_folder(place)
    begun = (folder / CHECKPOINT).exists()
    if resume and not begun:
        raise UsageError(f"nothing to --resume: there is no {folder / CHECKPOINT}")
    if resume or overwrite:
        return
    if begun:
        raise UsageError(f"{folder} holds a training: --resume it, or begin anew with --overwrite")
    if file.exists():
        raise UsageError(f"{file} exists: give another --out, or replace it with --overwrite")


def _check_folder(folder: Path) -> None:
    nearest = next(path for path in (folder, *folder.absolute().parents) if os.path.exists(path))
    if not nearest.is_dir():
        raise UsageError(f"cannot write into {folder}: {nearest} is a file, not a folder; give another --out")
    try:
        # tried: os.access tells root that it may write everywhere. A nameless file leaves nothing behind
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as exc:
        raise UsageError(f"cannot write into {folder}: {exc.strerror}; give another --out") from exc


def one_of(kind: str, name: str, known: Sequence[str]) -> None:
    """Raise UsageError where ``name`` is none of the ``known`` ones."""
    if name not in known:  # all of them, because the nearest name to gpu is cpu
        raise UsageError(f"unknown {kind} '{name}': there is {', '.join(known)}")


def _input_size(size: tuple[int, int]) -> None:
    if min(size) < 64 or any(side % 32 for side in size):
        raise UsageError(f"--size {size[0]}x{size[1]}: both sides must be multiples of 32, at least 64")


def _above_0(flag: str, number: float | None) -> None:
    if number is not None and not 0 < number < math.inf:
        raise UsageError(f"{flag} must be above 0, not {number}")


def _not_below_0(flag: str, number: float) -> None:
    if not 0 <= number < 2**63:  # torch takes no larger seed
        raise UsageError(f"{flag} must be at least 0, not {number}")


def _share(flag: str, number: float) -> None:
    if not 0 <= number <= 1:
        raise UsageError(f"{flag} must lie in [0, 1], not {number}")

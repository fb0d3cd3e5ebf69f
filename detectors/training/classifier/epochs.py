"""A classifier's training: epochs, validation, the best weights kept, a rate that falls, an early end."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from detectors.classifiers.models import Built, blocks
from detectors.classifiers.pixels import to_input
from detectors.errors import UsageError
from detectors.training.classifier.augment import Augment, mixed
from detectors.training.classifier.batches import batches
from detectors.training.classifier.pictures import Pictures
from detectors.training.classifier.request import Schedule
from detectors.training.distributed import ALONE, Group, synchronised
from detectors.training.optimizer import moving_average

#: Weight of the second outputs that GoogLeNet and Inception have while training (Szegedy et al., 2015).
AUXILIARY = 0.3


@dataclass(frozen=True, slots=True)
class Epoch:
    """What an epoch came to.

    Attributes:
        epoch: number, from 1.
        seconds: of the training so far.
        rate: learning rate of the last layers.
        train_loss: mean cross-entropy of the altered training pictures with their own labels, while learning.
        train_accuracy: of these.
        val_loss: mean cross-entropy over the validation pictures, at the end.
        val_accuracy: of these.
        best: whether the validation loss is the lowest so far.
    """

    epoch: int
    seconds: float
    rate: float
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    best: bool


class Fitting:
    """A classifier's training, epoch by epoch.

    Args:
        built: the network.
        train: pictures to learn from.
        val: pictures to validate with.
        schedule: how to learn.
        augment: alters a training picture.
        seed: of order and alterations.
        device: where to train.
        precision: "fp32" or "bf16" (autocast).
        workers: processes that prepare pictures.
        group: processes that share each step.

    Raises:
        UsageError: the network has fewer blocks than are to thaw, or too few pictures for a batch.
    """

    def __init__(
        self,
        built: Built,
        train: Pictures,
        val: Pictures,
        schedule: Schedule,
        augment: Augment,
        seed: int = 0,
        device: str = "cpu",
        precision: str = "fp32",
        workers: int = 0,
        group: Group = ALONE,
    ) -> None:
        """Set up the optimizer; nothing is learnt yet."""
        self.built, self.train, self.val, self.schedule = built, train, val, schedule
        self.augment, self.seed, self.device, self.workers, self.group = augment, seed, device, workers, group
        self.precision = precision
        if schedule.batch % group.world:
            raise UsageError(f"--batch {schedule.batch} is no multiple of the {group.world} processes")
        net = synchronised(built.net, device, group)
        self.net: nn.Module = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = _average(self.net, schedule)
        self.body = blocks(built)
        if schedule.thaw is not None and schedule.thaw > len(self.body):
            few = f"{built.name} has {len(self.body)} blocks before its last layers"
            raise UsageError(f"--thaw {schedule.thaw}: {few}; thaw fewer, or leave --thaw out for all")
        self.frozen: list[nn.ModuleList] = []
        head = built.net.get_submodule(built.head)
        self.optimizer = _optimizer(schedule, _groups(head, schedule, schedule.first_rate))
        self._freeze(schedule.warm_epochs > 0)
        if not schedule.warm_epochs:
            self._add_body(1.0 if schedule.thaw is None else schedule.thaw_rate)
        self.epoch, self.seconds = 0, 0.0
        self.best_loss, self.best_epoch, self.since_reduced = math.inf, 0, 0
        self.best: dict[str, Tensor] = {}

    def _freeze(self, all_of_it: bool) -> None:
        thaw = self.schedule.thaw
        kept = len(self.body) if all_of_it else 0 if thaw is None else len(self.body) - thaw
        self.frozen = [*self.body[:kept]]
        known = {id(p) for block in self.body for p in block.parameters()}
        head = {id(p) for p in self.built.net.get_submodule(self.built.head).parameters()}
        for block in self.body:
            block.requires_grad_(True)
        for block in self.frozen:
            block.requires_grad_(False)
        for parameter in self.net.parameters():  # what is in no block, such as a token: with the first one
            if id(parameter) not in known | head:
                parameter.requires_grad_(not kept)

    def _add_body(self, share: float) -> None:
        """Hand what is thawed to the optimizer, which keeps its state of the last layers."""
        current = "first_rate" if self.schedule.decay == "cosine" else "lr"
        rate = self.optimizer.param_groups[0][current] * share
        head = {id(p) for group in self.optimizer.param_groups for p in group["params"]}
        for group in _groups(self.net, self.schedule, rate, leave_out=head):
            self.optimizer.add_param_group(group)

    @property
    def done(self) -> bool:
        """Whether the last epoch has been, or the validation loss no longer falls."""
        since = self.epoch - max(self.best_epoch, self.schedule.warm_epochs)
        return self.epoch >= self.schedule.epochs or since >= self.schedule.patience

    def one_epoch(self) -> Epoch:
        """Train an epoch, validate, and note whether it is the best so far."""
        if self.schedule.warm_epochs and self.epoch == self.schedule.warm_epochs:
            self._freeze(False)
            self._add_body(self.schedule.thaw_rate)
            self.since_reduced = 0
        self._anneal()
        began, rate = time.monotonic(), self.optimizer.param_groups[0]["lr"]
        train_loss, train_accuracy = self._learn()
        val_loss, val_accuracy = self.group.from_first(self._validate)
        self.epoch += 1
        self.seconds += time.monotonic() - began
        best = val_loss < self.best_loss
        if best:
            self.best_loss, self.best_epoch = val_loss, self.epoch
            self.best = {k: v.detach().cpu().clone() for k, v in self._kept().net.state_dict().items()}
        self._reduce_on_plateau(best)
        return Epoch(self.epoch, self.seconds, rate, train_loss, train_accuracy, val_loss, val_accuracy, best)

    def _anneal(self) -> None:
        """Set the rate of the epoch that begins, where it is not the validation loss that decides."""
        if self.schedule.decay == "cosine":
            share = (1 + math.cos(math.pi * self.epoch / self.schedule.epochs)) / 2
            for group in self.optimizer.param_groups:
                group["lr"] = share * group["first_rate"]

    def _reduce_on_plateau(self, best: bool) -> None:
        if self.schedule.decay != "plateau":
            return
        self.since_reduced = 0 if best else self.since_reduced + 1
        if self.since_reduced >= self.schedule.plateau:
            for group in self.optimizer.param_groups:
                group["lr"] *= 0.3
            self.since_reduced = 0

    def _learn(self) -> tuple[float, float]:
        # of seed and epoch alone, so that a resumed training goes on as one in one go
        torch.manual_seed((self.seed + 1_000_003 * (self.epoch + 1)) % 2**32)
        model = self.group.wrapped(self.net)
        self.net.train()
        for block in self.frozen:
            block.eval()
        total, right, seen, kind = 0.0, 0, 0, torch.device(self.device).type
        stream = batches(
            self.train, self.augment, self.seed, self.epoch, self.schedule.batch, self.workers, self.group
        )
        for images, classes in stream:
            labels = classes.to(self.device)
            self.optimizer.zero_grad(set_to_none=True)
            inputs = to_input(images.to(self.device), self.built.normalisation)
            with self.group.reached():
                inputs, targets = mixed(inputs, self._targets(labels), self.augment.how.mixup)
                with torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bf16"):
                    logits = model(inputs.contiguous(memory_format=torch.channels_last))
                loss = _loss(logits, targets) + self._l1()
                loss.backward()  # type: ignore[no-untyped-call]
            if not torch.isfinite(loss):
                said = f"the loss is not finite in epoch {self.epoch + 1}: try a lower --rate"
                raise self.group.seen_by_all(said)
            self.optimizer.step()
            if self.average is not None:
                self.average.update_parameters(self.net)
            main = logits if isinstance(logits, Tensor) else logits[0]
            total += float(F.cross_entropy(main.detach().float(), labels)) * len(labels)
            right += int((main.argmax(1) == labels).sum())
            seen += len(labels)
        return total / max(seen, 1), right / max(seen, 1)

    def _targets(self, labels: Tensor) -> Tensor:
        """Return float (N, classes), what each picture is to which share."""
        classes = len(self.train.class_names)
        return F.one_hot(labels, classes) * (1 - self.schedule.smooth) + self.schedule.smooth / classes

    def _kept(self) -> Built:
        """Return what is validated and kept: the network, or the moving average of it."""
        return self.built if self.average is None else replace(self.built, net=self.average.module)

    def _l1(self) -> Tensor | float:
        if not self.schedule.l1:
            return 0.0
        heavy = [p for p in self.net.parameters() if p.requires_grad and p.ndim > 1]
        return self.schedule.l1 * torch.stack([p.abs().sum() for p in heavy]).sum()

    def _validate(self) -> tuple[float, float]:
        logits = logits_of(self._kept(), self.val, self.schedule.batch, self.device)
        labels = torch.from_numpy(self.val.labels)
        return float(F.cross_entropy(logits, labels)), float((logits.argmax(1) == labels).float().mean())

    def state(self) -> dict[str, Any]:
        """Return all that is needed to go on."""
        return {
            "net": self.built.net.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "numbers": [self.epoch, self.seconds, self.best_loss, self.best_epoch, self.since_reduced],
        }

    def go_on(self, state: dict[str, Any]) -> None:
        """Take up the state of an earlier session."""
        self.epoch, self.seconds, self.best_loss, self.best_epoch, self.since_reduced = state["numbers"]
        if self.schedule.warm_epochs and self.epoch > self.schedule.warm_epochs:
            self._freeze(False)
            self._add_body(self.schedule.thaw_rate)
        self.built.net.load_state_dict(state["net"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best = state["best"]


def logits_of(built: Built, pictures: Pictures, batch: int, device: str) -> Tensor:
    """Return the logits float (N, classes) of pictures as they are, on the CPU."""
    net = built.net.eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(pictures), batch):
            images = torch.from_numpy(pictures.images[start : start + batch]).to(device)
            parts.append(net(to_input(images, built.normalisation)).float().cpu())
    return torch.cat(parts)


def _average(net: nn.Module, schedule: Schedule) -> AveragedModel | None:
    if not schedule.average:
        return None
    return AveragedModel(net, multi_avg_fn=moving_average(schedule.average), use_buffers=True)


def _loss(logits: Any, targets: Tensor) -> Tensor:
    """Return the cross-entropy; second outputs, which torchvision names so, count less."""
    if isinstance(logits, Tensor):
        return F.cross_entropy(logits.float(), targets)
    main, *others = [one.float() for one in logits if one is not None]
    return F.cross_entropy(main, targets) + AUXILIARY * sum(
        (F.cross_entropy(other, targets) for other in others), torch.zeros((), device=targets.device)
    )


def _groups(
    net: nn.Module, schedule: Schedule, rate: float, leave_out: set[int] | None = None
) -> list[dict[str, Any]]:
    """Decay matrices and kernels, not biases and normalisation; what does not learn is left out."""
    own = [p for p in net.parameters() if p.requires_grad and id(p) not in (leave_out or ())]
    heavy, light = [p for p in own if p.ndim > 1], [p for p in own if p.ndim <= 1]
    groups = [(heavy, schedule.l2), (light, 0.0)]
    rates = {"lr": rate, "first_rate": rate}
    return [{"params": some, "weight_decay": decay, **rates} for some, decay in groups if some]


def _optimizer(schedule: Schedule, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    if schedule.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=schedule.first_rate, momentum=schedule.momentum)
    if schedule.optimizer == "adadelta":
        return torch.optim.Adadelta(groups, lr=schedule.first_rate)
    return torch.optim.Adam(groups, lr=schedule.first_rate)

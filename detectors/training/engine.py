"""The training loop: warm-up, cosine, EMA, checkpoints, and taking up where it stopped."""

from __future__ import annotations

import contextlib
import math
import pickle
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from detectors.errors import DataError, UsageError
from detectors.networks.targets import Packed, unpacked
from detectors.training.curves import append_row, cut_rows
from detectors.training.distributed import ALONE, Group, LostError, ToldByFirstError, synchronised
from detectors.training.examples import Batch, Examples, batches
from detectors.training.interruption import Interruption
from detectors.training.optimizer import moving_average, parameter_groups
from detectors.training.request import CHECKPOINT, Schedule
from detectors.training.settings import difference
from detectors.training.teachers import Teachers
from detectors.zoo._weights import write_file

_UNREADABLE = (OSError, EOFError, pickle.UnpicklingError)


Report = Callable[["Training", dict[str, float]], None]


class Training:
    """One training run that can be broken off and taken up again.

    Args:
        net: module that returns a dict of losses for pictures and targets in training mode.
        examples: the stream of training examples.
        schedule: how long and how fast.
        folder: for ``last.pt`` (checkpoint) and ``curve.csv``.
        device: where to train.
        precision: "fp32" or "bf16" (autocast).
        workers: processes that prepare examples.
        settings: by flag, what decides the examples and the network: a session with others is not resumed.
        group: processes that share each step; the first alone writes and reports.
        frozen: parts of the network, by name, that stay as they are, their normalisation too: a step then
            costs less, and what few pictures cannot teach again is kept.
        body: name of the stack of convolutions, which may rest at first and learn more slowly.
        teachers: detectors from whose answers the network learns, too; it must take them.

    Raises:
        UsageError: the batch cannot be shared by the processes.
    """

    def __init__(
        self,
        net: nn.Module,
        examples: Examples,
        schedule: Schedule,
        folder: Path,
        device: str = "cpu",
        precision: str = "fp32",
        workers: int = 1,
        settings: Mapping[str, str] | None = None,
        group: Group = ALONE,
        frozen: Sequence[str] = (),
        body: str = "",
        teachers: Teachers | None = None,
    ) -> None:
        """Set up the optimizer; nothing is trained yet."""
        if schedule.batch % group.world:
            raise UsageError(f"--batch {schedule.batch} is no multiple of the {group.world} processes")
        net = synchronised(net, device, group)
        self.net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.examples, self.schedule, self.folder = examples, schedule, folder
        self.device, self.precision, self.workers = device, precision, workers
        self.settings, self.group, self.teachers = dict(settings or {}), group, teachers
        self.frozen = [net.get_submodule(name).requires_grad_(False) for name in frozen]
        self.average = AveragedModel(net, multi_avg_fn=moving_average(schedule.ema), use_buffers=True)
        self.body = net.get_submodule(body)
        self.resting = False
        self.optimizer = torch.optim.AdamW(
            parameter_groups(net, self.body, schedule), lr=schedule.rate, foreach=True
        )
        torch.backends.cudnn.benchmark = device.startswith("cuda")  # every step has pictures of the same size
        self.step = 0
        self.seconds = 0.0

    @property
    def progress(self) -> float:
        """Share of the training that is done, 0 to 1."""
        if self.schedule.steps is not None:
            return min(self.step / self.schedule.steps, 1.0)
        return min(self.seconds / (60 * (self.schedule.minutes or 1.0)), 1.0)

    def rate(self) -> float:
        """Learning rate of the coming step: linear warm-up, then a cosine to 1 % of the highest."""
        warm = min((self.step + 1) / max(self.schedule.warmup, 1), 1.0)
        cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * self.progress))
        return self.schedule.rate * warm * cosine

    def run(self, report: Report, save_every_s: float = 240) -> None:
        """Train to the end of the schedule, reporting the losses after every step.

        Raises:
            KeyboardInterrupt: it was stopped, and what was done so far is saved.
            DataError: a picture is missing or damaged.
            DetectorError: the loss is not finite, the checkpoint cannot be written, or another process ended.
        """
        if self.group.first:
            self.folder.mkdir(parents=True, exist_ok=True)
            cut_rows(self.folder / "curve.csv", self.step)
        self._plan_mosaics()
        size, group = self.schedule.batch, self.group
        numbers = self.step * size, size, self.workers, group.rank, group.world
        stream = batches(self.examples, *numbers, pinned=self.device.startswith("cuda"))
        with contextlib.closing(stream), Interruption() as stop:
            try:
                self._steps(stream, stop, report, save_every_s)
            except Exception as exc:
                # comes before a step changes weights, average or optimizer, which are those of the last whole
                # step; only batch statistics may have seen the lost step's pictures, and see them again
                if isinstance(exc, LostError):
                    self.save()
                if stop.noted:  # which may have brought the others to their end
                    raise self._stopped() from exc
                raise
        self.group.together(self.save)

    def _steps(
        self, stream: Iterator[Batch], stop: Interruption, report: Report, save_every_s: float
    ) -> None:
        self._rest_or_wake()
        model, saved, began = self.group.wrapped(self.net), time.monotonic(), time.monotonic()
        while self.progress < 1.0:
            if self._rest_or_wake():  # whose gradients are averaged is settled when it is wrapped
                model = self.group.wrapped(self.net)
            losses = self._one_step(model, *self.group.together(lambda: next(stream)))
            self.seconds += time.monotonic() - began
            began = time.monotonic()
            stopped = self._agree(stop.noted)
            self._plan_mosaics()
            due = stopped or time.monotonic() - saved > save_every_s
            self.group.together(partial(self._keep, losses, report, due))
            saved = time.monotonic() if due else saved
            if stopped:
                raise self._stopped()

    def _rest_or_wake(self) -> bool:
        """Let the body rest in the first share of the training, and return whether that has changed."""
        resting = self.progress < self.schedule.warm_share
        changed, self.resting = resting != self.resting, resting
        still = {id(parameter) for part in self.frozen for parameter in part.parameters()}
        for parameter in self.body.parameters():
            parameter.requires_grad_(not resting and id(parameter) not in still)
        return changed

    def _stopped(self) -> BaseException:
        return KeyboardInterrupt() if self.group.first else ToldByFirstError("stopped")

    def _agree(self, stopped: bool) -> bool:
        """Take over the first process's clock, and return whether any process was stopped.

        Learning rate and end follow the clock: all must take the same step, or wait for one another for good.
        """
        words = self.group.exchange((self.seconds, stopped))
        self.seconds = words[0][0]
        return any(stopped for _, stopped in words)

    def _keep(self, losses: dict[str, float], report: Report, save: bool) -> None:
        if self.group.first:
            self._write_curve(losses)
            report(self, losses)
        if save:
            self.save()

    def _one_step(self, model: nn.Module, images: Tensor, batch: Packed) -> dict[str, float]:
        # of step and process alone, so that a resumed run samples as one in one go; also on CUDA
        seed = np.random.SeedSequence((self.examples.seed, self.step, self.group.rank))
        torch.manual_seed(int(seed.generate_state(1)[0]))
        model.train()
        for part in [*self.frozen, self.body] if self.resting else self.frozen:
            part.eval()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate() * group["share"]
        images = images.to(self.device, non_blocking=True).float()
        images = images.contiguous(memory_format=torch.channels_last)
        targets = unpacked(batch, self.device)
        kind = "cuda" if self.device.startswith("cuda") else "cpu"
        self.optimizer.zero_grad(set_to_none=True)
        with self.group.reached():
            with torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bf16"):
                told = (self.teachers(images),) if self.teachers else ()
                losses = model(images, targets, *told)
            total = torch.stack(list(losses.values())).sum()
            total.backward()  # type: ignore[no-untyped-call]
        # the gradients are averaged by now: all processes see the same
        if not torch.isfinite(nn.utils.clip_grad_norm_(self.net.parameters(), self.schedule.clip)):
            reason = f"the loss is not finite at step {self.step}: try a lower learning rate"
            raise self.group.seen_by_all(reason)
        self.optimizer.step()
        if self.group.first:
            self.average.update_parameters(self.net)
        self.step += 1
        return {name: float(value.detach()) for name, value in losses.items()}

    def _plan_mosaics(self) -> None:
        share = self.schedule.plain_share
        if self.schedule.steps is not None:
            last = int((1 - share) * self.schedule.steps)
        else:
            last = 2**40 if self.progress < 1 - share else 0
        self.examples.mosaic_until.value = last * self.schedule.batch

    def save(self) -> None:
        """Write ``last.pt``, all that is needed to go on; the first process alone does it.

        Raises:
            DetectorError: it cannot be written.
        """
        if not self.group.first:
            return
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "schedule": asdict(self.schedule),
            "settings": self.settings,
        }
        write_file(self.folder / CHECKPOINT, state)

    def resume(self) -> None:
        """Go on from ``last.pt``.

        Raises:
            DataError: there is no checkpoint, or it belongs to another network.
            UsageError: it was begun with another batch or other settings, or by steps where minutes are
                asked for.
        """
        state = self.group.from_first(self._read)
        self.group.together(lambda: self._take(state))

    def _read(self) -> dict[str, Any]:
        file = self.folder / CHECKPOINT
        with _readable(file):
            # on the CPU: the other processes, to which it goes, have other cards
            state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
            self._check_schedule(state["schedule"])
            return state

    def _take(self, state: Mapping[str, Any]) -> None:
        with _readable(self.folder / CHECKPOINT):
            self._take_settings(state.get("settings", {}))
            self.net.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds = state["step"], state["seconds"]

    def _check_schedule(self, begun: Mapping[str, Any]) -> None:
        """Refuse what would silently draw other examples, or bend the learning rate.

        The number of the next example is the step times the batch; a share of steps is none of minutes. More
        steps or minutes, another rate or fewer mosaics may be meant.
        """
        if begun["batch"] != self.schedule.batch:
            raise UsageError(f"{self.folder} was begun with --batch {begun['batch']}: resume it with that")
        end = "minutes" if begun["steps"] is None else "steps"
        if getattr(self.schedule, end) is None:
            raise UsageError(f"{self.folder} was begun with --{end}: resume it with --{end}")

    def _take_settings(self, begun: Mapping[str, str]) -> None:
        """Refuse other examples or another network; checkpoints from before they were written say nothing."""
        if other := difference(begun, self.settings):
            raise UsageError(f"{self.folder} was begun with {other}: resume it with that")
        self.settings |= begun

    def _write_curve(self, losses: dict[str, float]) -> None:
        row = {"step": self.step, "seconds": f"{self.seconds:.1f}", "rate": f"{self.rate():.3e}"}
        shown = {name: f"{value:.5f}" for name, value in losses.items()}
        append_row(self.folder / "curve.csv", row | shown)


@contextlib.contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Turn what torch says of a damaged checkpoint, or of one of another network, into DataError."""
    try:
        yield
    except (*_UNREADABLE, RuntimeError, KeyError, ValueError, TypeError) as exc:
        reason = (str(exc).splitlines() or [type(exc).__name__])[0]
        raise DataError(f"cannot resume from {file}: {reason}") from exc

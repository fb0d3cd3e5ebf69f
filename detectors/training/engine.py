"""The training loop: warm-up, cosine, EMA, checkpoints, and taking up where it stopped."""

from __future__ import annotations

import csv
import math
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Sampler

from detectors.errors import DataError, DetectorError, UsageError
from detectors.opencv import load_cv2
from detectors.training.examples import Examples, collate
from detectors.training.request import CHECKPOINT, Schedule
from detectors.zoo._weights import write_file

_UNREADABLE = (OSError, EOFError, pickle.UnpicklingError)


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
    ) -> None:
        """Set up the optimizer; nothing is trained yet."""
        self.net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.examples, self.schedule, self.folder = examples, schedule, folder
        self.device, self.precision, self.workers = device, precision, workers
        self.settings = dict(settings or {})
        self.average = AveragedModel(net, multi_avg_fn=_moving_average(schedule.ema), use_buffers=True)
        self.optimizer = torch.optim.AdamW(_groups(net, schedule.decay), lr=schedule.rate, foreach=True)
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

    def run(self, report: Callable[[Training, dict[str, float]], None], save_every_s: float = 240) -> None:
        """Train to the end of the schedule, reporting the losses after every step."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._cut_curve()
        self._plan_mosaics()
        saved = time.monotonic()
        batches = self._batches()
        began = time.monotonic()
        while self.progress < 1.0:
            losses = self._interruptible_step(batches)
            self.seconds += time.monotonic() - began
            began = time.monotonic()
            self._plan_mosaics()
            self._write_curve(losses)
            report(self, losses)
            if time.monotonic() - saved > save_every_s:
                self.save()
                saved = time.monotonic()
        self.save()

    def _interruptible_step(self, batches: Iterator[tuple[Tensor, list[Any]]]) -> dict[str, float]:
        try:
            return self._one_step(*next(batches))
        except KeyboardInterrupt:
            self.save()
            raise

    def _one_step(self, images: Tensor, targets: list[Any]) -> dict[str, float]:
        self.net.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        images = images.to(self.device).float().contiguous(memory_format=torch.channels_last)
        targets = [{k: v.to(self.device) for k, v in t.items()} for t in targets]
        kind = "cuda" if self.device.startswith("cuda") else "cpu"
        with torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bf16"):
            losses = self.net(images, targets)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise DetectorError(f"the loss is not finite at step {self.step}: try a lower learning rate")
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), self.schedule.clip)
        self.optimizer.step()
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

    def _batches(self) -> Iterator[tuple[Tensor, list[Any]]]:
        loader = DataLoader(
            self.examples,
            batch_size=self.schedule.batch,
            sampler=_From(self.step * self.schedule.batch),
            num_workers=self.workers,
            collate_fn=collate,
            prefetch_factor=4 if self.workers else None,
            worker_init_fn=_quiet_worker,
            generator=torch.Generator(),  # else a resumed run would draw one number more than one in one go
        )
        batches = iter(loader)
        while True:
            try:
                batch = next(batches)
            except DataError as exc:  # from a worker, its message is a whole traceback
                raise DataError(str(exc).strip().splitlines()[-1].rpartition("DataError: ")[2]) from exc
            yield batch

    def save(self) -> None:
        """Write ``last.pt``: all that is needed to go on.

        Raises:
            DetectorError: it cannot be written.
        """
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "schedule": asdict(self.schedule),
            "settings": self.settings,
            "random": torch.get_rng_state(),
        }
        write_file(self.folder / CHECKPOINT, state)

    def resume(self) -> None:
        """Go on from ``last.pt``.

        Raises:
            DataError: there is no checkpoint, or it belongs to another network.
            UsageError: it was begun with another batch or other settings, or by steps where minutes are
                asked for.
        """
        file = self.folder / CHECKPOINT
        try:
            state = torch.load(file, map_location=self.device, weights_only=True)
            self._check_schedule(state["schedule"])
            self._take_settings(state.get("settings", {}))
            self.net.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds = state["step"], state["seconds"]
            torch.set_rng_state(state["random"].cpu())
        except (*_UNREADABLE, RuntimeError, KeyError, ValueError, TypeError) as exc:
            reason = (str(exc).splitlines() or [type(exc).__name__])[0]
            raise DataError(f"cannot resume from {file}: {reason}") from exc

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
        for flag, asked in self.settings.items():
            before = begun.get(flag, asked)
            if before != asked:
                difference = f"another {flag} ({before}, not {asked})"
                raise UsageError(f"{self.folder} was begun with {difference}: resume it with that")
        self.settings = {**begun, **self.settings}

    def _cut_curve(self) -> None:
        """Leave out the rows of steps behind the checkpoint: they are done again."""
        file = self.folder / "curve.csv"
        if file.exists():
            head, *rows = file.read_text().splitlines(keepends=True) or [""]
            kept = [row for row in rows if int(row.partition(",")[0]) <= self.step]
            file.write_text("".join([head, *kept])) if kept else file.unlink()

    def _write_curve(self, losses: dict[str, float]) -> None:
        file = self.folder / "curve.csv"
        new = not file.exists()
        with file.open("a", newline="") as stream:
            writer = csv.writer(stream)
            if new:
                writer.writerow(["step", "seconds", "rate", *losses])
            row = [f"{value:.5f}" for value in losses.values()]
            writer.writerow([self.step, f"{self.seconds:.1f}", f"{self.rate():.3e}", *row])


class _From(Sampler[int]):
    """Example numbers from ``first`` on, without end."""

    def __init__(self, first: int) -> None:
        self.first = first

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, 2**31 - 1))


def _quiet_worker(_: int) -> None:
    """OpenCV's own threads would fight with the training for the cores."""
    load_cv2().setNumThreads(0)
    torch.set_num_threads(1)


def _moving_average(decay: float) -> Callable[..., None]:
    """Return the averaging of the weights, over a third of the steps so far until ``decay`` is longer.

    With the full decay from the first step on, a short training would release its random start.
    """

    def update(averaged: Any, current: Any, number: Tensor) -> None:
        steps = float(number)
        step_decay = min(decay, (1 + steps) / (4 + steps))
        get_ema_multi_avg_fn(step_decay)(averaged, current, number)  # type: ignore[no-untyped-call]

    return update


def _groups(net: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Decay matrices and kernels, not biases and normalisation."""
    heavy = [p for p in net.parameters() if p.requires_grad and p.ndim > 1]
    light = [p for p in net.parameters() if p.requires_grad and p.ndim <= 1]
    return [{"params": heavy, "weight_decay": decay}, {"params": light, "weight_decay": 0.0}]

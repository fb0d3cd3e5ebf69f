"""Several processes that train one network: torchrun starts them, and torch averages their gradients.

On a machine with two cards, with ``track`` installed::

    torchrun --no-python --nproc-per-node 2 track train detector --data pictures --out mine --minutes 60

Together the processes see the examples that one alone would see, each ``--batch`` shared among them, so that
a training may be resumed with another number of processes. The first one writes; all machines need the data.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from detectors.errors import DetectorError, ProjectError, UsageError

Word = TypeVar("Word")

#: What torchrun tells every process that it starts.
_NUMBERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
_VARIABLES = (*_NUMBERS, "MASTER_ADDR", "MASTER_PORT")


class LostError(DetectorError):
    """The other processes cannot be reached: no other process will say so."""


class ToldByFirstError(ProjectError):
    """The training has ended for all processes, and the first one says why."""


@dataclass(frozen=True, slots=True)
class Group:
    """The processes that train together, of which this is one.

    Attributes:
        rank: number of this process, from 0.
        world: number of processes.
        local_rank: number of this process on its machine, from 0.
        local_world: number of processes on its machine.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1

    def __post_init__(self) -> None:
        """Raise UsageError for numbers that cannot be."""
        if not (0 <= self.rank < self.world and 0 <= self.local_rank < self.local_world <= self.world):
            raise UsageError(
                f"process RANK={self.rank} of WORLD_SIZE={self.world}, LOCAL_RANK={self.local_rank} of "
                f"LOCAL_WORLD_SIZE={self.local_world} cannot be: leave these variables to torchrun"
            )

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def exchange(self, word: Word) -> list[Word]:
        """Return the words of all processes by rank; every process must call it.

        Raises:
            LostError: a process has ended.
        """
        words: list[Any] = [word] * self.world
        if self.world > 1:
            with self.reached():
                distributed.all_gather_object(words, word)
        return words

    def together(self, work: Callable[[], Word]) -> Word:
        """Do this process's part and return what it gives; where one process fails, all do.

        Raises:
            ToldByFirstError: here, where this is not the first process.
            DetectorError: in the first process, where only another one has failed.
        """
        result, failure = None, None
        try:
            result = work()
        except Exception as exc:  # whatever it is: the others would wait for this process
            failure = exc
        try:
            reasons = self.exchange(_reason(failure) if failure else "")
        except LostError as exc:
            raise failure or exc from None
        if failure and self.first:
            raise failure
        if any(reasons):
            rank = next(rank for rank, reason in enumerate(reasons) if reason)
            raise self.seen_by_all(f"process {rank} of {self.world}: {reasons[rank]}") from failure
        return result  # type: ignore[return-value]

    def seen_by_all(self, reason: str) -> ProjectError:
        """Return what to raise where every process fails for the same reason: the first one says it."""
        return DetectorError(reason) if self.first else ToldByFirstError(reason)

    def from_first(self, work: Callable[[], Word]) -> Word:
        """Return in every process what ``work`` gives in the first one; it fails as ``together`` does."""
        result: list[Any] = [self.together(work if self.first else lambda: None)]
        if self.world > 1:
            with self.reached():
                distributed.broadcast_object_list(result, src=0)
        found: Word = result[0]
        return found

    def wrapped(self, net: nn.Module) -> nn.Module:
        """Return the network that averages gradients over the processes; it shares its parameters.

        All begin with the parameters of the first one. Its batch statistics are those that are kept; only on
        CUDA are they taken over the pictures of all (``synchronised``).
        """
        if self.world == 1:
            return net
        with self.reached():
            return DistributedDataParallel(net)

    @contextlib.contextmanager
    def reached(self) -> Iterator[None]:
        """Turn what torch says when another process has gone into LostError."""
        try:
            yield
        except RuntimeError as exc:
            # of gloo's errors some have no class of their own
            if self.world == 1 or not (isinstance(exc, distributed.DistError) or "gloo" in str(exc)):
                raise
            raise LostError(
                f"process {self.rank} of {self.world}: another process of this training has ended "
                "or cannot be reached; go on with --resume from the last checkpoint"
            ) from exc


ALONE = Group()


def group_here(environment: Mapping[str, str] = os.environ) -> Group:
    """Return the group that torchrun put this process into; without torchrun it is alone.

    Raises:
        UsageError: torchrun's variables are broken.
    """
    if not {"RANK", "WORLD_SIZE"} & set(environment):
        return ALONE
    missing = [name for name in _VARIABLES if not environment.get(name)]
    if missing:
        unset = " and ".join(name for name in ("RANK", "WORLD_SIZE") if name in environment)
        raise UsageError(
            f"RANK or WORLD_SIZE is set without {', '.join(missing)}: start with torchrun, "
            f"or unset {unset} to train alone"
        )
    for name in (*_NUMBERS, "MASTER_PORT"):
        if not environment[name].isdecimal():
            raise UsageError(f"{name}={environment[name]} is no number: leave this variable to torchrun")
    return Group(*(int(environment[name]) for name in _NUMBERS))


@contextlib.contextmanager
def joined(group: Group, device: str) -> Iterator[None]:
    """Bring the processes together, and let them go in the end: gloo on "cpu", NCCL on "cuda:N".

    Raises:
        UsageError: torch was built without.
        LostError: the others cannot be reached.
    """
    if group.world == 1:
        yield
        return
    if not distributed.is_available():
        raise UsageError("this torch was built without torch.distributed: train in one process")
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    try:
        distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    except (RuntimeError, ValueError) as exc:
        place = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        reason = str(exc).splitlines()[0]
        raise LostError(
            f"process {group.rank} of {group.world} finds no others at {place}: {reason}"
        ) from exc
    try:
        yield
    finally:
        distributed.destroy_process_group()


def synchronised(net: nn.Module, device: str, group: Group) -> nn.Module:
    """Return the network with batch statistics over all processes; torch has them on CUDA only."""
    if group.world == 1 or not device.startswith("cuda"):
        return net
    together: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(net)  # type: ignore[no-untyped-call]
    return together


def _reason(exc: Exception) -> str:
    words = (str(exc).splitlines() or [""])[0]
    return words if isinstance(exc, ProjectError) and words else f"{type(exc).__name__}: {words}"

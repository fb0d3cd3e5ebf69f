"""An endless, repeatable stream of training examples for torch's ``DataLoader``."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import Value
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from detectors.dataset import Picture, read_picture
from detectors.errors import DataError, UsageError
from detectors.networks.targets import Packed, Target, packed
from detectors.opencv import load_cv2
from detectors.training.augment import Example, Image, mirrored, mosaic, single
from detectors.training.hiding import cut_out, hidden_ignored
from detectors.training.light import recolour
from detectors.training.paste import Donors, paste

Batch = tuple[Tensor, Packed]


class Examples(Dataset[tuple[Tensor, Target]]):
    """Example number i depends on the seed and on i alone, so that training can be taken up anywhere.

    Args:
        pictures: to draw from.
        weights: probability (P,) of each picture.
        size: width and height of the network's input.
        seed: of the whole run.
        mosaic_share: share of examples that are put together from four pictures.
        paste_share: share of examples into which objects of rare classes are pasted.
        cut_out_share: share of examples in which parts of objects are hidden.
        read: gives the pixels of a picture.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        weights: NDArray[np.float64],
        size: tuple[int, int],
        seed: int,
        mosaic_share: float = 0.5,
        paste_share: float = 0.0,
        cut_out_share: float = 0.0,
        read: Callable[[Picture], Image] = read_picture,
    ) -> None:
        """Remember the pictures; none is read yet."""
        self.pictures = list(pictures)
        self.cumulative = np.cumsum(weights)
        self.size = size
        self.seed, self.read = seed, read
        self.mosaic_share, self.paste_share, self.cut_out_share = mosaic_share, paste_share, cut_out_share
        self.donors = Donors(self.pictures, weights) if paste_share else None
        #: mosaics and pasted objects end at this example: the last part of a training sees whole pictures
        self.mosaic_until: Any = Value("q", 2**62)

    def __len__(self) -> int:
        """Return a number that no training reaches."""
        return 2**31 - 1

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        """Return picture (3, H, W) uint8 and target of example ``index``."""
        rng = np.random.default_rng((self.seed, index))
        early = index < self.mosaic_until.value
        if early and rng.uniform() < self.mosaic_share:
            example = mosaic([self._draw(rng) for _ in range(4)], self.read, self.size, rng)
        else:
            example = single(self._draw(rng), self.read, self.size, rng)
        example = self.partly_hidden(example, early, rng)
        if rng.uniform() < 0.5:
            example = mirrored(example)
        return to_tensors(replace(example, image=recolour(example.image, rng)))

    def partly_hidden(self, example: Example, early: bool, rng: np.random.Generator) -> Example:
        """Return the example after pasting (``early`` alone) and cutting out.

        Both together decide which boxes are still seen well enough to be learnt.
        """
        number, patches = len(example.boxes), np.zeros((0, 4), np.float32)
        if early and rng.uniform() < self.paste_share:
            example = self._pasted(example, rng)
        pasted = len(example.boxes) - number
        if rng.uniform() < self.cut_out_share:
            example, patches = cut_out(example, rng)
        return hidden_ignored(example, patches, pasted)

    def _pasted(self, example: Example, rng: np.random.Generator) -> Example:
        found = self.donors.draw(rng) if self.donors else None
        return paste(example, *found, self.read(found[0]), rng) if found else example

    def _draw(self, rng: np.random.Generator) -> Picture:
        place = int(np.searchsorted(self.cumulative, rng.uniform() * self.cumulative[-1]))
        return self.pictures[min(place, len(self.pictures) - 1)]


class Kept:
    """Pictures that are read once, before the processes begin that prepare examples and then share them.

    Args:
        pictures: to read, all at once.

    Raises:
        UsageError: they do not fit into the memory that is free.
        DataError: a picture is missing or damaged.
    """

    def __init__(self, pictures: Sequence[Picture]) -> None:
        """Read the pictures."""
        needed = 3 * sum(width * height for width, height in (p.size for p in pictures))
        free = _free_memory()
        if needed > free:
            sizes = f"{needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free"
            raise UsageError(f"--cache needs {sizes}: leave it out")
        with ThreadPoolExecutor() as pool:
            images = pool.map(read_picture, pictures)
            self._images = {p.path: image for p, image in zip(pictures, images, strict=True)}

    def __call__(self, picture: Picture) -> Image:
        """Return the picture's pixels, uint8 (H, W, 3) BGR; they are shared: draw on a copy."""
        return self._images[picture.path]


def _free_memory() -> float:
    """Return the bytes that can be had without swapping; infinite where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    return next((1024.0 * int(x.split()[1]) for x in lines if x.startswith("MemAvailable:")), float("inf"))


def to_tensors(example: Example) -> tuple[Tensor, Target]:
    """Return an example as uint8 (3, H, W) and the network's target (labels from 1)."""
    image = torch.from_numpy(np.ascontiguousarray(example.image.transpose(2, 0, 1)))
    return image, Target(
        boxes=torch.from_numpy(example.boxes),
        labels=torch.from_numpy(example.labels + 1),
        ignore=torch.from_numpy(example.ignore),
        regions=torch.from_numpy(example.regions),
        annotated=torch.from_numpy(example.annotated),
    )


def batches(
    examples: Examples,
    first: int,
    size: int,
    workers: int = 1,
    rank: int = 0,
    world: int = 1,
    pinned: bool = False,
) -> Generator[Batch]:
    """Yield batches without end: of the examples from number ``first`` on, every ``world``-th.

    Args:
        examples: to take them from.
        first: number of the next example of all processes together.
        size: pictures a batch, of all processes together; a multiple of ``world``.
        workers: of this process, that prepare examples.
        rank: of this process.
        world: number of processes; together they see what one alone would see.
        pinned: in memory from which a GPU copies while it works.

    Raises:
        DataError: a picture is missing or damaged.
    """
    loader = DataLoader(
        examples,
        batch_size=size // world,
        sampler=_From(first + rank, world),
        num_workers=workers,
        collate_fn=collate,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_quiet_worker,
        pin_memory=pinned,
        multiprocessing_context="fork" if workers else None,  # others would copy what ``Kept`` holds
        generator=torch.Generator(),  # else torch's own would draw a number here
    )
    stream = iter(loader)
    while True:
        try:
            batch = next(stream)
        except DataError as exc:  # from a worker, its message is a whole traceback
            raise DataError(str(exc).strip().splitlines()[-1].rpartition("DataError: ")[2]) from exc
        yield batch


def collate(batch: list[tuple[Tensor, Target]]) -> Batch:
    """Return pictures (B, 3, H, W) uint8 and their targets."""
    return torch.stack([image for image, _ in batch]), packed([target for _, target in batch])


class _From(Sampler[int]):
    """Example numbers from ``first`` on, ``stride`` apart, without end."""

    def __init__(self, first: int, stride: int) -> None:
        self.first, self.stride = first, stride

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, 2**31 - 1, self.stride))


def _quiet_worker(_: int) -> None:
    """Take no core from the training, and no signal that is meant for it.

    OpenCV's own threads would fight with it for the cores. Ctrl-C, and torchrun's stop, go to a whole group
    of processes: without these the training could not end its step.
    """
    os.setpgrp()
    load_cv2().setNumThreads(0)
    torch.set_num_threads(1)

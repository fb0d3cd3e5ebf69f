"""A classifier's training pictures, epoch by epoch, in batches."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from detectors.training.classifier.augment import Augment
from detectors.training.classifier.pictures import Pictures
from detectors.training.distributed import ALONE, Group


def batches(
    pictures: Pictures,
    augment: Augment,
    seed: int,
    epoch: int,
    batch: int,
    workers: int = 0,
    group: Group = ALONE,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield uint8 (n, C, size, size) pictures and int64 (n,) classes: this process's part of each batch.

    Order and alterations come from seed, epoch and picture alone, not from the number of processes. A last
    batch that leaves a process a single picture, which cannot be normalised, is left out.
    """
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    order = torch.randperm(len(pictures), generator=generator).tolist()
    parts = [order[start : start + batch] for start in range(0, len(order), batch)]
    if len(parts) > 1 and len(parts[-1]) < 2 * group.world:
        parts.pop()
    own = [part[group.rank :: group.world] for part in parts]
    altered = _Altered(pictures, [row for part in own for row in part], augment, seed + 104_729 * epoch)
    loader = DataLoader(altered, batch_sampler=_Parts([len(part) for part in own]), num_workers=workers)
    yield from loader


class _Altered(Dataset[tuple[Tensor, int]]):
    """Training pictures in the order and with the alterations of an epoch."""

    def __init__(self, pictures: Pictures, rows: list[int], augment: Augment, seed: int) -> None:
        self.pictures, self.rows, self.augment, self.seed = pictures, rows, augment, seed

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        row = self.rows[place]
        # of seed and picture alone: neither the number of processes nor of workers changes it
        image = self.augment(torch.from_numpy(self.pictures.images[row]), self.seed + 7919 * row)
        return image, int(self.pictures.labels[row])


class _Parts:
    """Batches of given sizes over consecutive places, for torch's loader."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[list[int]]:
        start = 0
        for size in self.sizes:
            yield list(range(start, start + size))
            start += size

"""Trained detectors that tell another one what they see, and pictures on which they alone speak."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from detectors.bank.pictures import find_pictures, look_all
from detectors.dataset import Picture
from detectors.errors import DataError, WeightsError
from detectors.networks.distillation import Soft
from detectors.networks.fusing import fused
from detectors.networks.one_stage import OneStage, boxes_of, cells_of
from detectors.zoo._weights import build_network, fill, load_weights


class Teachers:
    """What several one-stage detectors see on the mean.

    Args:
        nets: at least one, in evaluation mode and on one device.
    """

    def __init__(self, nets: Sequence[OneStage]) -> None:
        """Take over the networks."""
        self.nets = nets

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> Soft:
        """Return the mean of scores and of boxes, for float pictures (N, 3, H, W) in [0, 255]."""
        cells = cells_of((int(pictures.shape[-1]), int(pictures.shape[-2])), pictures.device)
        scores, boxes = [], []
        for net in self.nets:
            logits, sides = net.dense(pictures)
            scores.append(logits.float().sigmoid())
            boxes.append(boxes_of(cells.centres, cells.strides, sides.float()))
        return Soft(torch.stack(scores).mean(0), torch.stack(boxes).mean(0))


def open_teachers(files: Sequence[Path], class_names: Sequence[str], device: str) -> Teachers | None:
    """Return the detectors in these files; None where there are none.

    Raises:
        WeightsError: one is damaged, no one-stage detector, or knows other classes.
    """
    return Teachers([_open(file, class_names, device) for file in files]) if files else None


def _open(file: Path, class_names: Sequence[str], device: str) -> OneStage:
    description, tensors = load_weights(file)
    if description.architecture != "one_stage":
        raise WeightsError(f"--teacher {file} is of a {description.architecture}: only one_stage can teach")
    if description.class_names != tuple(class_names):
        names = ",".join(description.class_names)
        raise WeightsError(f"--teacher {file} knows other classes ({names}, not {','.join(class_names)})")
    net = build_network(description)
    fill(net, tensors, file)
    net = fused(net.eval()).requires_grad_(False)
    return net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def read_unlabelled(folders: Sequence[Path], class_count: int) -> list[Picture]:
    """Return all pictures in and below the folders, as such in which no class was annotated.

    Raises:
        DataError: there is none in a folder, or one is damaged.
    """
    return [picture for folder in folders for picture in _read_unlabelled(folder, class_count)]


def _read_unlabelled(folder: Path, class_count: int) -> list[Picture]:
    files = find_pictures(folder)
    if not files:
        raise DataError(f"no picture in or below --unlabelled {folder}")
    found = []
    for file, seen in zip(files, look_all(files), strict=True):
        if isinstance(seen, DataError):
            raise seen
        none = np.zeros((0, 4), np.float32)
        found.append(
            Picture(
                path=file,
                set_name=folder.resolve().name,
                size=seen.size,
                boxes=none,
                labels=np.zeros(0, np.int64),
                ignore=none,
                annotated=np.zeros(class_count, np.bool_),
            )
        )
    return found

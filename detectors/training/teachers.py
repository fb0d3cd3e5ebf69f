"""Trained detectors that tell another one what they see, and pictures on which they alone speak."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from detectors.bank.pictures import Look, find_pictures, look_all
from detectors.dataset import Picture
from detectors.errors import DataError, UsageError, WeightsError
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
        """Return what they see on float pictures (N, 3, H, W) in [0, 255].

        Scores are the mean; so are boxes, but whoever sees more in a cell says more of its box.
        """
        cells = cells_of((int(pictures.shape[-1]), int(pictures.shape[-2])), pictures.device)
        scores, boxes = [], []
        for net in self.nets:
            logits, sides = net.dense(pictures)
            scores.append(logits.float().sigmoid())
            boxes.append(boxes_of(cells.centres, cells.strides, sides.float()))
        sure = torch.stack(scores).amax(3, keepdim=True)  # (T, N, A, 1)
        mean = (sure * torch.stack(boxes)).sum(0) / sure.sum(0).clamp(min=1e-9)
        return Soft(torch.stack(scores).mean(0), mean)


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


def read_unlabelled(folders: Sequence[Path], labelled: Sequence[Picture], class_count: int) -> list[Picture]:
    """Return the pictures in and below the folders, as such in which no class was annotated.

    Args:
        folders: the name of each, or of the one above ``images``, is that of a set.
        labelled: pictures of all splits; they are left out, and so is what lies in two of the folders.
        class_count: number of classes.

    Raises:
        DataError: there is none in a folder, or one is damaged.
        UsageError: a folder has the name of a labelled set.
    """
    names = {picture.set_name for picture in labelled}
    seen = {picture.path.resolve() for picture in labelled}
    found: list[Picture] = []
    for folder in folders:
        files = find_pictures(folder)
        if not files:
            raise DataError(f"no picture in or below --unlabelled {folder}")
        new = [file for file in files if file.resolve() not in seen]
        seen.update(file.resolve() for file in new)
        name = _set_name(folder)
        if new and name in names:
            raise UsageError(f"--unlabelled {folder}: there is a labelled set '{name}'; rename the folder")
        found += [_unlabelled(*pair, name, class_count) for pair in zip(new, look_all(new), strict=True)]
    return found


def _set_name(folder: Path) -> str:
    path = folder.resolve()
    return path.parent.name if path.name == "images" else path.name


def _unlabelled(file: Path, seen: Look | DataError, set_name: str, class_count: int) -> Picture:
    if isinstance(seen, DataError):
        raise seen
    none = np.zeros((0, 4), np.float32)
    labels, annotated = np.zeros(0, np.int64), np.zeros(class_count, np.bool_)
    return Picture(file, set_name, seen.size, none, labels, none, annotated)

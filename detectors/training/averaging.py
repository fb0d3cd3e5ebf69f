"""Several weights of one network as one: often better than each of them.

Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time", ICML 2022. It needs weights that went on from one another, or from the same ones;
of trainings that began anew the average is nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from detectors.errors import UsageError, WeightsError
from detectors.zoo._weights import build_network, fill, load_weights, save_weights, shift_logits


def average_weights(
    files: Sequence[Path],
    out: Path,
    shares: Sequence[float] = (),
    shifts: Mapping[str, float] | None = None,
    score: float | None = None,
) -> str:
    """Write the weighted mean of weights and return the file's sha256.

    Args:
        files: two or more, of the same network and classes.
        out: the file to write.
        shares: how much each counts; all alike where none are given.
        shifts: what is added to a class's logits, by its name.
        score: default score threshold of the new weights; None for that of the files.

    Raises:
        UsageError: fewer than two files, shares that do not fit them, an unknown class, a score that is none,
            or files with different ones and none given.
        WeightsError: a file is missing or damaged, or they are not of the same network.
        DetectorError: the file cannot be written.
    """
    weights = _shares(files, shares)
    if score is not None and not 0 <= score <= 1:
        raise UsageError(f"score {score}: it must lie in [0, 1]")
    read = [load_weights(file) for file in files]
    description, first = read[0]
    for file, (other, tensors) in zip(files, read, strict=True):
        alike = replace(other, score=description.score) == description
        if not alike or _shapes(tensors) != _shapes(first):
            raise WeightsError(f"weights {file} are not of the same network as {files[0]}")
        if score is None and other.score != description.score:
            differ = f"{description.score:g} in {files[0]}, {other.score:g} in {file}"
            raise UsageError(f"their score thresholds differ ({differ}): give --score")
    mean = {name: _mean([tensors[name] for _, tensors in read], weights) for name in first}
    net = build_network(description)
    fill(net, mean, files[0])
    shift_logits(net, description.architecture, description.class_names, shifts or {})
    return save_weights(out, net, description if score is None else replace(description, score=score))


def _shares(files: Sequence[Path], shares: Sequence[float]) -> list[float]:
    if len(files) < 2:
        raise UsageError("an average needs two weight files or more")
    given = list(shares) or [1.0] * len(files)
    if len(given) != len(files):
        raise UsageError(f"{len(files)} weight files and {len(given)} shares: give one for each, or none")
    if not all(math.isfinite(share) and share >= 0 for share in given) or sum(given) <= 0:
        raise UsageError("shares must be at least 0, and one of them above")
    return [share / sum(given) for share in given]


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def _mean(tensors: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    if not tensors[0].is_floating_point():
        return tensors[-1]  # how many batches a normalisation has seen
    total = sum(share * tensor.double() for share, tensor in zip(shares, tensors, strict=True))
    assert isinstance(total, Tensor)
    return total.to(tensors[0].dtype)

"""What a network makes of a picture before its dense layers: its features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from detectors.classifiers.models import Built
from detectors.classifiers.pixels import to_input


def features_of(
    built: Built, images: NDArray[np.uint8], batch: int = 32, device: str = "cpu"
) -> NDArray[np.float32]:
    """Return float32 (N, D): what comes into the dense layers, for VGG-16 7 x 7 x 512 = 25,088 values.

    Args:
        built: the network; it is set to evaluation.
        images: uint8 (N, C, size, size), see ``detectors.classifiers.pixels.squared``.
        batch: pictures at once.
        device: where to compute.
    """
    parts = [part for part, _ in _run(built, images, batch, device)]
    return np.concatenate(parts)


def probabilities_of(
    built: Built, images: NDArray[np.uint8], batch: int = 32, device: str = "cpu"
) -> NDArray[np.float32]:
    """Return float32 (N, classes), each row adding up to 1; arguments as of ``features_of``."""
    return np.concatenate(
        [torch.softmax(logits, 1).numpy() for _, logits in _run(built, images, batch, device)]
    )


def _run(
    built: Built, images: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], batch: int, device: str
) -> Iterator[tuple[NDArray[np.float32], Tensor]]:
    """Yield features and logits of a batch after the other."""
    net = built.net.to(device).eval()
    caught: list[Tensor] = []

    def catch(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        caught[:] = [arguments[0]]

    handle = net.get_submodule(built.head).register_forward_pre_hook(catch)
    try:
        with torch.inference_mode():
            for start in range(0, len(images), batch):
                some = torch.from_numpy(np.asarray(images[start : start + batch])).to(device)
                logits = net(to_input(some, built.normalisation))
                yield caught[0].flatten(1).float().cpu().numpy(), logits.float().cpu()
    finally:
        handle.remove()

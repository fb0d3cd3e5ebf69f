"""Where a network looked when it gave a class its score.

Grad-CAM: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017, equations 1 and 2. For the objects of a detector the gradient is taken place by
place, as Zhao and Chan, "ODAM: Gradient-based Instance-Specific Visual Explanations for Object Detection",
ICLR 2023, without their smoothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from detectors.errors import UsageError


@contextmanager
def caught(net: nn.Module, names: Sequence[str]) -> Iterator[Mapping[str, Tensor]]:
    """Catch the outputs (N, C, H, W) of layers, by name, as the network runs within ``with``.

    Args:
        net: the network.
        names: of the modules; of one that is called several times the last output counts.

    Raises:
        UsageError: there is no such layer, or what it returns is no map.
    """
    outputs: dict[str, Tensor] = {}
    known = dict(net.named_modules())

    def catch(name: str) -> Callable[[nn.Module, Any, Any], Tensor]:
        def hook(module: nn.Module, arguments: Any, output: Any) -> Tensor:
            if not isinstance(output, Tensor) or output.ndim != 4:
                raise UsageError(f"'{name}' returns no maps: choose a layer of the summary with three sizes")
            outputs[name] = output
            return output.clone()  # a ReLU in place behind it would alter what was caught

        return hook

    handles = []
    try:
        for name in dict.fromkeys(names):
            if name not in known or not name:
                raise UsageError(f"there is no layer '{name}': 'track model summary' lists them")
            handles.append(known[name].register_forward_hook(catch(name)))
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def grad_cam(maps: Tensor, score: Tensor, *, local: bool = False) -> NDArray[np.float32]:
    """Return where the maps speak for a score, float32 (H, W) in [0, 1]; all 0 where nothing does.

    Args:
        maps: float (1, C, H, W), of a layer.
        score: scalar that was computed from them, before a softmax.
        local: weigh every value with its own gradient, not with its map's mean: a detection's score comes
            from one place, and the mean would call all that looks alike as important as that place.
    """
    (gradient,) = torch.autograd.grad(score, maps, retain_graph=True, allow_unused=True)
    if gradient is None:
        return np.zeros(tuple(maps.shape[2:]), np.float32)
    weights = gradient if local else gradient.mean((2, 3), keepdim=True)
    seen = (weights * maps.detach()).sum(1)[0].relu()
    most = float(seen.max())
    return np.asarray((seen / most if most > 0 else seen).cpu().numpy(), np.float32)

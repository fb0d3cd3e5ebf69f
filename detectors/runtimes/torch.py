"""torch: on a processor or on a CUDA card."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchSession:
    """A module on a device.

    Args:
        net: in evaluation mode; takes float32 (N, 3, H, W) with values in [0, 255], returns a tuple of
            tensors. It is moved to the device.
        device: "cpu" or "cuda".
        precision: "fp32", or "bf16" or "fp16" (autocast).
    """

    runtime = "torch"

    def __init__(self, net: nn.Module, device: str = "cpu", precision: str = "fp32") -> None:
        """Put the network onto the device."""
        self.precision = precision
        self._device = device
        self._net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, pictures: NDArray[np.generic]) -> Sequence[Tensor]:
        """Return the outputs, on the device, for uint8 (N, H, W, 3) pictures."""
        batch = torch.from_numpy(pictures).permute(0, 3, 1, 2)  # channels-last already
        half = self.precision != "fp32"
        with (
            torch.inference_mode(),
            torch.autocast(self._device, _FORMATS[self.precision], enabled=half),
        ):
            outputs: tuple[Tensor, ...] = self._net(batch.to(self._device).float())
        return [output.float() for output in outputs] if half else outputs

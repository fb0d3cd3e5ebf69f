"""Which number format trains fastest on this machine: tried, not believed."""

from __future__ import annotations

import time

import torch
from torch import nn


def best_precision(device: str) -> str:
    """Return "bf16" or "fp32".

    A processor's flags do not tell: some that have AVX-512 BF16 are slower with it in the backward pass of
    small convolutions, and those without emulate it at a tenth of the speed. So a small convolution is
    trained for a moment in both.
    """
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "bf16" if _seconds(torch.bfloat16) < 0.9 * _seconds(torch.float32) else "fp32"


def _seconds(dtype: torch.dtype) -> float:
    layers = [nn.Conv2d(48, 48, 3, padding=1, bias=False), nn.BatchNorm2d(48), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Conv2d(48, 48, 3, padding=1)).to(memory_format=torch.channels_last)
    x = torch.rand(2, 48, 72, 128).contiguous(memory_format=torch.channels_last)
    best = float("inf")
    for _ in range(4):
        began = time.perf_counter()
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            y = net(x)
        y.float().sum().backward()
        best = min(best, time.perf_counter() - began)
    return best

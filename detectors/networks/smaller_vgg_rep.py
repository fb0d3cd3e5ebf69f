"""SmallerVGG as good as plain 3x3 stacks get: branches while training, one 3x3 convolution when running.

Structural re-parameterisation (Ding et al., "RepVGG: Making VGG-style ConvNets Great Again", CVPR 2021): a
block is the sum of a 3x3 convolution, a 1x1 convolution and the input itself, each with batch normalisation.
All three are linear, so that one 3x3 convolution with a bias gives the same output. Strided convolutions
stand where SmallerVGG pools.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

#: Output width and number of blocks of each stage, by size; each stage halves the picture. The last two are
#: there to teach the others: on the road pictures they see little more than ``medium`` has learnt from them,
#: for three and six times the work.
SIZES: dict[str, tuple[tuple[int, int], ...]] = {
    "nano": ((16, 1), (24, 1), (48, 2), (96, 3), (160, 2)),
    "small": ((16, 1), (32, 1), (64, 3), (128, 4), (192, 2)),
    "medium": ((24, 1), (48, 2), (96, 4), (192, 4), (256, 2)),
    "large": ((32, 1), (64, 3), (128, 6), (256, 6), (320, 2)),
    "huge": ((48, 1), (96, 3), (192, 6), (384, 8), (512, 2)),
}


class RepBlock(nn.Module):
    """3x3 convolution, 1x1 convolution and identity, added up, then ReLU.

    Args:
        in_channels: of the input.
        out_channels: of the output; the identity takes part where both are equal and the stride is 1.
        stride: of the convolutions.
        branches: False for the 3x3 convolution alone. The first layer of a network must be so: the backward
            pass of a 1x1 convolution of stride 2 on 3 channels in channels-last memory corrupts the heap on
            the CPU (torch 2.13 and 2.15).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, branches: bool = True) -> None:
        """Build the branches."""
        super().__init__()
        self.dense = _conv_norm(in_channels, out_channels, 3, stride)
        self.point = _conv_norm(in_channels, out_channels, 1, stride) if branches else None
        same = branches and in_channels == out_channels and stride == 1
        self.identity = nn.BatchNorm2d(out_channels) if same else None
        self.fused: nn.Conv2d | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return float (N, out_channels, H / stride, W / stride) for (N, in_channels, H, W)."""
        if self.fused is not None:
            return F.relu(self.fused(x), inplace=True)
        out: Tensor = self.dense(x)
        if self.point is not None:
            out = out + self.point(x)
        if self.identity is not None:
            out = out + self.identity(x)
        return F.relu(out, inplace=True)

    def fuse(self) -> None:
        """Replace the branches by the one convolution that equals them; in evaluation mode only."""
        if self.fused is not None:
            return
        weight, bias = _folded(self.dense)
        if self.point is not None:
            point, shift = _folded(self.point)
            weight, bias = weight + F.pad(point, (1, 1, 1, 1)), bias + shift
        if self.identity is not None:
            channels = self.identity.num_features
            same = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            nn.init.dirac_(same.weight)
            centre, shift = _folded(nn.Sequential(same, self.identity).eval())
            weight, bias = weight + centre, bias + shift
        conv = cast("nn.Conv2d", self.dense[0])
        self.fused = nn.Conv2d(conv.in_channels, conv.out_channels, 3, conv.stride[0], padding=1)
        self.fused.weight, self.fused.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.dense, self.point, self.identity = nn.Sequential(), None, None


def _conv_norm(in_channels: int, out_channels: int, kernel: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


def _folded(branch: nn.Sequential) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a branch's convolution with the normalisation behind it folded in."""
    fused = fuse_conv_bn_eval(cast("nn.Conv2d", branch[0]), cast("nn.BatchNorm2d", branch[1]))
    return fused.weight.detach(), cast("Tensor", fused.bias).detach()


class SmallerVGGRep(nn.Module):
    """The stack of stages, each of which halves the picture with its first block.

    Args:
        stages: output width and number of blocks, stage by stage.
        in_channels: of the picture.
    """

    #: Its blocks have branches while training, and those of a head on it.
    branches = True

    def __init__(self, stages: Sequence[tuple[int, int]] = SIZES["small"], in_channels: int = 3) -> None:
        """Build the stages."""
        super().__init__()
        layers: list[nn.Module] = []
        width = in_channels
        for out, number in stages:
            blocks = []
            for place in range(number):
                first_layer = not layers and place == 0
                blocks.append(RepBlock(width, out, 2 if place == 0 else 1, branches=not first_layer))
                width = out
            layers.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(layers)
        #: Output channels of each stage.
        self.widths = tuple(out for out, _ in stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the output of every stage, strides 2, 4, 8, 16 and 32.

        Args:
            x: float (N, 3, H, W), H and W multiples of 2**stages.
        """
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features

"""Fusing changes the number of convolutions and nothing else."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from detectors.networks.smaller_vgg_rep import SIZES, RepBlock, SmallerVGGRep


def lively(net: nn.Module) -> nn.Module:
    """Give every normalisation statistics and weights of its own: fresh ones would hide an error."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.weight, 1.0, 0.3)
            nn.init.normal_(module.bias, 0.0, 0.3)
            module.running_mean.normal_(0.0, 0.3)
            module.running_var.uniform_(0.5, 2.0)
    return net.eval()


@pytest.mark.parametrize(
    ("widths", "stride", "branches"),
    [((8, 8), 1, True), ((6, 8), 1, True), ((8, 8), 2, True), ((3, 8), 2, False)],
)
def test_a_fused_block_says_the_same(widths: tuple[int, int], stride: int, branches: bool) -> None:
    torch.manual_seed(0)
    block = lively(RepBlock(*widths, stride, branches))
    x = torch.randn(2, widths[0], 12, 16)
    before = block(x)
    block.fuse()
    assert [m for m in block.modules() if isinstance(m, (nn.Conv2d, nn.BatchNorm2d))] == [block.fused]
    torch.testing.assert_close(block(x), before, rtol=1e-4, atol=1e-5)


def test_the_identity_is_there_only_where_shapes_are_kept() -> None:
    assert RepBlock(8, 8).identity is not None
    assert RepBlock(8, 8, 2).identity is None
    assert RepBlock(8, 12).identity is None


@pytest.mark.parametrize("size", SIZES)
def test_stages_halve_the_picture(size: str) -> None:
    net = SmallerVGGRep(SIZES[size]).eval()
    with torch.inference_mode():
        features = net(torch.zeros(1, 3, 64, 96))
    assert [f.shape[-2:] for f in features] == [(64 // s, 96 // s) for s in (2, 4, 8, 16, 32)]
    assert tuple(f.shape[1] for f in features) == net.widths


def test_the_first_layer_has_one_branch() -> None:
    """Of stride 2 on 3 channels a 1x1 convolution corrupts the heap in the backward pass."""
    assert SmallerVGGRep().stages[0][0].point is None

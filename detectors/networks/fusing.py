"""Fewer layers with the same answers, for running only."""

from __future__ import annotations

import itertools

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from detectors.networks.smaller_vgg_rep import RepBlock


def fused(net: nn.Module) -> nn.Module:
    """Fold branches into one convolution, and every normalisation into the convolution in front of it.

    Args:
        net: in evaluation mode; it is changed in place and cannot be trained any more.
    """
    for module in net.modules():
        if isinstance(module, RepBlock):
            module.fuse()
    for module in net.modules():
        if isinstance(module, nn.Sequential):
            _fold(module)
    return net


def _fold(layers: nn.Sequential) -> None:
    by_name = dict(layers.named_children())
    for name, following in itertools.pairwise(list(by_name)):
        conv, norm = by_name[name], by_name[following]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(layers, name, fuse_conv_bn_eval(conv, norm))
            setattr(layers, following, nn.Identity())

"""Shapes and strides."""

from __future__ import annotations

import pytest
import torch

from detectors.networks.smaller_vgg import STAGES, SmallerVGG

TINY = ((4,), (4,), (6, 6), (8,), (8,), (8,))


@pytest.mark.parametrize(("stages", "size"), [(STAGES, (32, 64)), (TINY, (64, 96))])
def test_strides_and_widths(stages: tuple[tuple[int, ...], ...], size: tuple[int, int]) -> None:
    net = SmallerVGG(stages).eval()
    with torch.inference_mode():
        features = net(torch.rand(2, 3, *size))
    assert net.widths == tuple(widths[-1] for widths in stages)
    for feature, width, stride in zip(features, net.widths, (2, 4, 8, 8, 16, 32), strict=True):
        assert feature.shape == (2, width, size[0] // stride, size[1] // stride)
        assert (feature >= 0).all()


def test_the_weights_are_these() -> None:
    """Released weights depend on the names and shapes; change them only with the format's number."""
    state = SmallerVGG().state_dict()
    kernels = [(name, tuple(value.shape)) for name, value in state.items() if value.ndim == 4]
    assert kernels[:4] == [
        ("stages.0.0.0.weight", (16, 3, 3, 3)),
        ("stages.1.0.0.weight", (32, 16, 3, 3)),
        ("stages.2.0.0.weight", (48, 32, 3, 3)),
        ("stages.2.1.0.weight", (48, 48, 3, 3)),
    ]
    assert len(kernels) == sum(map(len, STAGES))

"""Sizes and receptive fields against torch and against the literature."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.classifiers.geometry import Field, Window, left_over, output_size
from detectors.errors import UsageError


@pytest.mark.parametrize(
    ("length", "window", "size"),
    [
        (227, Window(11, 4), 55),  # AlexNet
        (55, Window(3, 2), 27),
        (32, Window(5), 28),  # LeNet-5 on the paper's 32x32
        (28, Window(5, padding=2), 28),  # the same on 28x28
        (224, Window(3, padding=1), 224),  # VGG
        (7, Window(3, 2), 3),
        (7, Window(3), 5),
        (14, Window(3, padding=2, dilation=2), 14),
    ],
)
def test_sizes_of_the_lectures(length: int, window: Window, size: int) -> None:
    assert output_size(length, window) == size
    assert left_over(length, window) == (0, 0)


@settings(max_examples=60)
@given(
    st.integers(1, 40),
    st.integers(1, 7),
    st.integers(1, 4),
    st.integers(0, 3),
    st.integers(1, 3),
    st.booleans(),
)
def test_sizes_are_torchs(
    length: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool
) -> None:
    """A pooling's padding may be half its kernel at most, and it alone has a ceil mode."""
    ceil = ceil and padding <= kernel // 2
    window = Window(kernel, stride, padding, dilation, ceil)
    row = torch.zeros(1, 1, length)
    if length + 2 * padding < window.span:
        with pytest.raises(UsageError, match="does not fit"):
            output_size(length, window)
    elif padding > kernel // 2:
        out = F.conv1d(row, torch.zeros(1, 1, kernel), None, stride, padding, dilation)
        assert out.shape[2] == output_size(length, window)
    else:
        assert F.max_pool1d(row, kernel, stride, padding, dilation, ceil).shape[2] == output_size(
            length, window
        )


@settings(max_examples=60)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 4), st.integers(0, 2))
def test_what_is_left_over_changes_nothing(length: int, kernel: int, stride: int, padding: int) -> None:
    """Values that are said to be cut off have no influence, and the last one before them has."""
    window = Window(kernel, stride, padding)
    if length + 2 * padding < window.span or stride > kernel:
        return
    cut, _ = left_over(length, window)
    row = torch.zeros(1, 1, length, requires_grad=True)
    F.conv1d(row, torch.ones(1, 1, kernel), None, stride, padding).sum().backward()
    assert row.grad is not None
    seen = (row.grad[0, 0] > 0).tolist()
    assert seen == [True] * (length - cut) + [False] * cut


def test_a_remainder_is_told_apart() -> None:
    assert left_over(224, Window(11, 4)) == (1, 0)  # the size of AlexNet's paper: 54.25
    assert left_over(224, Window(7, 2, 3)) == (0, 1)  # ResNet: of the padding alone
    assert left_over(112, Window(3, 2, ceil=True)) == (0, 0)


def test_a_window_that_is_none() -> None:
    with pytest.raises(UsageError, match="at least"):
        Window(0)
    with pytest.raises(UsageError, match="no padding below 0"):
        Window(3, padding=-1)


def test_receptive_field_of_alexnet() -> None:
    """Distill 2019, table of networks: 195."""
    field = Field()
    for kernel, stride in ((11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)):
        field = field.through(Window(kernel, stride))
    assert field == Field(195, 32)


def test_a_dilated_window_sees_further() -> None:
    assert Field(3, 1).through(Window(3, dilation=2)) == Field(7, 1)
    assert Field(6, 2).over(7) == Field(18, 14)
    assert Field(6, 2).enlarged(2) == Field(6, 1)

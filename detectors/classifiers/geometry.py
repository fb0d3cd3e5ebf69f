"""Sizes behind a convolution or pooling, and what of the picture one of its values sees.

Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

from detectors.errors import UsageError


@dataclass(frozen=True, slots=True)
class Window:
    """What slides over one side of a map.

    Attributes:
        kernel: its length F in values.
        stride: how far it moves, S.
        padding: values put before each end, P.
        dilation: distance of the values that it looks at; 1 for neighbours.
        ceil: a last window may hang over the end, as torch's ``ceil_mode``.
    """

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    ceil: bool = False

    def __post_init__(self) -> None:
        """Raise UsageError for numbers that no window has."""
        if self.kernel < 1 or self.stride < 1 or self.padding < 0 or self.dilation < 1:
            raise UsageError("a window has kernel, stride and dilation of 1 at least, and no padding below 0")

    @property
    def span(self) -> int:
        """The number of values from the first to the last that it looks at."""
        return self.dilation * (self.kernel - 1) + 1


def output_size(length: int, window: Window) -> int:
    """Return (N - F + 2P)/S + 1, rounded down, for N values; a dilated window is as long as it spans.

    Raises:
        UsageError: the window is longer than the padded map.
    """
    room = length + 2 * window.padding - window.span
    if room < 0:
        raise UsageError(
            f"a window of {window.span} does not fit into {length} values with padding {window.padding}"
        )
    steps = room // window.stride
    # torch adds a window that hangs over the end only if it begins within the map or its left padding
    over = window.ceil and room % window.stride
    if over and (steps + 1) * window.stride < length + window.padding:
        steps += 1
    return steps + 1


def left_over(length: int, window: Window) -> tuple[int, int]:
    """Return how many values at the end no window reaches: of the map itself, and of its padding.

    Both are 0 where (N - F + 2P)/S + 1 is a whole number.
    """
    reached = (output_size(length, window) - 1) * window.stride + window.span
    rest = max(length + 2 * window.padding - reached, 0)
    return max(rest - window.padding, 0), min(rest, window.padding)


@dataclass(frozen=True, slots=True)
class Field:
    """What of the picture one value sees, along one side.

    Attributes:
        size: the receptive field in pixels of the input; it may be larger than the picture.
        jump: pixels from the field of one value to that of its neighbour.
    """

    size: float = 1
    jump: float = 1

    def through(self, window: Window) -> Field:
        """Return the field behind a convolution or pooling."""
        return Field(self.size + (window.span - 1) * self.jump, self.jump * window.stride)

    def over(self, length: int) -> Field:
        """Return the field of what is computed of all ``length`` values of a side at once."""
        return Field(self.size + (length - 1) * self.jump, self.jump * length)

    def enlarged(self, factor: float) -> Field:
        """Return the field behind an enlargement of the map that copies values."""
        return Field(self.size, self.jump / factor)

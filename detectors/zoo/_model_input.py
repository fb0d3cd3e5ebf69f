"""Frames as an ONNX model wants them: size, order of dimensions and colours, type and range of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.errors import WeightsError
from detectors.frame import Frame
from detectors.runtimes.protocol import ModelSession
from detectors.zoo._fit import Place, fit_into
from detectors.zoo._letterbox import own_shape
from detectors.zoo._sidecar import Input


class ModelInput:
    """The way from frames to a model's input.

    Attributes:
        size: width and height in pixels that the model has or was made for.
        one_by_one: the model takes one picture at a time.
        any_shape: the model leaves both sides open.
    """

    def __init__(
        self, said: Input, session: ModelSession, names: tuple[str, str], input_width: int | None = None
    ) -> None:
        """Compare what the sidecar says with what the model says itself.

        Args:
            said: the sidecar's word.
            session: the model.
            names: of the model and of the sidecar, for messages.
            input_width: width in pixels that a 16:9 frame is to get; see ``own_shape``.

        Raises:
            WeightsError: they do not go together.
        """
        self._said = said
        batch, width, height = self._sides(session, names)
        if batch not in (1, None):
            raise WeightsError(f"{names[0]} takes {batch} pictures at a time: export it for one, or for any")
        self.one_by_one = batch == 1
        self.size = self._own_size((width, height), names)
        self.any_shape = width is None and height is None
        self._input_width = input_width
        if input_width is not None and not self.any_shape:
            raise WeightsError(f"{names[0]} takes {width}x{height} alone: input_width cannot be chosen")
        self._type = session.input_type
        self._factor, self._shift = _arithmetic(said)
        self._as_is = bool((self._factor == 1).all() and (self._shift == 0).all())
        if self._type not in (np.uint8, np.float16, np.float32):
            raise WeightsError(
                f"{names[0]} takes {self._type.name} numbers: uint8, float16 and float32 are known"
            )
        if self._type == np.uint8 and not self._as_is:
            raise WeightsError(
                f"{names[1]} [input]: scale, mean and deviation are for fractions, and {names[0]} takes uint8"
            )

    def size_of(self, frame: Frame) -> tuple[int, int]:
        """Return the width and height in pixels that this frame gets at the model."""
        return own_shape(frame, math.prod(self.size), self._input_width) if self.any_shape else self.size

    def batch(self, frames: Sequence[Frame], size: tuple[int, int]) -> tuple[NDArray[Any], list[Place]]:
        """Return the input for frames of this ``size_of``, and where each frame lies in it."""
        said = self._said
        pairs = [fit_into(frame.image, size, said.fit, said.resize, said.pad) for frame in frames]
        places = [place for _, place in pairs]
        upright = said.layout == "NHWC"
        if upright and self._type == np.uint8 and said.colours == "BGR" and len(pairs) == 1:
            return pairs[0][0][None], places
        batch = np.empty(
            (len(pairs), size[1], size[0], 3) if upright else (len(pairs), 3, *size[::-1]), self._type
        )
        for (canvas, _), target in zip(pairs, batch, strict=True):
            self._fill(target if upright else target.transpose(1, 2, 0), canvas)
        return batch, places

    def _fill(self, target: NDArray[Any], canvas: NDArray[np.uint8]) -> None:
        """Write the pixels into (H, W, 3) of the batch: order, type and range in one pass, or two."""
        source = canvas if self._said.colours == "BGR" else canvas[:, :, ::-1]
        if self._as_is:
            target[:] = source
            return
        np.multiply(source, self._factor, out=target, casting="unsafe")
        target += self._shift

    def _sides(
        self, session: ModelSession, names: tuple[str, str]
    ) -> tuple[int | None, int | None, int | None]:
        """Return the model's batch, width and height; None where it leaves them open."""
        shape, layout = session.input_shape, self._said.layout
        colour = layout.index("C")
        if len(shape) != 4 or shape[colour] not in (3, None):
            said = ", ".join("?" if side is None else str(side) for side in shape)
            raise WeightsError(f"{names[0]} takes ({said}): that is not the layout {layout} of {names[1]}")
        return shape[0], shape[layout.index("W")], shape[layout.index("H")]

    def _own_size(self, sides: tuple[int | None, int | None], names: tuple[str, str]) -> tuple[int, int]:
        said = self._said.size
        if said is not None:
            if any(own not in (None, side) for own, side in zip(sides, said, strict=True)):
                own = "x".join("?" if side is None else str(side) for side in sides)
                raise WeightsError(
                    f"{names[1]} [input]: size is {said[0]}x{said[1]}, and {names[0]} takes {own}"
                )
            return said
        width, height = sides
        if width is None or height is None:
            raise WeightsError(
                f"{names[1]} [input] needs size = [width, height]: {names[0]} leaves its own open"
            )
        return width, height


def _arithmetic(said: Input) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return factor and shift (3,) of value = pixel * factor + shift."""
    mean, deviation = (
        np.broadcast_to(np.asarray(part, np.float64), 3) for part in (said.mean, said.deviation)
    )
    return (said.scale / deviation).astype(np.float32), (-mean / deviation).astype(np.float32)

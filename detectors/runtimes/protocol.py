"""What every runtime makes of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Session(Protocol):
    """A network that is ready to run.

    Attributes:
        runtime: name of the engine, such as "openvino".
        precision: number format that the network is computed in, such as "fp32".
    """

    runtime: str
    precision: str

    def __call__(self, pictures: NDArray[np.generic]) -> Sequence[Any]:
        """Return the network's outputs for a batch, as arrays or tensors that are valid until the next call.

        Args:
            pictures: as the network takes them; the project's own take uint8 (N, H, W, 3) BGR.
        """
        ...


class ModelSession(Session, Protocol):
    """An ONNX model that is ready to run.

    Attributes:
        input_shape: of its only input; None for a side that it leaves open.
        input_type: of the values that it takes.
        output_names: in the order of what it returns.
    """

    input_shape: tuple[int | None, ...]
    input_type: np.dtype[Any]
    output_names: tuple[str, ...]

"""ONNX Runtime, on a processor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from detectors.errors import DetectorError

_TYPES = {"tensor(uint8)": np.uint8, "tensor(float16)": np.float16, "tensor(float)": np.float32}


class OnnxRuntimeSession:
    """An ONNX model in ONNX Runtime.

    Args:
        model: the file's content or its path.
        threads: 0 for as many as there are cores.

    Raises:
        DetectorError: it is no model that ONNX Runtime can run, or has not one input.
    """

    runtime = "onnxruntime"
    precision = "fp32"

    def __init__(self, model: bytes | Path, threads: int = 0) -> None:
        """Read and optimise the model."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors come as exceptions, and nothing else is a user's concern
        source = model if isinstance(model, bytes) else str(model)
        try:
            self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as exc:  # its errors have no class of their own
            raise DetectorError(f"ONNX Runtime cannot run this model: {_line(exc)}") from exc
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1:
            raise DetectorError(f"this model takes {len(inputs)} inputs; only pictures can be given to it")
        self._input = inputs[0].name
        self.input_shape = tuple(side if isinstance(side, int) else None for side in inputs[0].shape)
        self.input_type = np.dtype(_TYPES.get(inputs[0].type, object))
        self.output_names = tuple(output.name for output in outputs)

    def __call__(self, pictures: NDArray[np.generic]) -> Sequence[NDArray[Any]]:
        """Return the outputs for a batch."""
        try:
            outputs: Sequence[NDArray[Any]] = self._session.run(None, {self._input: pictures})
        except Exception as exc:
            raise DetectorError(f"ONNX Runtime cannot run this model: {_line(exc)}") from exc
        return outputs


def _line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]

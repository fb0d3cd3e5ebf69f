"""ONNX Runtime, on a processor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from detectors.errors import DetectorError


class OnnxRuntimeSession:
    """An ONNX model in ONNX Runtime.

    Args:
        model: the file's content or its path.
        threads: 0 for as many as there are cores.

    Raises:
        DetectorError: it is no model that ONNX Runtime can run.
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
        self._input = self._session.get_inputs()[0].name

    def __call__(self, pictures: NDArray[np.generic]) -> Sequence[NDArray[Any]]:
        """Return the outputs for a batch."""
        try:
            outputs: Sequence[NDArray[Any]] = self._session.run(None, {self._input: pictures})
        except Exception as exc:
            raise DetectorError(f"ONNX Runtime cannot run this model: {_line(exc)}") from exc
        return outputs


def _line(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0]

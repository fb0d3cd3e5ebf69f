"""OpenVINO, on a processor.

Models are read as ONNX by OpenVINO's own reader. Its converter (``openvino.convert_model``), which reports
its use to Intel, is never called, and ``openvino_telemetry`` is kept from being imported at all.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.errors import DetectorError

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
import openvino  # noqa: E402

_HINTS = {"fp32": "f32", "bf16": "bf16"}
#: Frames of one source have one shape; a folder of pictures may have many.
MOST_SHAPES = 8


class OpenVinoSession:
    """An ONNX model in OpenVINO, compiled anew for each shape of its input.

    Args:
        model: the file's content or its path.
        precision: "fp32" or "bf16".
        threads: 0 for as many as there are cores.

    Raises:
        DetectorError: it is no model that OpenVINO can run, or has not one input.
    """

    runtime = "openvino"

    def __init__(self, model: bytes | Path, precision: str = "fp32", threads: int = 0) -> None:
        """Read the model; it is compiled when the first pictures come."""
        self.precision = precision
        self._core = _core()
        self._settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "PERFORMANCE_HINT": "LATENCY",
            **({"INFERENCE_NUM_THREADS": threads} if threads else {}),
        }
        self._requests: dict[tuple[int, ...], Any] = {}
        try:
            self._model = self._core.read_model(model if isinstance(model, bytes) else str(model))
        except RuntimeError as exc:
            raise DetectorError(f"OpenVINO cannot run this model: {_line(exc)}") from exc
        if len(self._model.inputs) != 1:
            raise DetectorError(
                f"this model takes {len(self._model.inputs)} inputs; only pictures can be given to it"
            )
        sides = self._model.inputs[0].get_partial_shape()
        self.input_shape = tuple(None if side.is_dynamic else int(side.get_length()) for side in sides)
        self.input_type = np.dtype(self._model.inputs[0].get_element_type().to_dtype())
        self.output_names = tuple(output.get_any_name() for output in self._model.outputs)

    def __call__(self, pictures: NDArray[np.generic]) -> Sequence[NDArray[Any]]:
        """Return the outputs for a batch."""
        try:
            request = self._requests.get(pictures.shape) or self._compile(pictures.shape)
            request.infer([openvino.Tensor(pictures, shared_memory=True)])
        except RuntimeError as exc:
            raise DetectorError(f"OpenVINO cannot run this model: {_line(exc)}") from exc
        return [tensor.data for tensor in request.output_tensors]

    def _compile(self, shape: tuple[int, ...]) -> Any:
        if len(self._requests) >= MOST_SHAPES:
            self._requests.pop(next(iter(self._requests)))
        self._model.reshape(list(shape))
        compiled = self._core.compile_model(self._model, "CPU", self._settings)
        self._requests[shape] = compiled.create_infer_request()
        return self._requests[shape]


@cache
def _core() -> openvino.Core:
    """Return OpenVINO's core, the same one for the life of the process.

    Its processor plugin gives the thread an alternate signal stack, and takes the memory back when the last
    core goes: the next signal (that a child has ended, with torch's loaders) then kills the process.
    """
    return openvino.Core()


def _line(exc: Exception) -> str:
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return lines[-1] if lines else type(exc).__name__

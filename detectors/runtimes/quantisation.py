"""An ONNX model in eight bits, with ranges measured on pictures (nncf, which is a development extra).

``openvino_telemetry``, with which nncf reports its use to Intel, is kept from being imported at all.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import onnx
from numpy.typing import NDArray

from detectors.errors import DetectorError, ProjectError, UsageError
from detectors.registry import is_installed

Picture = TypeVar("Picture")
NEEDED = ("nncf", "onnxruntime")


def check_quantisation() -> None:
    """See that the libraries are there.

    Raises:
        UsageError: they are not.
    """
    if not all(map(is_installed, NEEDED)):
        raise UsageError(f"int8 needs {' and '.join(NEEDED)}: pip install {' '.join(NEEDED)}")


def quantised(
    model: bytes,
    pictures: Sequence[Picture],
    batch: Callable[[Picture], NDArray[Any]],
    exact: Sequence[str] = (),
) -> bytes:
    """Return the model with its convolutions and dense layers in int8.

    Args:
        model: in ONNX's format, with one input.
        pictures: that the ranges of values are measured on.
        batch: makes the model's input of one of them.
        exact: patterns of the names of nodes that stay in float32.

    Raises:
        UsageError: nncf or ONNX Runtime is not installed.
        DetectorError: nncf cannot do it.
    """
    check_quantisation()
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import nncf
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    network = onnx.load_from_string(model)
    name = network.graph.input[0].name
    data = nncf.Dataset(pictures, lambda picture: {name: batch(picture)})
    nncf.set_log_level(logging.ERROR)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # its bars
            smaller = nncf.quantize(
                network,
                data,
                subset_size=len(pictures),
                preset=nncf.QuantizationPreset.MIXED,
                # The whole range that any picture had, not the mean of the pictures' ranges: that one cuts
                # off what is strong and rare. Mean AP50 of six classes on eight sets 0.376, with the mean
                # 0.366, in float32 0.375 (benchmarks/accuracy.py).
                advanced_parameters=nncf.AdvancedQuantizationParameters(
                    activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
                ),
                ignored_scope=nncf.IgnoredScope(patterns=list(exact)),
            )
    except ProjectError:  # of a picture that cannot be read
        raise
    except Exception as exc:  # its errors, and those of what it calls, have no class in common
        reason = (str(exc).splitlines() or [type(exc).__name__])[0]
        raise DetectorError(f"nncf cannot quantise this model: {reason}") from exc
    content: bytes = smaller.SerializeToString()
    return content

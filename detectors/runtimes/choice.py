"""Which runtime a network runs on, and in which number format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from detectors.errors import UsageError
from detectors.registry import Registry, is_installed
from detectors.runtimes.processor import fast_bf16
from detectors.runtimes.protocol import ModelSession, Session

if TYPE_CHECKING:
    from torch import nn

Runtime = Literal["auto", "torch", "onnxruntime", "openvino"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]

#: On a processor, the fastest first (benchmarks/runtimes.py).
_BY_SPEED: tuple[Literal["openvino", "onnxruntime", "torch"], ...] = ("openvino", "onnxruntime", "torch")
#: More is a slip of the hand.
MOST_THREADS = 256
#: Its files are named as the libraries that they need.
_RUNTIMES = Registry("detectors.runtimes", "runtime")
#: What runs a file in ONNX's format.
FOR_MODELS = ("openvino", "onnxruntime")
_PRECISIONS = {
    "torch": ("fp32", "bf16", "fp16"),
    "openvino": ("fp32", "bf16"),
    "onnxruntime": ("fp32",),
}


def choose(
    runtime: Runtime, precision: Precision, device: str, among: Sequence[str] = _BY_SPEED
) -> tuple[str, str]:
    """Return the runtime and the number format that "auto" stands for here.

    Args:
        runtime: as asked for; "auto" takes the fastest that is installed.
        precision: as asked for; "auto" takes bfloat16 where the processor is faster with it, else float32.
        device: "cpu" or "cuda"; only torch runs on the second.
        among: runtimes that can be meant by "auto", such as ``FOR_MODELS``.

    Raises:
        UsageError: the runtime (for "auto": every one) is not installed or cannot be loaded, or does not
            know the device or the number format.
    """
    chosen = runtime if runtime != "auto" else _fastest(device, precision, among)
    if device == "cuda" and chosen != "torch":
        raise UsageError(f"{chosen} runs on the processor: choose device=cpu, or runtime=torch")
    if not is_installed(chosen):
        raise UsageError(f"runtime {chosen} is not installed here: pip install {chosen}")
    _RUNTIMES.load(chosen)
    known = _PRECISIONS[chosen]
    if precision == "auto":
        return chosen, "bf16" if device == "cpu" and "bf16" in known and fast_bf16() else "fp32"
    if precision not in known:
        raise UsageError(f"{chosen} has no {precision}: choose {' or '.join(known)}")
    if precision == "fp16" and device == "cpu":
        raise UsageError("fp16 needs device=cuda: on a processor choose fp32 or bf16")
    return chosen, precision


def _fastest(device: str, precision: Precision, among: Sequence[str]) -> str:
    if device == "cuda":
        return "torch"
    fitting = [name for name in among if precision == "auto" or precision in _PRECISIONS[name]]
    if not fitting:
        raise UsageError(f"{' and '.join(among)} have no {precision}")
    for name in fitting:
        if is_installed(name) and _RUNTIMES.can_load(name):
            return name
    raise UsageError(f"none of {', '.join(fitting)} can be used here: pip install {fitting[0]}")


def open_module(
    net: nn.Module,
    outputs: Sequence[str],
    size: tuple[int, int],
    *,
    runtime: str,
    precision: str,
    device: str = "cpu",
    threads: int = 0,
) -> Session:
    """Return a torch module ready to run.

    Args:
        net: in evaluation mode; takes float32 (N, 3, H, W) with values in [0, 255], returns a tuple.
        outputs: names of what it returns.
        size: width and height in pixels of some picture that it takes.
        runtime: as ``choose`` says, and so ``precision``.
        precision: number format.
        device: "cpu" or "cuda".
        threads: on a processor; 0 for as many as there are cores.

    Raises:
        DetectorError: the runtime cannot run it.
    """
    if runtime == "torch":
        import torch

        from detectors.runtimes.torch import TorchSession

        if threads:
            torch.set_num_threads(threads)
        return TorchSession(net, device, precision)
    from detectors.runtimes.export import to_onnx

    return open_model(to_onnx(net, outputs, size), runtime=runtime, precision=precision, threads=threads)


def open_model(model: bytes | Path, *, runtime: str, precision: str, threads: int = 0) -> ModelSession:
    """Return an ONNX model ready to run on a processor.

    Args:
        model: the file's content or its path.
        runtime: "onnxruntime" or "openvino".
        precision: number format.
        threads: 0 for as many as there are cores.

    Raises:
        DetectorError: the runtime cannot run it.
    """
    if runtime == "openvino":
        from detectors.runtimes.openvino import OpenVinoSession

        return OpenVinoSession(model, precision, threads)
    from detectors.runtimes.onnxruntime import OnnxRuntimeSession

    return OnnxRuntimeSession(model, threads)

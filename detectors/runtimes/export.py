"""A torch module as an ONNX model."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

INPUT = "images"
OPSET = 17
#: What a model may leave open of its input, by the input's dimension.
FREE = {0: "pictures", 1: "height", 2: "width"}


class _FromBytes(nn.Module):
    """Takes pictures as they are in memory, so that nothing is copied or converted in front of the model."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = self.net(images.permute(0, 3, 1, 2).float())
        return outputs


def to_onnx(
    net: nn.Module,
    outputs: Sequence[str],
    size: tuple[int, int],
    free: Sequence[str] = ("pictures", "height", "width"),
) -> bytes:
    """Return the module as an ONNX model.

    Its input ``images`` is uint8 (N, H, W, 3) BGR.

    Args:
        net: in evaluation mode, on the CPU; takes float32 (N, 3, H, W) with values in [0, 255] and returns a
            tuple of tensors.
        outputs: their names.
        size: width and height in pixels of the picture that it is traced with.
        free: what of the input may be another than while tracing; the rest is fixed.
    """
    example = torch.zeros(1, size[1], size[0], 3, dtype=torch.uint8)
    open_sides = {INPUT: {side: name for side, name in FREE.items() if name in free}}
    if "pictures" in free:
        open_sides |= {name: {0: "pictures"} for name in outputs}
    file = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # torch's newer exporter takes ten times as long, on every start of the program, and one more library
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _FromBytes(net).eval(),
            (example,),
            file,  # type: ignore[arg-type]  # this exporter takes streams too
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_axes=open_sides,
            opset_version=OPSET,
            dynamo=False,
        )
    return file.getvalue()

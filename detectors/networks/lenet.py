"""LeNet-5 as it is taught: two convolutions, two poolings, three dense layers.

LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE
1998. As in most lectures the poolings have no weights of their own, the second convolution sees all maps of
the first, and the last layer is a plain dense one. The digits of 28x28 are padded by 2 to the paper's 32x32.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
POOLINGS: dict[str, type[nn.Module]] = {"mean": nn.AvgPool2d, "max": nn.MaxPool2d}
#: Of a smaller picture nothing is left behind the second pooling.
SMALLEST_PX = 12


class LeNet5(nn.Module):
    """LeNet-5.

    Args:
        classes: number of classes.
        channels: of the picture.
        size: side of the picture in pixels, at least 12.
        activation: behind every layer but the last.
        pooling: of 2x2 values.
        batch_norm: normalise behind the convolutions.
        dropout: probability of dropping a value before each of the last two dense layers.

    Raises:
        ValueError: the picture is too small for the layers.
    """

    def __init__(
        self,
        classes: int = 10,
        channels: int = 1,
        size: int = 28,
        activation: Literal["sigmoid", "tanh", "relu"] = "sigmoid",
        pooling: Literal["mean", "max"] = "mean",
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        """Build the layers; their weights suit the activation."""
        super().__init__()
        if size < SMALLEST_PX:
            raise ValueError(f"takes pictures of {SMALLEST_PX} pixels at least, not {size}")
        active, pool = ACTIVATIONS[activation], POOLINGS[pooling]
        layers: list[nn.Module] = []
        for width_in, width, padding in ((channels, 6, 2), (6, 16, 0)):
            norm = [nn.BatchNorm2d(width)] if batch_norm else []
            layers += [nn.Conv2d(width_in, width, 5, padding=padding), *norm, active(), pool(2, 2)]
        self.features = nn.Sequential(*layers)
        side = (size // 2 - 4) // 2
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * side * side, 120),
            active(),
            nn.Dropout(dropout),
            nn.Linear(120, 84),
            active(),
            nn.Dropout(dropout),
            nn.Linear(84, classes),
        )
        self.apply(lambda module: _start(module, activation))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, classes) for pictures float (N, channels, size, size)."""
        logits: Tensor = self.classifier(self.features(x))
        return logits


def _start(module: nn.Module, activation: str) -> None:
    """Begin as Glorot and Bengio (2010) say for sigmoid and tanh; torch's own start leaves them asleep."""
    if isinstance(module, (nn.Conv2d, nn.Linear)) and activation != "relu":
        nn.init.xavier_uniform_(module.weight)
        with torch.no_grad():
            if module.bias is not None:
                module.bias.zero_()

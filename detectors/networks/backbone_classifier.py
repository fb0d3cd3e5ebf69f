"""A detector's stack of convolutions with dense layers behind it, for pictures of one object."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class BackboneClassifier(nn.Module):
    """Logits from the last stage of a stack of convolutions.

    A stack that has learnt to find road users can so learn to name other things, and one that has learnt to
    name things can become a detector's.

    Args:
        body: returns the outputs of its stages, and has their ``widths`` and its ``stages``.
        widths: output channels of each of its stages.
        classes: number of classes.
        hidden: width of the dense layer.
        dropout: probability of dropping a value before each dense layer.
        grid: side of the map that is left of a picture of any size, by averaging.
    """

    def __init__(
        self,
        body: nn.Module,
        widths: Sequence[int],
        classes: int,
        hidden: int = 256,
        dropout: float = 0.25,
        grid: int = 2,
    ) -> None:
        """Put the dense layers behind the stack."""
        super().__init__()
        self.body = body
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(grid), nn.Flatten())
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(widths[-1] * grid * grid, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, classes) for pictures float (N, channels, H, W)."""
        logits: Tensor = self.classifier(self.pool(self.body(x)[-1]))
        return logits

"""AlexNet as it was published, with its two groups, overlapping pooling and response normalisation.

Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NeurIPS
2012. Torchvision's ``alexnet`` is the narrower, later one ("One weird trick", 2014).
"""

from __future__ import annotations

from torch import Tensor, nn


class AlexNet2012(nn.Module):
    """AlexNet of 2012.

    Args:
        classes: number of classes.
        channels: of the picture.
        groups: 2 as on the two cards of 2012 (60,965,224 parameters with 1,000 classes); 1 joins them
            (62,378,344).
        dropout: probability of dropping a value before each of the first two dense layers.
    """

    def __init__(self, classes: int = 1000, channels: int = 3, groups: int = 2, dropout: float = 0.5) -> None:
        """Build the layers."""
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 96, 11, stride=4),
            nn.ReLU(inplace=True),
            nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2),  # torch divides alpha by the size
            nn.MaxPool2d(3, 2),
            nn.Conv2d(96, 256, 5, padding=2, groups=groups),
            nn.ReLU(inplace=True),
            nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(256, 384, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 384, 3, padding=1, groups=groups),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1, groups=groups),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, classes) for pictures float (N, channels, 227, 227)."""
        logits: Tensor = self.classifier(self.features(x))
        return logits

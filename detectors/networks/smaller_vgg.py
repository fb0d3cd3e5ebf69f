"""SmallerVGG: a plain stack of 3x3 convolutions and max pooling.

The idea is VGG's (Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", ICLR 2015), with fewer and narrower layers and with batch normalisation.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

#: Output widths of the convolutions of each stage; a 2x2 max pooling stands between two stages.
STAGES: tuple[tuple[int, ...], ...] = (
    (16,),
    (32,),
    (48, 48),
    (96, 96, 96),
    (160, 160, 160),
    (224, 224),
)


def conv_block(in_channels: int, out_channels: int, pool: bool = False) -> nn.Sequential:
    """Return 3x3 convolution, normalisation and ReLU, with a 2x2 max pooling if ``pool``.

    The pooling comes right behind the convolution: maximum and ReLU commute, and so normalisation and ReLU
    have a quarter of the values to work on, which is a third of the cost of the first stages.
    """
    layers: list[nn.Module] = [nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)]
    if pool:
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


class SmallerVGG(nn.Module):
    """The stack of stages, with a 2x2 max pooling between two stages.

    Args:
        stages: output widths of the convolutions, stage by stage.
        in_channels: of the picture.
        inner: this many leading stages pool at their end; what stands behind them pools at its beginning,
            so that its output can be used before it is pooled.
    """

    #: Its convolutions are plain ones, and those of a head on it.
    branches = False

    def __init__(
        self, stages: Sequence[Sequence[int]] = STAGES, in_channels: int = 3, inner: int = 3
    ) -> None:
        """Build the stages."""
        super().__init__()
        layers: list[nn.Module] = []
        width = in_channels
        for index, widths in enumerate(stages):
            blocks: list[nn.Module] = [nn.MaxPool2d(2)] if index > inner else []
            for place, out in enumerate(widths, 1):
                blocks.append(conv_block(width, out, pool=index < inner and place == len(widths)))
                width = out
            layers.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(layers)
        #: Output channels of each stage.
        self.widths = tuple(widths[-1] for widths in stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the output of every stage.

        Args:
            x: float (N, 3, H, W), H and W multiples of 2**(stages - 1).

        Returns:
            One tensor a stage with ``widths[k]`` channels; with six stages of which three are inner, their
            strides are 2, 4, 8, 8, 16 and 32.
        """
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features

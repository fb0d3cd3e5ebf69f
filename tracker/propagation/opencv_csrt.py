"""OpenCV's correlation filter with channel and spatial reliability; needs opencv-contrib-python.

Lukezic et al., Discriminative Correlation Filter with Channel and Spatial Reliability, CVPR 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracker.propagation._opencv import OpencvPropagation, creator


@dataclass(frozen=True, slots=True)
class Config:
    """Settings.

    Attributes:
        half_life_s: time since the last detection in which the confidence halves.
    """

    half_life_s: float = 2.0

    def __post_init__(self) -> None:
        """Raise ValueError for a time that is not positive."""
        if self.half_life_s <= 0:
            raise ValueError("half_life_s must be above 0")


def build(config: Config) -> OpencvPropagation:
    """Build the propagator.

    Raises:
        UsageError: the installed flavour of OpenCV does not have this tracker.
    """
    return OpencvPropagation(creator("TrackerCSRT"), config.half_life_s)

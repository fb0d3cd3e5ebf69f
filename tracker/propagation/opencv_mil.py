"""OpenCV's MIL tracker, the only one in opencv-python that needs no model file.

Babenko, Yang and Belongie, Visual Tracking with Online Multiple Instance Learning, CVPR 2009. It does not
follow a change of size.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracker.propagation import _opencv

_CREATE = _opencv.creator("TrackerMIL")


@dataclass(frozen=True, slots=True)
class Config(_opencv.Config):
    """Settings as of OpenCV's other trackers; this one notices no loss, and is doubted sooner.

    Attributes:
        half_life_s: time since the last detection in which the confidence halves.
    """

    half_life_s: float = 1.0


def build(config: Config) -> _opencv.OpencvPropagation:
    """Build the propagator."""
    return _opencv.OpencvPropagation(_CREATE, config.half_life_s)

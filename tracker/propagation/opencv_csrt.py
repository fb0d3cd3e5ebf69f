"""OpenCV's correlation filter with channel and spatial reliability; needs opencv-contrib-python.

Lukezic et al., Discriminative Correlation Filter with Channel and Spatial Reliability, CVPR 2017.
"""

from __future__ import annotations

from tracker.propagation._opencv import Config, OpencvPropagation, creator

_CREATE = creator("TrackerCSRT")


def build(config: Config) -> OpencvPropagation:
    """Build the propagator."""
    return OpencvPropagation(_CREATE, config.half_life_s)

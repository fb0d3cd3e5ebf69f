"""OpenCV's MOSSE filter, the fastest and coarsest; needs opencv-contrib-python.

Bolme et al., Visual Object Tracking using Adaptive Correlation Filters, CVPR 2010. It does not follow a
change of size.
"""

from __future__ import annotations

from tracker.propagation._opencv import Config, OpencvPropagation, creator

_CREATE = creator("legacy", "TrackerMOSSE")


def build(config: Config) -> OpencvPropagation:
    """Build the propagator."""
    return OpencvPropagation(_CREATE, config.half_life_s)

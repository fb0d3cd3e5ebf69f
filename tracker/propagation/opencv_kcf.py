"""OpenCV's kernelised correlation filter; needs opencv-contrib-python.

Henriques et al., High-Speed Tracking with Kernelized Correlation Filters, PAMI 2015. It does not follow a
change of size.
"""

from __future__ import annotations

from tracker.propagation._opencv import Config, OpencvPropagation, creator

_CREATE = creator("TrackerKCF")


def build(config: Config) -> OpencvPropagation:
    """Build the propagator."""
    return OpencvPropagation(_CREATE, config.half_life_s)

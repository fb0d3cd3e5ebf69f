"""Pixels in, boxes out: road-user detectors that can be used and trained on their own.

>>> from detectors import Frame, load_detector
>>> detector = load_detector()                         # doctest: +SKIP
>>> detector.detect([Frame(image)])[0].boxes           # doctest: +SKIP
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# Before anything loads torch: its threads wait for each other at every layer, and by default they spin while
# they wait, which takes the core from the decoder, the encoder and every other program. On two cores a look
# of the Faster R-CNN takes 63 ms spinning and 84 sleeping when nothing else runs, but 291 and 171 beside two
# busy processes (benchmarks/threads.py). Whoever has the machine to himself sets OMP_WAIT_POLICY=ACTIVE.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from detectors.catalog import load_detector
    from detectors.detections import Detections
    from detectors.frame import Frame

__all__ = ["DEFAULT_DETECTOR", "Detections", "Frame", "load_detector"]

#: The released detector that is used where none is named.
DEFAULT_DETECTOR = "smaller_vgg_rep_medium_int8"

_HOME = {
    "Detections": "detectors.detections",
    "Frame": "detectors.frame",
    "load_detector": "detectors.catalog",
}


def __getattr__(name: str) -> Any:
    """Import a door only when somebody walks through it: ``track --help`` must answer at once."""
    from detectors.registry import lazy_attribute

    return lazy_attribute(__name__, _HOME, name)

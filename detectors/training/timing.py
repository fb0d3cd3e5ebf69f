"""How long a look of new weights takes on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.catalog import load_detector
from detectors.dataset import Picture, read_picture
from detectors.evaluation.timing import time_looks
from detectors.opencv import load_cv2

cv2 = load_cv2()

FRAME_SIZE = (640, 360)


def time_a_look(weights: Path, device: str, pictures: Sequence[Picture]) -> dict[str, object]:
    """Return ``ms``, the median time of a look at a frame of 640x360 pixels, and how it was measured.

    The detector is used as it comes, with its own score threshold. It looks at some of the pictures, because
    how many objects are found has its part in the time; what they are is of no account, and so they are
    stretched.

    Returns:
        ``ms``; ``runtime`` and ``precision`` of the network; ``processor``, the name of the processor or, on
        CUDA, of the card; ``threads``.

    Raises:
        DataError: a picture cannot be read.
        WeightsError: the weights cannot be read.
    """
    detector: Any = load_detector(str(weights), device=device)
    times = time_looks(detector, pictures, _stretched)
    return {
        "ms": round(times.total_ms, 1),
        "runtime": detector.runtime,
        "precision": detector.precision,
        "processor": detector.processor,
        "threads": detector.threads,
    }


def _stretched(picture: Picture) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(read_picture(picture), FRAME_SIZE, interpolation=cv2.INTER_AREA), np.uint8)

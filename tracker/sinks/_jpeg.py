"""Write a picture as JPEG in one step: it is there as a whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2
from tracker.sinks._files import discard, draft, publish, writing


def write_jpeg(path: Path, image: NDArray[np.uint8], quality: int) -> None:
    """Encode uint8 (H, W, 3) BGR and write it under its final name; a file that is there is replaced.

    Raises:
        SinkError: the disk is full or gone.
    """
    cv2 = load_cv2()
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    try:
        with writing(path):
            draft(path).write_bytes(data.tobytes())
        publish(path)
    finally:
        discard(path)

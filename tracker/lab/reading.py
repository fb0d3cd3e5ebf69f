"""The pictures of a recording, one after the other, and as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.errors import UsageError
from detectors.opencv import load_cv2
from tracker.compose import build_source
from tracker.config import Settings
from tracker.errors import SinkError
from tracker.protocols import FrameSource
from tracker.sources._kinds import may_be_live, shown_name

#: Of JPEG files that are labelled and trained on.
QUALITY = 95


def open_recording(video: str) -> FrameSource:
    """Return the source of a video file or a folder of pictures; nothing is opened before it is entered.

    Raises:
        UsageError: it is a camera or a stream.
    """
    if may_be_live(video):
        raise UsageError(
            f"{shown_name(video)} is live, and its frames have no fixed numbers: record it first"
        )
    plain = {"cuts": False}
    return build_source(Settings(video=video, options={"source": {"video": plain, "images": plain}}))


def write_jpeg(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a picture, uint8 (H, W, 3) BGR.

    Raises:
        SinkError: it cannot be written.
    """
    cv2 = load_cv2()
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    try:
        path.write_bytes(encoded.tobytes())
    except OSError as exc:
        raise SinkError(f"cannot write {path}: {exc.strerror}") from exc

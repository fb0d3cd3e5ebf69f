"""The one door to OpenCV: a missing system library becomes one clear line, and OpenCV keeps quiet.

Import late, where a function needs it: ``cv2 = load_cv2()``. The second call costs a dictionary look-up.
"""

from __future__ import annotations

import os
import re
from types import ModuleType

from detectors.errors import LibraryError

_PACKAGES = "libgl1 libglib2.0-0 libxcb1"
_SILENT = 0


def load_cv2() -> ModuleType:
    """Import ``cv2`` and silence what it prints to standard error by itself.

    OpenCV and the FFmpeg inside it print a page for a camera that is not there; the project says the
    same in one line. Whoever wants to see it sets ``OPENCV_LOG_LEVEL`` or ``OPENCV_FFMPEG_LOGLEVEL``.

    Raises:
        LibraryError: OpenCV is not installed, or a system library that it needs is missing.
    """
    # Both must stand in the environment before OpenCV first looks at them.
    chosen = "OPENCV_LOG_LEVEL" in os.environ
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        import cv2
    except ImportError as exc:
        raise LibraryError(explain(exc)) from exc
    if not chosen:  # somebody may have imported cv2 before us, with the level of its own
        cv2.utils.logging.setLogLevel(_SILENT)
    return cv2


def explain(exc: ImportError) -> str:
    """Return one line on why ``import cv2`` failed and what to do."""
    library = re.search(r"lib[\w.+-]+?\.so(\.\d+)*", str(exc))
    if library:
        return f"OpenCV cannot load {library[0]}: apt install {_PACKAGES}"
    if isinstance(exc, ModuleNotFoundError):
        return f"OpenCV is not installed ({exc}): pip install 'opencv-python>=5,<6'"
    reason = str(exc).splitlines()[0] if str(exc) else "no reason given"
    return f"OpenCV cannot be imported ({reason}): pip install --force-reinstall 'opencv-python>=5,<6'"

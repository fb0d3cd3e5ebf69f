"""``--show``: a window with the annotated picture. Press q or Esc, or close it, to stop the run.

Stopping is the same as Ctrl-C: ``write`` raises ``KeyboardInterrupt``, and every sink is closed properly.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

from detectors.opencv import load_cv2
from tracker.errors import NoDisplayError
from tracker.sinks._blur import Blur
from tracker.sinks._draw import Annotator
from tracker.types import FrameResult, RunInfo

_STOP_KEYS = (ord("q"), ord("Q"), 27)
_PROBE = "import cv2; cv2.namedWindow('track'); cv2.destroyAllWindows()"


@dataclass(frozen=True, slots=True)
class Config:
    """The window's title, and whether people and number plates that are known are hidden."""

    title: str = "track"
    blur: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for an empty title, which OpenCV does not take."""
        if not self.title:
            raise ValueError("title is empty")


class WindowSink:
    """Shows each frame as it is done."""

    def __init__(self, config: Config) -> None:
        """No window before ``open``."""
        self._title = config.title
        self._hides = config.blur
        self._blur: Blur | None = None
        self._annotator: Annotator | None = None

    def open(self, run: RunInfo) -> None:
        """Open the window.

        Raises:
            NoDisplayError: there is no display, or it cannot be used.
        """
        check_display()
        cv2 = load_cv2()
        self._annotator = Annotator(run.class_names, scene=run.scene)
        self._blur = Blur(run.class_names) if self._hides else None
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        cv2.resizeWindow(self._title, run.source.width or 640, run.source.height or 480)

    def write(self, result: FrameResult) -> None:
        """Show one frame.

        Raises:
            KeyboardInterrupt: the user wants to stop.
        """
        if self._annotator is None:
            return
        cv2 = load_cv2()
        shown = result if self._blur is None else self._blur.blurred(result)
        cv2.imshow(self._title, self._annotator.draw(shown))
        pressed = cv2.waitKey(1) & 0xFF in _STOP_KEYS
        if pressed or cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            raise KeyboardInterrupt

    def close(self, completed: bool) -> None:
        """Close the window; a second time does nothing."""
        if self._annotator is not None:
            self._annotator = None
            load_cv2().destroyAllWindows()


def check_display() -> None:
    """See whether a window can be opened here.

    OpenCV aborts the whole process where it cannot (also when DISPLAY names a display that is gone), so
    the window is tried in a process of its own first, which costs some tenths of a second.

    Raises:
        NoDisplayError: it cannot.
    """
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise NoDisplayError(
            "--show needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set: "
            "run without --show and look at annotated.mp4"
        )
    if not _probe():
        where = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        raise NoDisplayError(
            f"--show cannot open a window on display '{where}': run without --show and look at annotated.mp4"
        )


def _probe() -> bool:
    try:
        done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def build(config: Config) -> WindowSink:
    """Build the sink."""
    return WindowSink(config)

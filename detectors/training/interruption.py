"""Ctrl-C and a service manager's stop while training: noted, so that no step is cut in two."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interruption:
    """While it is entered, what would raise ``KeyboardInterrupt`` is noted; only a second signal raises it.

    A checkpoint written in the middle of a step could hold weights of after it and the number of before it.
    Outside the main thread, where Python hears no signals, nothing is changed.
    """

    def __init__(self) -> None:
        """Nothing is noted yet."""
        self.noted = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        """Begin to note."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is signal.default_int_handler:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the signals to whom they belonged."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.noted:
            raise KeyboardInterrupt
        self.noted = True

"""One end of the pipe between the server and a camera's process."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

from tracker.live.messages import FromCamera, ToCamera

_LOOK_S = 0.5
_MOST_WAITING = 64


class Wire:
    """Reads in one thread and writes in another, so that nobody waits for a camera that hangs."""

    def __init__(self, name: str, connection: Connection) -> None:
        """Take the connection over: the wire closes it."""
        self._connection = connection
        self._outbox: queue.Queue[ToCamera | None] = queue.Queue(_MOST_WAITING)
        self._closed = threading.Event()
        self._name = name

    def start(self, take: Callable[[Wire, FromCamera], None], lost: Callable[[Wire], None]) -> None:
        """Begin to read and write.

        Args:
            take: is given every message, in the thread that reads.
            lost: is called once, when the other end is gone.
        """
        self._writer = threading.Thread(target=self._write, name=f"to {self._name}", daemon=True)
        self._writer.start()
        reader = threading.Thread(target=self._read, args=(take, lost), name=f"of {self._name}", daemon=True)
        reader.start()

    def send(self, message: ToCamera) -> bool:
        """Send a message, without waiting.

        Returns:
            False where the camera is gone, or took nothing for long.
        """
        if self._closed.is_set():
            return False
        try:
            self._outbox.put_nowait(message)
        except queue.Full:
            return False
        return True

    def close(self) -> None:
        """Stop; both threads end soon."""
        self._closed.set()

    def _read(self, take: Callable[[Wire, FromCamera], None], lost: Callable[[Wire], None]) -> None:
        try:
            while not self._closed.is_set():
                if self._connection.poll(_LOOK_S):
                    take(self, self._connection.recv())
        except (EOFError, OSError):
            pass  # the process ended: how is its supervisor's matter
        finally:
            self._closed.set()
            lost(self)
            with contextlib.suppress(queue.Full):  # a full one notices by itself, at its next message
                self._outbox.put_nowait(None)
            self._writer.join()  # a descriptor must not be closed while another thread writes to it
            self._connection.close()

    def _write(self) -> None:
        while (message := self._outbox.get()) is not None and not self._closed.is_set():
            try:
                self._connection.send(message)
            except OSError:
                return

"""Runs an iterator ahead of whoever consumes it, in a thread, behind a bounded queue."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Generic, TypeVar

T = TypeVar("T")


class ReadAhead(Generic[T]):
    """Iterate ``items`` in a thread of its own; at most ``size`` of them wait at any time.

    What the iterator raises is raised at the consumer, after the items that came before it. ``close``
    may be called at any moment, by whoever consumes, and also twice.

    Args:
        items: closed in the thread that reads it, since a decoder may not be closed while it decodes.
        size: how many items may wait, or what says so now.
        drop: where the queue is full, throw the oldest item away rather than let the reader wait, as a live
            picture must not be late; called with it. None to wait.
    """

    def __init__(
        self,
        items: Generator[T, None, None],
        size: int | Callable[[], int] = 8,
        drop: Callable[[T], None] | None = None,
    ) -> None:
        """Start reading at once."""
        self._items = items
        self._size = size if callable(size) else lambda: size
        self._drop = drop
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._stop = False
        self._done = False
        self._failure: BaseException | None = None
        # A daemon: a reader that hangs in the network must not keep the whole process from ending.
        self._thread = threading.Thread(target=self._read, name="read-ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        """Yield the items in order."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._done)
                if not self._waiting:
                    break
                item = self._waiting.popleft()
                self._changed.notify_all()
            yield item
        if self._failure is not None:
            raise self._failure

    def close(self, timeout_s: float | None = None) -> bool:
        """Stop reading; return whether the thread has ended within ``timeout_s``."""
        with self._changed:
            self._stop = True
            while self._drop and self._waiting:
                self._drop(self._waiting.popleft())
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _read(self) -> None:
        try:
            with closing(self._items):
                for item in self._items:
                    if not self._put(item):
                        break
        except BaseException as exc:
            self._failure = exc
        with self._changed:
            self._done = True
            self._changed.notify_all()

    def _put(self, item: T) -> bool:
        with self._changed:
            while self._drop and len(self._waiting) >= self._size():
                self._drop(self._waiting.popleft())
            self._changed.wait_for(lambda: self._stop or len(self._waiting) < self._size())
            if self._stop:
                return False
            self._waiting.append(item)
            self._changed.notify_all()
            return True

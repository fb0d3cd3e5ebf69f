"""How coroutines wait for what other threads bring: a slow one delays nobody and piles nothing up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from tracker.live.messages import Picture

#: The newest picture, and its number among all that came.
Newest = tuple[Picture | None, int]


class Waiter:
    """Wakes one coroutine from any thread. Calls that come while it is busy are one."""

    def __init__(self) -> None:
        """Belong to the event loop that runs."""
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._called = False

    def wake(self) -> None:
        """Wake it, now or when it waits the next time; any thread may."""
        if not self._called:
            self._called = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until woken; what woke it must be looked at afterwards.

        Returns:
            Whether it was woken before the time was over.
        """
        try:
            await asyncio.wait_for(self._event.wait(), timeout_s)
        except TimeoutError:
            return False
        self._event.clear()
        self._called = False
        return True


class Viewer:
    """Somebody who watches a camera and always gets the newest picture, never those missed meanwhile."""

    def __init__(self, newest: Callable[[], Newest], seen: int) -> None:
        """Begin behind a picture.

        Args:
            newest: gives the newest picture and its number; a number below 0 says that none will come.
            seen: number of the picture that need not be shown.
        """
        self._newest = newest
        self._seen = seen
        self.waiter = Waiter()

    async def picture(self, timeout_s: float | None = None) -> Picture | None:
        """Return the newest picture as soon as there is one that was not returned yet.

        Returns:
            The picture; None where none came in time, or none will come any more.
        """
        while True:
            picture, number = self._newest()
            if number < 0:
                return None
            if picture is not None and number != self._seen:
                self._seen = number
                return picture
            if not await self.waiter.wait(timeout_s):
                return None

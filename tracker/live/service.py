"""Several cameras, each in a process of its own; one that dies is started again."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from tracker.live.cameras import CameraPlan
from tracker.live.hub import Hub

#: Seconds from a camera's death to its next start; the last goes on for ever.
_PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0)
#: Who lived for so long is well: the next death begins with the shortest pause.
_WELL_S = 300.0
#: So long (seconds) a camera may take to finish its files when the service stops.
_PATIENCE_S = 20.0

#: Runs a camera in its process until it is told to stop; with the pipe of its feed.
Work = Callable[[CameraPlan, Connection], None]


class Service:
    """Keeps cameras running: a context manager.

    Args:
        cameras: with their settings.
        work: what each process does; it can be pickled.
        hub: hears them.
        say: is told in a line when a camera died.
    """

    def __init__(
        self, cameras: Sequence[CameraPlan], work: Work, hub: Hub, say: Callable[[str], None]
    ) -> None:
        """Nothing is started yet."""
        stop = threading.Event()
        self._keepers = [_Keeper(camera, work, hub, say, stop) for camera in cameras]
        self._stop = stop

    def __enter__(self) -> Service:
        """Start all cameras."""
        for keeper in self._keepers:
            keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let all cameras finish their files; whoever takes too long is killed."""
        self._stop.set()
        for keeper in self._keepers:
            keeper.end()
        for keeper in self._keepers:
            keeper.join()


class _Keeper(threading.Thread):
    """Keeps one camera running."""

    def __init__(
        self, camera: CameraPlan, work: Work, hub: Hub, say: Callable[[str], None], stop: threading.Event
    ) -> None:
        super().__init__(name=f"keeper of {camera.name}", daemon=True)
        self._camera, self._work, self._hub, self._say, self._ending = camera, work, hub, say, stop
        self._process: BaseProcess | None = None

    def run(self) -> None:
        """Start the process again and again."""
        deaths = 0
        while not self._ending.is_set():
            began_s = time.monotonic()
            code = self._lived()
            if self._ending.is_set():
                return
            deaths = 0 if time.monotonic() - began_s >= _WELL_S else deaths
            pause_s = _PAUSES_S[min(deaths, len(_PAUSES_S) - 1)]
            deaths += 1
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._say(f"camera {self._camera.name} ended ({how}); it is started again in {pause_s:g} s")
            self._ending.wait(pause_s)

    def end(self) -> None:
        """Ask the process to come to its end."""
        process = self._process
        if process is not None and process.is_alive():
            process.terminate()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the process, and kill it in the end."""
        super().join(_PATIENCE_S)
        if self.is_alive() and self._process is not None:
            self._say(f"camera {self._camera.name} takes too long to stop and is killed")
            self._process.kill()
        super().join(timeout)

    def _lived(self) -> int:
        """Run the process once; return its exit code."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = self._process = context.Process(
            target=self._work, args=(self._camera, ours), name=f"camera {self._camera.name}"
        )
        process.start()
        ours.close()  # or its end would never be noticed
        self._hub.add(self._camera.name, theirs)
        if self._ending.is_set():
            process.terminate()
        process.join()
        return process.exitcode or 0

"""All that the server knows of all cameras, and the way to talk to them."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing.connection import Connection

from detectors.errors import UnknownNameError, UsageError
from tracker.live.known import CameraView, CountView, KnownCamera, NumberedEvent
from tracker.live.messages import FromCamera, Picture, ToCamera, Watch
from tracker.live.waiting import Newest, Viewer, Waiter
from tracker.live.wire import Wire

_LONGEST_NAME = 80
_MOST_VIEWERS = 200
#: A picture that is older than this is not shown to who comes new: it may be of yesterday.
_FRESH_S = 2.0


class Hub:
    """Hears all cameras, each in a thread of its own, and tells any thread what they said."""

    def __init__(self) -> None:
        """Begin without cameras."""
        self._lock = threading.Lock()
        self._cameras: dict[str, KnownCamera] = {}
        self._wires: dict[str, Wire] = {}
        self._viewers: dict[str, set[Viewer]] = {}
        self._waiters: set[Waiter] = set()
        # beginning at the time, ids grow over restarts of the server too
        self._numbers = itertools.count(int(time.time() * 1000))
        self._closed = False
        self._changes = 0

    def add(self, name: str, connection: Connection) -> None:
        """Hear a camera from now on, or again after its process was started anew.

        Totals and events of a camera of that name stay.

        Args:
            name: of the camera: it is part of addresses, so it holds no slash.
            connection: the server's end of a duplex ``multiprocessing.Pipe``, which is taken over. The
                camera's end must be closed in this process, or its end is never noticed.

        Raises:
            UsageError: the name cannot be part of an address.
        """
        _check_name(name)
        wire = Wire(name, connection)
        with self._lock:
            camera = self._cameras.setdefault(name, KnownCamera(name, self._numbers))
            camera.begin()
            before, self._wires[name] = self._wires.get(name), wire
            if self._viewers.setdefault(name, set()):
                wire.send(Watch(True))
            self._wake_all()
        if before is not None:
            before.close()
        wire.start(lambda wire, message: self._take(name, wire, message), lambda wire: self._lose(name, wire))

    def close(self) -> None:
        """Let all cameras and viewers go: streams of pictures end."""
        with self._lock:
            self._closed = True
            for wire in self._wires.values():
                wire.close()
            for viewer in itertools.chain.from_iterable(self._viewers.values()):
                viewer.waiter.wake()
            self._wake_all()

    @property
    def closed(self) -> bool:
        """Whether the server ends."""
        return self._closed

    @property
    def changes(self) -> int:
        """How often something changed that should be shown at once."""
        return self._changes

    def names(self) -> tuple[str, ...]:
        """Return the names of all cameras, in the order in which they were added."""
        with self._lock:
            return tuple(self._cameras)

    def view(self, name: str) -> CameraView:
        """Return a camera as it is now.

        Raises:
            UnknownNameError: there is no such camera.
        """
        with self._lock:
            return self._camera(name).view(len(self._viewers[name]))

    def counts(self, name: str) -> CountView:
        """Return what a camera counted.

        Raises:
            UnknownNameError: there is no such camera.
        """
        with self._lock:
            crossings = self._camera(name).crossings
            return CountView(crossings.totals(), crossings.hour(datetime.now(UTC)))

    def events(self, name: str | None, after: int | None, limit: int) -> list[NumberedEvent]:
        """Return events, the oldest first.

        Args:
            name: of the camera; None for all.
            after: those that came next after this number; the newest without one.
            limit: the most to return.

        Raises:
            UnknownNameError: there is no such camera.
        """
        with self._lock:
            cameras = [self._camera(name)] if name is not None else list(self._cameras.values())
            found = [known for camera in cameras for known in camera.events(after, limit)]
        found.sort(key=lambda known: known.id)
        return found[:limit] if after is not None else found[max(len(found) - limit, 0) :]

    def send(self, name: str, message: ToCamera) -> bool:
        """Tell a camera something.

        Returns:
            False where its process is gone or does not listen.

        Raises:
            UnknownNameError: there is no such camera.
        """
        with self._lock:
            self._camera(name)
            return self._wires[name].send(message)

    @contextlib.contextmanager
    def watching(self, name: str) -> Iterator[Viewer]:
        """Watch a camera's pictures, from a coroutine; it draws them while anybody does.

        Raises:
            UnknownNameError: there is no such camera.
            UsageError: too many watch already.
        """
        with self._lock:
            camera = self._camera(name)
            viewers = self._viewers[name]
            if len(viewers) >= _MOST_VIEWERS:
                raise UsageError(f"camera '{name}' is watched by {_MOST_VIEWERS} already: close some of them")
            seen = camera.picture_number - camera.has_fresh_picture(_FRESH_S)
            viewer = Viewer(lambda: self._newest(camera), seen)
            viewers.add(viewer)
            if len(viewers) == 1:
                self._wires[name].send(Watch(True))
        try:
            yield viewer
        finally:
            with self._lock:
                viewers.discard(viewer)
                if not viewers:
                    self._wires[name].send(Watch(False))

    @contextlib.contextmanager
    def waiting(self) -> Iterator[Waiter]:
        """Wait, in a coroutine, for changes of any camera that should be shown at once."""
        waiter = Waiter()
        with self._lock:
            self._waiters.add(waiter)
        try:
            yield waiter
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def _newest(self, camera: KnownCamera) -> Newest:
        with self._lock:
            return camera.picture, -1 if self._closed else camera.picture_number

    def _camera(self, name: str) -> KnownCamera:
        if name not in self._cameras:
            raise UnknownNameError("camera", name, self._cameras)
        return self._cameras[name]

    def _take(self, name: str, wire: Wire, message: FromCamera) -> None:
        with self._lock:
            if self._wires[name] is not wire:
                return  # the last words of a process that was replaced
            if self._cameras[name].take(message):
                self._wake_all()
            if isinstance(message, Picture):
                for viewer in self._viewers[name]:
                    viewer.waiter.wake()

    def _lose(self, name: str, wire: Wire) -> None:
        with self._lock:
            if self._wires[name] is wire:
                self._cameras[name].end()
                self._wake_all()

    def _wake_all(self) -> None:
        self._changes += 1
        for waiter in self._waiters:
            waiter.wake()


def _check_name(name: str) -> None:
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable() or name.strip() != name:
        raise UsageError(f"camera name {name!r} must be 1 to {_LONGEST_NAME} printable letters")
    if name in (".", "..") or set(name) & set("/\\"):
        raise UsageError(f"camera name {name!r} must not be dots or hold a slash: it is part of addresses")

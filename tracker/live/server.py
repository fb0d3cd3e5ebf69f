"""The web server in a process of its own: viewers cost the tracking no time of its interpreter."""

from __future__ import annotations

import contextlib
import ipaddress
import multiprocessing
import os
import secrets
import signal
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import TYPE_CHECKING

from detectors.errors import UsageError
from tracker.errors import ServeError

if TYPE_CHECKING:
    import uvicorn

    from tracker.live.hub import Hub
    from tracker.live.mqtt import Broker

#: The token may stand here, where no list of processes shows it.
TOKEN = "TRACK_TOKEN"
_GRACE_S = 1
#: Bytes of a message that a page may send: it only ever asks for the next picture.
_MOST_ASKED = 65_536
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens.

    Attributes:
        host: name or number.
        port: 0 for any that is free.
    """

    host: str
    port: int

    @classmethod
    def read(cls, text: str) -> Address:
        """Read ``[HOST:]PORT``; the host is 127.0.0.1 if it is not given.

        Raises:
            UsageError: it is no such address.
        """
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]") if colon else "127.0.0.1"
        if not port.isdecimal() or int(port) > 65535 or not host:
            raise UsageError(f"--serve takes [HOST:]PORT, such as 8000 or 0.0.0.0:8000, not '{text}'")
        return cls(host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether this machine alone can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str:
        """The page's address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"


def token_for(address: Address) -> str | None:
    """Return the token that viewers need: the user's own, or a new one; None where nobody else can connect.

    Raises:
        UsageError: the user's own is too short to be one.
    """
    own = os.environ.get(TOKEN)
    if own is not None and len(own) < 16:
        raise UsageError(f"{TOKEN} must have 16 characters at least")
    return own or (None if address.is_loopback else secrets.token_urlsafe(24))


class Server:
    """Serves pages about cameras until it is stopped.

    Args:
        address: where to listen.
        token: that viewers need; None for none.
        broker: to which events are published; None for none.
    """

    def __init__(self, address: Address, token: str | None, broker: Broker | None = None) -> None:
        """Listen at once, so that whoever may not is told before anything is loaded.

        Raises:
            ServeError: the address cannot be had.
        """
        self._socket = _listen(address)
        self.address = Address(address.host, self._socket.getsockname()[1])
        self._token, self._broker = token, broker
        self._process: BaseProcess | None = None

    @property
    def url(self) -> str:
        """Where the page is, with the token in it."""
        return self.address.url + (f"?token={self._token}" if self._token else "")

    def start(self, names: tuple[str, ...]) -> Mapping[str, Connection]:
        """Start the process; return for each camera the end of the pipe that its feed needs."""
        context = multiprocessing.get_context("spawn")
        pipes = {name: context.Pipe() for name in names}
        theirs = {name: other for name, (_, other) in pipes.items()}
        self._process = context.Process(
            target=_serve, args=(self._socket, theirs, self._token, self._broker), name="server", daemon=True
        )
        self._process.start()
        self._socket.close()
        for other in theirs.values():
            other.close()
        return {name: own for name, (own, _) in pipes.items()}

    def run_here(self, hub: Hub) -> None:
        """Serve in this process, until it is told to stop by a signal."""
        with _publishing(hub, self._broker):
            _web_server(hub, self._token).run([self._socket])

    def stop(self) -> None:
        """Let viewers go, and end the process; a second time does nothing."""
        self._socket.close()
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.join(_PATIENCE_S)
            if process.is_alive():
                process.kill()


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen(128)
    except OSError as exc:
        listening.close()
        why = exc.strerror or str(exc)
        raise ServeError(f"cannot serve at {address.url}: {why}; choose another port or host") from exc
    return listening


def _serve(
    listening: socket.socket,
    connections: Mapping[str, Connection],
    token: str | None,
    broker: Broker | None,
) -> None:
    """Run the server, in its process."""
    # a Ctrl-C reaches this process too; it ends when the run has ended
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from tracker.live.hub import Hub

    hub = Hub()
    for name, connection in connections.items():
        hub.add(name, connection)
    server = _web_server(hub, token)
    threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
    with _publishing(hub, broker):
        server.run([listening])


def _publishing(hub: Hub, broker: Broker | None) -> contextlib.AbstractContextManager[object]:
    if broker is None:
        return contextlib.nullcontext()
    from tracker.live.mqtt import Publisher

    return Publisher(hub, broker)


def _web_server(hub: Hub, token: str | None) -> uvicorn.Server:
    import uvicorn

    from tracker.live.app import build_app

    config = uvicorn.Config(
        build_app(hub, token),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
        ws_max_size=_MOST_ASKED,
        ws_per_message_deflate=False,  # pictures do not get smaller
    )
    server = uvicorn.Server(config)
    leave = server.handle_exit

    def close(number: int, frame: FrameType | None) -> None:
        hub.close()  # or it would wait for everybody who watches
        leave(number, frame)

    server.handle_exit = close  # type: ignore[method-assign, assignment]
    return server


def _end_with_parent(server: uvicorn.Server) -> None:
    """Stop where the process that tracks is gone without a word."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        server.should_exit = True

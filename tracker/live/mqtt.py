"""Events of all cameras to an MQTT broker, for traffic centres and home automation alike.

A message an event under ``PREFIX/CAMERA/events``, in JSON as the API tells it; the state of every camera
("open", "lost", ...) stays at the broker under ``PREFIX/CAMERA/state``. While the broker is away up to ten
thousand events wait.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from detectors.errors import UsageError
from tracker.live.answers import event_answer
from tracker.live.hub import Hub

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_EVERY_S = 0.5
_MOST = 1000
_WAITING = 10_000
_GRACE_S = 2.0


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to publish.

    Attributes:
        host: of the broker.
        port: of the broker.
        prefix: of all topics.
        encrypted: through TLS.
        user: None for none.
        password: None for none.
    """

    host: str
    port: int
    prefix: str
    encrypted: bool = False
    user: str | None = None
    password: str | None = None

    @classmethod
    def read(cls, address: str) -> Broker:
        """Read ``mqtt[s]://[user:password@]host[:port][/prefix]``; the prefix is ``track`` without one.

        Raises:
            UsageError: it is no such address; the password in it is not said.
        """
        try:
            parts = urlsplit(address)
            port = parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError):
            parts, port = urlsplit(""), 0
        prefix = parts.path.strip("/") or "track"
        if not parts.hostname or parts.query or parts.fragment or "+" in prefix:
            raise UsageError("--mqtt takes mqtt://[user:password@]host[:port][/prefix], or mqtts:// for TLS")
        user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
        return cls(parts.hostname, port, prefix, parts.scheme == "mqtts", user, password)


class Publisher:
    """Publishes what a hub hears, in threads of its own: a context manager.

    Args:
        hub: of the cameras.
        broker: it may be away at first, and later.

    Raises:
        UsageError: what this needs is not installed.
    """

    def __init__(self, hub: Hub, broker: Broker) -> None:
        """Nothing is connected yet."""
        self._hub, self._broker = hub, broker
        self._client = _client(broker)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mqtt", daemon=True)

    def __enter__(self) -> Self:
        """Connect, and go on trying where that fails."""
        self._client.connect_async(self._broker.host, self._broker.port)
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Publish what is there still, and disconnect."""
        self._stop.set()
        self._thread.join(_GRACE_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _work(self) -> None:
        last, states, going = 0, dict[str, str](), True
        while going:
            going = not self._stop.wait(_EVERY_S)
            while found := self._hub.events(None, last, _MOST):
                for known in found:
                    text = event_answer(known).model_dump_json()
                    self._client.publish(f"{self._broker.prefix}/{known.camera}/events", text, qos=1)
                last = found[-1].id
            for name in self._hub.names():
                state = self._hub.view(name).state
                if states.get(name) != state:
                    states[name] = state
                    self._client.publish(f"{self._broker.prefix}/{name}/state", state, qos=1, retain=True)


def _client(broker: Broker) -> Any:
    try:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion
    except ImportError as exc:
        raise UsageError("--mqtt needs paho-mqtt: pip install 'road-tracker[mqtt]'") from exc
    client = Client(CallbackAPIVersion.VERSION2)
    client.max_queued_messages_set(_WAITING)
    client.reconnect_delay_set(1, 10)
    if broker.encrypted:
        client.tls_set()
    if broker.user is not None:
        client.username_pw_set(broker.user, broker.password)
    return client

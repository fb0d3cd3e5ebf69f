"""Events at a real broker."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from detectors.errors import UsageError
from tracker.live.messages import Happened
from tracker.live.mqtt import Broker, Publisher


@pytest.mark.parametrize(
    ("address", "broker"),
    [
        ("mqtt://broker", Broker("broker", 1883, "track")),
        ("mqtts://broker/roads/south/", Broker("broker", 8883, "roads/south", encrypted=True)),
        ("mqtt://me:p%40ss@10.0.0.1:99", Broker("10.0.0.1", 99, "track", user="me", password="p@ss")),
    ],
)
def test_addresses(address, broker):
    assert Broker.read(address) == broker


@pytest.mark.parametrize(
    "address", ["", "broker", "http://broker", "mqtt://", "mqtt://b:x", "mqtt://b/a#c", "mqtt://u:s3cr3t@"]
)
def test_no_addresses(address):
    with pytest.raises(UsageError, match="--mqtt takes mqtt://") as caught:
        Broker.read(address)
    assert "s3cr3t" not in str(caught.value)


@pytest.fixture
def start() -> Iterator[Callable[[int], None]]:
    """Return what starts a broker on a port."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("MQTT NOT TESTED: there is no broker here: apt-get install mosquitto")
    running: list[subprocess.Popen[bytes]] = []

    def begin(port: int) -> None:
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        running.append(subprocess.Popen([program, "-p", str(port)], cwd=Path("/tmp"), **silent))  # type: ignore[call-overload]

    yield begin
    for process in running:
        process.kill()
        process.wait()


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def listening(port: int) -> tuple[Client, list[tuple[str, Any, bool]]]:
    """Return a client that hears everything, and what it heard."""
    heard: list[tuple[str, Any, bool]] = []
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _d, m: heard.append((m.topic, m.payload.decode(), m.retain))
    client.on_connect = lambda c, *_: c.subscribe("roads/#", qos=1)
    client.connect_async("127.0.0.1", port)
    client.reconnect_delay_set(1, 1)
    client.loop_start()
    return client, heard


def test_events_reach_a_broker_also_one_that_comes_late(start, live):
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    camera = live.open("north")
    with Publisher(live.hub, Broker("127.0.0.1", port, "roads")):
        camera.send(Happened([live.crossing("Early")]))
        time.sleep(1.0)  # nobody is there yet
        start(port)
        client, heard = listening(port)
        wait_until(lambda: ("roads/north/state", "open") in {message[:2] for message in heard})
        camera.send(Happened([live.crossing("Late"), live.crossing("Later")]))
        wait_until(lambda: len(events(heard)) >= 2)
        time.sleep(0.7)
    client.loop_stop()
    told = events(heard)
    assert [event["name"] for event in told][-2:] == ["Late", "Later"]  # in order, and none of them twice
    assert (told[-1]["direction"], told[-1]["label"], told[-1]["speed_kmh"]) == ("in", "car", 43.2)
    assert told[-1]["camera"] == "north"


def events(heard: list[tuple[str, Any, bool]]) -> list[dict[str, Any]]:
    return [json.loads(payload) for topic, payload, _ in heard if topic == "roads/north/events"]

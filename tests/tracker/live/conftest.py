"""A camera at the other end of a pipe: it sends the messages that a real one sends, and hears the server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np
import pytest
import uvicorn

from tracker.live.app import build_app
from tracker.live.hub import Hub
from tracker.live.messages import FromCamera, Hello, Picture, ShownEvent, ShownTrack, Status, ToCamera
from tracker.types import SourceHealth

WIDTH, HEIGHT = 320, 180
CLASSES = ("car", "bus", "motorbike")


def jpeg(number: int) -> bytes:
    """Return a picture that differs from those of other numbers."""
    image = np.full((HEIGHT, WIDTH, 3), (90, 90, 60), np.uint8)
    left = number * 15 % (WIDTH - 60)
    cv2.rectangle(image, (left, 70), (left + 50, 110), (40, 200, 240), -1)
    return bytes(cv2.imencode(".jpg", image)[1])


def crossing(
    name: str = "North", direction: str = "in", label: str = "car", time: datetime | None = None
) -> ShownEvent:
    """Return a crossing of a line."""
    return ShownEvent(time or datetime.now(UTC), "crossing", name, direction, label, 7, 43.2, "detected")


def status(state: str = "open", **told: object) -> Status:
    """Return how a camera is doing."""
    health = SourceHealth(state, datetime.now(UTC), 100, 80, {"late": 15, "overtaken": 5}, 0, 0.1, "")
    track = ShownTrack(3, "car", (1.0, 2.0, 30.0, 40.0), "detected", 0.9)
    values: dict[str, object] = {
        "fps": 14.5,
        "latency_ms": {"median": 61.0, "p99": 180.0, "most": 240.0},
        "cnn_share": 0.12,
        "cnn_runs": {"first_frame": 1, "low_confidence": 9},
        "frames": 80,
        "tracks": (track,),
    }
    return Status(datetime.now(UTC), health, **(values | told))  # type: ignore[arg-type]


class Camera:
    """The camera's end of the pipe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, message: FromCamera) -> None:
        self._connection.send(message)

    def picture(self, number: int) -> None:
        self.send(Picture(jpeg(number), number, datetime.now(UTC)))

    def hello(self, scene_file: Path | None = None) -> None:
        file = None if scene_file is None else str(scene_file)
        self.send(Hello("rtsp://camera/1", WIDTH, HEIGHT, CLASSES, datetime.now(UTC), "/nowhere", file))

    def heard(self, wait_s: float = 2.0) -> ToCamera | None:
        """Return what the server said next; None where it says nothing."""
        if not self._connection.poll(wait_s):
            return None
        message: ToCamera = self._connection.recv()
        return message

    def die(self) -> None:
        self._connection.close()


class Live:
    """A hub with cameras, and what tests need to talk about them."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.cameras: list[Camera] = []
        self.crossing, self.status, self.jpeg = crossing, status, jpeg

    def plug(self, name: str = "gate") -> Camera:
        """Add a camera to the hub, or add it again."""
        ours, theirs = Pipe()
        self.hub.add(name, ours)
        self.cameras.append(Camera(theirs))
        return self.cameras[-1]

    def open(self, name: str = "gate", scene_file: Path | None = None) -> Camera:
        """Add a camera that says hello and is open."""
        camera = self.plug(name)
        camera.hello(scene_file)
        camera.send(status())
        self.until(lambda: self.hub.view(name).state == "open")
        return camera

    def until(self, true: Callable[[], object], within_s: float = 5.0) -> None:
        """Wait for something that another thread brings."""
        end_s = time.monotonic() + within_s
        while not true():
            assert time.monotonic() < end_s, "it did not come"
            time.sleep(0.005)


@pytest.fixture
def live() -> Iterator[Live]:
    live = Live(Hub())
    yield live
    live.hub.close()
    for camera in live.cameras:
        camera.die()


class Server:
    """A real server that shows a hub, and can be stopped and started again at the same address."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self.token: str | None = None
        with socket.create_server(("127.0.0.1", 0)) as found:
            self._port = found.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        app = build_app(self._live.hub, self.token)
        config = uvicorn.Config(app, port=self._port, log_level="critical", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        self._live.until(lambda: self._server.started, 20)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


@pytest.fixture
def server(live: Live) -> Iterator[Server]:
    server = Server(live)
    server.start()
    yield server
    live.hub.close()
    server.stop()


@pytest.fixture
def address(server: Server) -> str:
    return server.address

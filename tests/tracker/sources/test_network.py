"""URLs: read like files, and their passwords are never shown."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tracker.errors import SourceError
from tracker.sources._kinds import shown_name
from tracker.sources._source import Source
from tracker.sources.video import Config, build

SECRET = "s3cr3t"


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder; asks for a password below ``/locked`` and promises too much for ``/short``."""

    def do_GET(self) -> None:
        if self.path.startswith("/locked"):
            self.send_error(401)
        elif self.path.startswith("/short"):
            data = (Path(self.directory) / "road.mp4").read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"user:{SECRET}@127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_behind_a_url_is_read_like_a_file(make_video, address):
    make_video(images=20)
    with build(Config(f"http://{address}/road.mp4?token={SECRET}")) as source:
        frames = list(source)
        assert not source.info.live
        assert SECRET not in repr(source.info)
    assert len(frames) == 20


def test_a_line_that_breaks_gives_what_came(make_video, address):
    make_video(images=250)
    with build(Config(f"http://{address}/short", timeout_s=2)) as source:
        frames = list(source)
        warnings = source.warnings
    assert 0 < len(frames) < 250
    assert warnings
    assert SECRET not in " ".join(warnings)


@pytest.mark.parametrize(
    ("place", "says"), [("locked", "user name and password"), ("nothing.mp4", "check the address")]
)
def test_what_the_server_refuses_is_said_without_the_password(address, place, says):
    with pytest.raises(SourceError, match=says) as caught:
        build(Config(f"http://{address}/{place}")).__enter__()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert "user:***@127.0.0.1" in str(caught.value)


def test_a_server_that_is_not_there():
    with pytest.raises(SourceError, match="check the address") as caught:
        build(Config(f"rtsp://user:{SECRET}@127.0.0.1:9/stream")).__enter__()
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@contextmanager
def stream(data: bytes, hold: bool = False) -> Iterator[str]:
    """Send ``data`` to whoever connects, then hang up, or keep silent as a camera does that is cut off."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(data)
                if hold:
                    done.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        done.set()
        thread.join(10)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    assert condition()


def once(url: str, silent_s: float = 4.0) -> Source:
    """Return a stream that ends with its first connection."""
    return build(Config(url, timeout_s=5, silent_s=silent_s, reconnect=False))


def test_a_live_stream_has_the_wall_clocks_time(make_video):
    data = make_video("live.ts", 60).read_bytes()
    with stream(data) as url, once(url) as source:
        frames = list(source)
        info, health = source.info, source.health
    assert (info.live, info.frames, info.duration_s) == (True, None, None)
    assert frames[-1].index == 59
    assert all(a.index < b.index and a.time_s < b.time_s for a, b in pairwise(frames))
    assert frames[-1].time_s == pytest.approx(59 / 25, abs=0.01)
    assert all(f.wall_time is not None and f.wall_time.tzinfo is UTC for f in frames)
    assert all(f.arrival_s is not None and f.arrival_s <= time.monotonic() for f in frames)
    assert (health.state, health.received, health.waiting) == ("ended", 60, 0)
    assert health.handed_on == len(frames)


def test_a_stream_that_falls_silent_ends_with_a_warning(make_video):
    data = make_video("live.ts", 60).read_bytes()
    with stream(data, hold=True) as url, once(url, silent_s=0.5) as source:
        frames = list(source)
        warnings = source.warnings
    assert frames[-1].index > 30
    assert any("reading broke off (silent for 0.5 s)" in w for w in warnings)


def test_a_silent_stream_can_be_left(make_video):
    data = make_video("live.ts", 60).read_bytes()
    with stream(data, hold=True) as url:
        with build(Config(url, timeout_s=20)) as source:
            next(iter(source))
            begun = time.monotonic()
        assert time.monotonic() - begun < 10  # it does not wait until the stream has timed out
        assert not [t for t in threading.enumerate() if t.name == "read-ahead"]


def test_a_stream_that_is_lost_comes_back(make_video):
    """Whoever serves hangs up, then falls silent; it goes on, also in another size and at another rate."""
    data = make_video("live.ts", 60).read_bytes()
    larger = [np.full((128, 192, 3), 90 + i, np.uint8) for i in range(60)]
    other = make_video("larger.ts", larger, rate=15).read_bytes()
    with camera([(data, False), (other, True), (data, True)]) as url:
        with build(Config(url, timeout_s=5, silent_s=0.5)) as source:
            frames, states = [], set()
            for frame in source:
                frames.append(frame)
                states.add(source.health.state)
                if source.health.losses == 2 and frame.index > 150:
                    break
            health = source.health
            assert (health.losses, health.state, health.why) == (2, "open", "silent for 0.5 s")
            warnings = source.warnings
        left = source.health
    assert all(a.index < b.index and a.time_s < b.time_s for a, b in pairwise(frames))
    assert {frame.image.shape for frame in frames} == {(64, 96, 3)}  # what is larger later is made to fit
    assert any(frame.image.std() < 5 for frame in frames)
    assert any("lost the line: 2, the first time: the other side ended it" in w for w in warnings)
    assert left.state == "ended"
    assert left.received == left.handed_on + sum(left.dropped.values()) + left.waiting
    assert left.handed_on == len(frames)


def test_a_stream_can_be_left_while_it_is_lost(make_video):
    data = make_video("live.ts", 60).read_bytes()
    with camera([(data, False)]) as url, build(Config(url, timeout_s=5)) as source:
        waiting = threading.Thread(target=lambda: list(source), daemon=True)
        waiting.start()
        wait_until(lambda: source.health.state == "lost")
        begun = time.monotonic()
        source.__exit__(None, None, None)
        waiting.join(5)
        assert not waiting.is_alive()
        assert time.monotonic() - begun < 1


@contextmanager
def camera(connections: Sequence[tuple[bytes, bool]]) -> Iterator[str]:
    """Serve one connection after another: each sends its bytes, and hangs up or keeps silent."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            held = []
            for data, hold in connections:
                connection, _ = server.accept()
                connection.sendall(data)
                held.append(connection) if hold else connection.close()
            done.wait(20)
            for connection in held:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        done.set()
        thread.join(10)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://cam.local/1", "rtsp://cam.local/1"),
        ("rtsp://me:s3cr3t@cam.local:554/1", "rtsp://me:***@cam.local:554/1"),
        ("rtsp://me:s3cr3t@with@at@cam/1", "rtsp://me:***@cam/1"),
        ("rtsp://me:s3cr3t#x@cam/1", "rtsp://***@cam/1"),
        ("rtsp://me:s3cr3t/x@cam/1", "rtsp://***@cam/1"),
        ("rtsp://me:s3cr3t?x@cam/1?pwd=s3cr3t", "rtsp://***@cam/1?pwd=***"),
        ("http://cam/v?user=me&password=s3cr3t&n=2", "http://cam/v?user=me&password=***&n=2"),
        ("https://cam/v?X-Amz-Signature=s3cr3t", "https://cam/v?X-Amz-Signature=***"),
        ("http://cam/v#s3cr3t", "http://cam/v"),
        ("http://[cam/s3cr3t", "http://***"),
        ("clips/a#b?c.mp4", "clips/a#b?c.mp4"),
    ],
)
def test_shown_name(url, shown):
    assert shown_name(url) == shown

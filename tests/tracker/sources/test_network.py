"""URLs: read like files, and their passwords are never shown."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tracker.errors import SourceError
from tracker.sources._kinds import shown_name
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


def test_a_live_stream_has_the_wall_clocks_time(make_video):
    data = make_video("live.ts", 60).read_bytes()
    with stream(data) as url, build(Config(url, timeout_s=5)) as source:
        frames = list(source)
        info = source.info
    assert (info.live, info.frames, info.duration_s) == (True, None, None)
    assert frames[0].index == 0 or len(frames) >= 8  # the oldest are dropped where we are slow
    assert frames[-1].index == 59
    assert frames[-1].time_s == pytest.approx(59 / 25, abs=0.001)
    assert all(f.wall_time is not None and f.wall_time.tzinfo is UTC for f in frames)


def test_a_stream_that_falls_silent_ends_with_a_warning(make_video):
    data = make_video("live.ts", 60).read_bytes()
    with stream(data, hold=True) as url, build(Config(url, timeout_s=0.5)) as source:
        frames = list(source)
        warnings = source.warnings
    assert frames[-1].index > 30
    assert any("reading broke off (no answer in time)" in w for w in warnings)


def test_a_silent_stream_can_be_left(make_video):
    data = make_video("live.ts", 60).read_bytes()
    with stream(data, hold=True) as url:
        with build(Config(url, timeout_s=1)) as source:
            next(iter(source))
            begun = time.monotonic()
        assert time.monotonic() - begun < 3
        assert not [t for t in threading.enumerate() if t.name == "read-ahead"]


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

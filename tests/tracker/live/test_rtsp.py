"""A real RTSP server on this machine plays the sample, dies, and comes back."""

from __future__ import annotations

import csv
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from detectors import Frame
from tracker.sources.video import Config, build

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "sample_videos" / "road.mp4"
SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtsp_server.py")
ASK = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
SECRET = "s3cr3t"


@contextmanager
def served(port: int, clip: Path = SAMPLE) -> Iterator[subprocess.Popen[bytes]]:
    command = [SYSTEM_PYTHON, str(SERVER), str(port), f"road={clip}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield server
        finally:
            server.kill()


@pytest.fixture
def port() -> int:
    """Return a free port; skip loudly where there is no server."""
    asked = Path(SYSTEM_PYTHON).exists() and subprocess.run(
        [SYSTEM_PYTHON, "-c", ASK], capture_output=True, check=False
    )
    if not asked or asked.returncode:
        pytest.skip("RTSP NOT TESTED: apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi")
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def address(port: int) -> str:
    return f"rtsp://me:{SECRET}@127.0.0.1:{port}/road"


def wait_until(condition: Callable[[], object], seconds: float) -> float:
    """Return how long it took."""
    begin_s = time.monotonic()
    while not condition():
        assert time.monotonic() - begin_s < seconds
        time.sleep(0.01)
    return time.monotonic() - begin_s


def test_a_server_that_is_killed_or_stands_still_comes_back(port):
    frames: list[Frame] = []
    with ExitStack() as stack:
        first = stack.enter_context(served(port))
        source = stack.enter_context(build(Config(address(port), silent_s=1.5)))
        threading.Thread(target=lambda: frames.extend(iter(source)), daemon=True).start()
        wait_until(lambda: source.health.handed_on > 20, 10)
        first.kill()
        wait_until(lambda: source.health.state == "lost", 5)
        second = stack.enter_context(served(port))
        wait_until(lambda: source.health.state == "open", 10)
        before = source.health.handed_on
        wait_until(lambda: source.health.handed_on > before + 20, 10)
        second.send_signal(signal.SIGSTOP)
        wait_until(lambda: source.health.state == "lost", 5)
        second.send_signal(signal.SIGCONT)
        wait_until(lambda: source.health.state == "open", 10)
        before = source.health.handed_on
        wait_until(lambda: source.health.handed_on > before + 5, 10)
        source.__exit__(None, None, None)
        wait_until(lambda: len(frames) == source.health.handed_on, 5)
        health, warnings = source.health, " ".join(source.warnings)
    assert health.losses == 2
    assert health.received == health.handed_on + sum(health.dropped.values()) + health.waiting
    steps = [(a.index, b.index, a.time_s, b.time_s) for a, b in pairwise(frames)]
    assert [step for step in steps if step[0] >= step[1] or step[2] >= step[3]] == []
    assert all(frame.image.mean() > 20 for frame in frames)  # no black ones
    assert sum(frame.gap_s > 1 for frame in frames) == 2
    assert "lost the line: 2" in warnings
    assert SECRET not in warnings


def run(*arguments: object) -> None:
    command = [sys.executable, "-c", "from tracker.cli import main; main()", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stderr + done.stdout


def slowly(path: Path, seconds: float) -> Path:
    """Write the sample's beginning at half its speed: busy machines too keep up with that."""
    with av.open(str(SAMPLE)) as sample, av.open(str(path), "w") as file:
        video = sample.streams.video[0]
        stream = file.add_stream_from_template(video)
        for packet in sample.demux(video):
            if packet.dts is None or packet.pts * packet.time_base >= seconds:
                continue
            packet.pts, packet.dts, packet.duration = 2 * packet.pts, 2 * packet.dts, 2 * packet.duration
            packet.stream = stream
            file.mux(packet)
    return path


def test_a_clip_over_rtsp_is_counted_as_its_file_is(port, tmp_path):
    """At its own speed, and so cheaply that a busy machine keeps up: a live camera's pictures do not wait."""
    clip = slowly(tmp_path / "road.mp4", 7)
    scene = ROOT / "sample_videos" / "road.scene.toml"
    cheap = ("--detector", "smaller_vgg_rep_small_int8", "--propagate", "kalman", "--interval", "1")
    options = ("--scene", scene, "--no-video", *cheap, "--set", "trigger.confidence.part=0")
    run("--video", clip, "--out", tmp_path / "file", *options)
    with served(port, clip):
        once = ("--raw", "--set", "source.video.reconnect=false")
        run("--video", address(port), "--out", tmp_path / "live", *options, *once)
    counts = {name: crossings(tmp_path / name) for name in ("file", "live")}
    assert sum(counts["file"].values()) > 4
    assert sum(((counts["file"] - counts["live"]) + (counts["live"] - counts["file"])).values()) <= 1
    (raw,) = (tmp_path / "live" / "recording").iterdir()
    with av.open(str(raw)) as file:
        assert sum(1 for _ in file.decode(video=0)) > 160  # of 175: nothing was dropped before it
    about = json.loads((tmp_path / "live" / "run.json").read_text())
    assert about["source"]["live"]
    assert SECRET not in json.dumps(about)


def asked(page: int, path: str, body: object = None) -> Any:
    """Return an answer of the API; None where there is none yet."""
    method = "GET" if body is None else "PUT"
    headers = {"Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{page}{path}", data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)
    except OSError:
        return None


def test_a_camera_that_is_away_when_its_scene_is_changed_is_waited_for(port, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as found:
        page = int(found.getsockname()[1])
    words = ["--video", address(port), "--serve", str(page), "--no-video", "--out", str(tmp_path / "run")]
    command = [sys.executable, "-c", "from tracker.cli import main; main()", *words]

    def frames() -> int:
        cameras = asked(page, "/api/cameras")
        return int(cameras[0]["frames"]) if cameras else 0

    with ExitStack() as stack:
        server = stack.enter_context(served(port))
        log = stack.enter_context((tmp_path / "log").open("w"))
        run = stack.enter_context(subprocess.Popen(command, stderr=log))
        stack.callback(run.kill)
        wait_until(lambda: frames() > 10, 60)
        server.kill()
        server.wait()
        line = {"name": "Here", "points": [[100, 400], [1100, 400]], "directions": ["in", "out"]}
        assert asked(page, "/api/cameras/road/scene", {"lines": [line]})["lines"][0]["name"] == "Here"
        wait_until(lambda: "it is tried again every" in (tmp_path / "log").read_text(), 20)
        assert run.poll() is None
        stack.enter_context(served(port))
        wait_until(lambda: (tmp_path / "run-2" / "events.csv").exists() and frames() > 10, 40)
        run.send_signal(signal.SIGTERM)
        assert run.wait(30) == 130
    assert (tmp_path / "log").read_text().count("it is tried again every") == 1
    assert SECRET not in (tmp_path / "log").read_text()


def crossings(folder: Path) -> Counter[tuple[str, str]]:
    with (folder / "events.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "crossing"]
    return Counter((row["name"], row["direction"]) for row in rows)


def test_a_camera_that_is_not_there_is_said(port):
    with pytest.raises(Exception, match="check the address") as caught:
        build(Config(address(port))).__enter__()
    assert SECRET not in str(caught.value)

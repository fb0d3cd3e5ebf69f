"""``track serve`` and ``track --serve`` as their users run them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tracker.cli import serve

COMMAND = [sys.executable, "-c", "from tracker.cli import main; main()"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def ask(port: int, path: str, token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def cameras(port: int) -> dict[str, str]:
    try:
        return dict(ask(port, "/healthz")["cameras"])
    except OSError:
        return {}


def wait_until(condition: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


class Run:
    """A command that runs, and what it said so far."""

    def __init__(self, log: Path, *arguments: object, **environment: str) -> None:
        self._log = log
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)], stderr=log.open("w"), env={**os.environ, **environment}
        )

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def said(self) -> str:
        return self._log.read_text()


@pytest.fixture
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "log"


def children(pid: int) -> dict[int, str]:
    """Return the processes that one has started, with their command lines."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    found = [child for thread in threads for child in (thread / "children").read_text().split()]
    lines = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in found}
    return {child: line.replace(b"\0", b" ").decode() for child, line in lines.items()}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="RIGHTS NOT TESTED: /proc is Linux's")
def test_a_camera_that_dies_is_started_again_and_a_stop_is_clean(tmp_path, log, tiny_video, tiny_boxes):
    port = free_port()
    config = tmp_path / "cameras.toml"
    config.write_text(
        f"serve = '{port}'\nout = '{tmp_path}/runs'\n[all]\ndetector = 'replay:{tiny_boxes}'\n"
        f"[[camera]]\nname = 'north'\nvideo = '{tiny_video}'\n[[camera]]\nname = 'gone'\n"
        "video = 'rtsp://me:s3cr3t@127.0.0.1:9/1'\n"
    )
    with Run(log, "serve", "--config", config) as service:
        wait_until(lambda: list((tmp_path / "runs" / "north").glob("*/run.json")))
        assert cameras(port)["gone"] != "open"
        workers = [child for child, line in children(service.process.pid).items() if "spawn_main" in line]
        assert len(workers) == 2
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        before = len(list((tmp_path / "runs" / "north").iterdir()))
        wait_until(lambda: len(list((tmp_path / "runs" / "north").iterdir())) > before)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(40) == 0
    said = service.said
    assert "camera north ended (signal 9); it is started again in 1 s" in said
    assert "check the address and that the camera or server is on" in said
    assert "s3cr3t" not in said
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    ("now", "hours"),
    [("2026-11-26 18:30", 5.5), ("2026-11-27 00:00", 24), ("2027-03-27 23:00", 1), ("2027-03-28 00:00", 23)],
)
def test_a_new_run_begins_at_midnight(monkeypatch, now, hours):
    """Also on the day on which summer time begins, in Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    slept: list[float] = []
    begun: list[int] = []

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromisoformat(now)

    def sleep(seconds: float) -> None:
        if begun:
            raise InterruptedError
        slept.append(seconds)

    try:
        monkeypatch.setattr(serve, "datetime", Clock)
        monkeypatch.setattr(serve, "time", SimpleNamespace(sleep=sleep))
        with pytest.raises(InterruptedError):
            serve._begin_days(lambda: begun.append(1))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert slept == [hours * 3600]
    assert begun == [1]


def test_a_run_can_be_watched_with_a_token(tmp_path, log, tiny_video, tiny_boxes):
    port, token = free_port(), "0123456789abcdef"
    with Run(
        log,
        *("--video", tiny_video, "--detector", f"replay:{tiny_boxes}", "--out", tmp_path / "run"),
        *("--serve", f"127.0.0.1:{port}", "--no-video"),
        TRACK_TOKEN=token,
    ) as run:
        seen: dict[str, Any] = {}
        refused = 0
        while run.process.poll() is None:
            try:
                seen = ask(port, "/healthz", token) or seen
                ask(port, "/api/cameras")
            except urllib.error.HTTPError as exc:
                refused += exc.code == 401
            except OSError:
                time.sleep(0.02)
    assert run.process.returncode == 0, run.said
    assert f"watch it at http://127.0.0.1:{port}/?token={token}" in run.said
    assert (tmp_path / "run" / "tracks.csv").exists()
    assert refused or not seen  # the run may be over before anybody asked


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--serve", "x"), "--serve takes [HOST:]PORT"),
        (("--serve", "192.0.2.1:8000"), "cannot serve at http://192.0.2.1:8000/"),
    ],
)
def test_an_address_that_cannot_be_had_is_said_before_anything_is_done(
    tmp_path, log, tiny_video, tiny_boxes, arguments, says
):
    given = ("--video", tiny_video, "--detector", f"replay:{tiny_boxes}", "--out", tmp_path / "run")
    with Run(log, *given, *arguments) as run:
        assert run.process.wait(60) in (1, 2)
    assert says in run.said
    assert run.said.count("\n") == 1
    assert not (tmp_path / "run").exists()

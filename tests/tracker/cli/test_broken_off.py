"""A run that is stopped in the middle: files closed and valid, exit code 130."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import cv2
import pytest

Debris = Callable[[Path], list[str]]
COMMAND = [sys.executable, "-c", "from tracker.cli import main; main()"]


@pytest.fixture
def long_run(tmp_path: Path, tiny_video: Path, tiny_boxes: Path) -> list[str]:
    """Return a command that tracks 2,000 copies of one picture, which takes seconds."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    with av.open(str(tiny_video)) as file:
        image = next(file.decode(video=0)).to_ndarray(format="bgr24")
    picture = folder / "0000.png"
    cv2.imwrite(str(picture), image)
    for index in range(1, 2000):
        os.link(picture, folder / f"{index:04d}.png")
    rows = "".join(f"{frame},-1,4,20,30,18,0.9\n" for frame in range(1, 2001))
    (tmp_path / "still.txt").write_text(rows)
    return [*COMMAND, "--video", "pictures", "--detector", "replay:still.txt", "--out", "o"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "a service's stop"])
def test_interrupting_keeps_what_was_done(
    tmp_path: Path, long_run: list[str], debris: Debris, stop: signal.Signals
) -> None:
    # a shell that runs the tests in the background lets its children ignore Ctrl-C
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        long_run,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heard,  # noqa: PLW1509 - sets one signal before the child becomes another program
    )
    table = tmp_path / "o" / "tracks.csv"
    deadline = time.monotonic() + 60
    while not (table.exists() and table.read_text().count("\n") > 5) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(stop)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "track: interrupted; what was done so far is kept"
    assert "Traceback" not in err
    assert "annotated.mp4" in err  # the table says what there is
    check_broken_off(tmp_path / "o")
    assert debris(tmp_path) == ["annotated.mp4", "run.json", "tracks.csv", "tracks.mot.txt"]


def check_broken_off(folder: Path) -> None:
    """Every file is whole; the interrupt may have come between two sinks, which then differ by one frame."""
    run = json.loads((folder / "run.json").read_text())
    assert run["completed"] is False
    assert 0 < run["frames"] < 2000
    with av.open(str(folder / "annotated.mp4")) as file:
        assert sum(1 for _ in file.decode(video=0)) == pytest.approx(run["frames"], abs=1)
    with (folder / "tracks.csv").open(newline="") as file:
        frames = [int(row["frame"]) for row in csv.DictReader(file)]
    assert frames[-1] == pytest.approx(run["frames"] - 1, abs=1)

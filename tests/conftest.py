"""A tiny real road: a video made with PyAV and the exact boxes of its three vehicles, for whole runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from hypothesis import settings

from tracker.cli.app import run_app

WIDTH, HEIGHT, FRAMES, FPS = 160, 120, 50, 25
#: Colour, size, place on the first frame and movement a frame of each vehicle.
VEHICLES = (
    ((40, 200, 240), (30, 18), (4.0, 20.0), (2.0, 0.0)),
    ((220, 60, 50), (26, 20), (128.0, 52.0), (-2.0, 0.0)),
    ((60, 220, 60), (24, 18), (60.0, 94.0), (1.0, 0.0)),
)


def pytest_configure() -> None:
    """Let each of several workers compute in one thread: with more they stand in each other's way.

    And let no property fail for the time that it takes: these machines are shared.
    """
    settings.register_profile("shared", deadline=None)
    settings.load_profile("shared")
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the processes that tests start
        torch.set_num_threads(1)


def boxes_at(index: int) -> list[tuple[float, float, float, float]]:
    """Return x, y, width and height of every vehicle on a frame."""
    return [(x + vx * index, y + vy * index, w, h) for _, (w, h), (x, y), (vx, vy) in VEHICLES]


def draw(index: int, seed: int = 0) -> np.ndarray:
    """Draw a frame: vehicles with windows on a street with texture (one texture a seed)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(50, 200, (15, 20, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    for (colour, *_), (x, y, w, h) in zip(VEHICLES, boxes_at(index), strict=True):
        left, top = round(x), round(y)
        cv2.rectangle(image, (left, top), (left + int(w) - 1, top + int(h) - 1), colour, -1)
        cv2.rectangle(image, (left + 6, top + 4), (left + int(w) - 8, top + int(h) - 7), (20, 20, 20), -1)
    return image


def write_video(path: Path, images: list[np.ndarray], rate: int = FPS) -> Path:
    """Write an H.264 video with the index in front."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as file:
        stream = file.add_stream("libx264", rate=rate, options={"crf": "16", "preset": "ultrafast"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt, stream.gop_size = "yuv420p", 10
        for image in images:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        file.mux(stream.encode(None))
    return path


def write_boxes(path: Path, frames: int = FRAMES) -> Path:
    """Write the exact boxes as MOTChallenge detections, frames from 1."""
    lines = [
        f"{index + 1},-1,{x:.1f},{y:.1f},{w},{h},0.9,-1,-1,-1"
        for index in range(frames)
        for x, y, w, h in boxes_at(index)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@dataclass(frozen=True)
class Ran:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line of a failure; anything else on standard error is a failure of its own."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("track: "), self.err
        assert "Traceback" not in self.err
        assert "unexpected" not in self.err
        return lines[0]


Track = Callable[..., Ran]


@pytest.fixture(scope="session")
def tiny_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a video of 2 s with three vehicles."""
    return write_video(tmp_path_factory.mktemp("tiny") / "tiny.mp4", [draw(i) for i in range(FRAMES)])


@pytest.fixture(scope="session")
def tiny_boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the exact boxes of ``tiny_video``, to be replayed."""
    return write_boxes(tmp_path_factory.mktemp("boxes") / "det.txt")


@pytest.fixture
def track(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Track:
    """Return the command line, run in this process from an empty folder; C libraries' output is seen too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object) -> Ran:
        capfd.readouterr()
        code = run_app([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return run

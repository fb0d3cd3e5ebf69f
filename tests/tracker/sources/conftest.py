"""Small real videos, made with PyAV for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

TICK = Fraction(1, 1000)
VideoMaker = Callable[..., Path]


def road(index: int, width: int = 96, height: int = 64, seed: int = 0) -> np.ndarray:
    """Draw a scene of blurred noise (one a seed) with a bright car that moves with ``index``."""
    noise = np.random.default_rng(seed).integers(0, 255, (8, 12, 3), dtype=np.uint8)
    image = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    left = (2 * index) % width
    image[height // 2 : height // 2 + 6, left : left + 10] = (40, 220, 250)
    return image


@pytest.fixture
def make_video(tmp_path: Path) -> VideoMaker:
    """Return a function that writes a video; ``pts_ms`` gives every frame its time stamp."""

    def make(
        name: str = "road.mp4",
        images: Sequence[np.ndarray] | int = 20,
        pts_ms: Sequence[int] | None = None,
        rotation: tuple[float, bool, bool] | None = None,
        rate: int = 25,
        fast_start: bool = True,
        **container: object,
    ) -> Path:
        frames = [road(i) for i in range(images)] if isinstance(images, int) else images
        path = tmp_path / name
        options = {"movflags": "+faststart"} if path.suffix == ".mp4" and fast_start else {}
        with av.open(str(path), "w", options=options, **container) as file:
            codec = "mpeg4" if path.suffix == ".avi" else "libx264"
            stream = file.add_stream(codec, rate=rate, options={"crf": "12", "preset": "ultrafast"})
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt, stream.gop_size = "yuv420p", 5
            if pts_ms is not None:
                stream.codec_context.time_base = TICK
            if rotation is not None:
                stream.set_display_rotation(rotation[0], hflip=rotation[1], vflip=rotation[2])
            for i, image in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
                if pts_ms is not None:
                    frame.pts, frame.time_base = pts_ms[i], TICK
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        return path

    return make


@pytest.fixture
def make_sound(tmp_path: Path) -> VideoMaker:
    """Return a function that writes a second of silence."""

    def make(name: str = "sound.mp4") -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as file:
            stream = file.add_stream("aac", rate=44100)
            stream.layout = "mono"
            for i in range(43):
                frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
                frame.rate, frame.pts = 44100, 1024 * i
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        return path

    return make


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real clips; skip loudly where it is absent."""
    given = os.environ.get("ROAD_DATA")
    path = Path(given) if given else Path(__file__).resolve().parents[3].parent / "shared" / "data"
    if not (path / "video").is_dir():
        pytest.skip(f"REAL CLIPS NOT TESTED: {path} is absent (/work/shared absent); set ROAD_DATA to it")
    return path

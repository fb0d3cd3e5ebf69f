"""The camera, opened on a file, since there is no camera where tests run."""

from __future__ import annotations

import itertools
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tracker.errors import SourceError
from tracker.sources.camera import Config, build


def test_a_file_comes_through_with_the_wall_clocks_time(make_video):
    with build(Config(str(make_video(images=20)))) as source:
        frames = list(source)
        info = source.info
    assert [f.index for f in frames] == list(range(20))
    assert frames[0].time_s == 0
    assert all(a.time_s < b.time_s for a, b in itertools.pairwise(frames))
    assert all(datetime.now(UTC) - f.wall_time < timedelta(minutes=1) for f in frames)
    assert (info.width, info.height, info.rate_fps, info.live) == (96, 64, 25.0, False)


@pytest.mark.parametrize("device", [99, "99", "/dev/video99"])
def test_no_camera_is_one_line_and_nothing_else_is_printed(device):
    code = (
        "from tracker.errors import SourceError\nfrom tracker.sources.camera import Config, build\n"
        f"try:\n    build(Config({device!r})).__enter__()\nexcept SourceError as exc:\n    print(exc)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stderr == ""
    assert len(out.stdout.splitlines()) == 1
    assert "99: cannot be opened; is it plugged in" in out.stdout


def test_a_broken_file_is_one_line(tmp_path: Path):
    (tmp_path / "noise.mp4").write_bytes(bytes(1000))
    with pytest.raises(SourceError, match="cannot be opened"):
        build(Config(str(tmp_path / "noise.mp4"))).__enter__()


@pytest.mark.parametrize("device", [-1, ""])
def test_what_no_camera_can_be_called_is_refused(device):
    with pytest.raises(ValueError, match="device must be"):
        Config(device)

"""The pieces that all sources share: reading ahead, time stamps, kinds."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from detectors.opencv import explain, load_cv2
from tracker.errors import SourceError
from tracker.sources._ahead import ReadAhead
from tracker.sources._kinds import expand_videos, kind_of
from tracker.sources._notes import Notes
from tracker.sources._source import frames_ahead
from tracker.sources._timeline import Timeline, gap_s, stamp_s
from tracker.types import SourceInfo


def wait_until(condition) -> None:
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    assert condition()


def count(made: list[int], fail_at: int | None = None, limit: int = 1000) -> Generator[int, None, None]:
    for i in range(limit):
        if i == fail_at:
            raise ValueError("broken")
        made.append(i)
        yield i


def test_ahead_keeps_the_order():
    ahead = ReadAhead(count([], limit=500), size=3)
    assert list(ahead) == list(range(500))
    assert ahead.close()


def test_ahead_is_bounded():
    made: list[int] = []
    ahead = ReadAhead(count(made), size=8)
    items = iter(ahead)
    next(items)
    wait_until(lambda: len(made) == 10)  # one taken, eight waiting, one in the reader's hand
    time.sleep(0.02)
    assert len(made) == 10
    assert ahead.close(5)


def test_ahead_raises_after_what_came_before():
    ahead = ReadAhead(count([], fail_at=3))
    items = iter(ahead)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(items)
    assert ahead.close(5)


def test_ahead_ends_when_it_is_closed_early():
    closed = threading.Event()

    def forever() -> Generator[int, None, None]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    ahead = ReadAhead(forever(), size=2)
    assert next(iter(ahead)) == 1
    assert ahead.close(5)
    assert closed.is_set()
    assert ahead.close(5)
    assert list(ahead) == []


def test_ahead_drops_the_oldest_of_a_live_source_and_says_so():
    made: list[int] = []
    dropped: list[int] = []
    ahead = ReadAhead(count(made, limit=100), 8, dropped.append)
    wait_until(lambda: len(made) == 100)
    assert ahead.close(5) is True
    assert dropped == list(range(100))  # those that still waited, too
    dropped.clear()
    late = ReadAhead(count([], limit=100), 8, dropped.append)
    late._thread.join(5)
    assert list(late) == list(range(92, 100))
    assert dropped == list(range(92))


def test_ahead_lets_go_of_what_may_not_wait_any_longer():
    most, dropped = 50, []
    release = threading.Event()

    def items() -> Generator[int, None, None]:
        yield from range(30)
        release.wait(10)
        yield 30

    ahead = ReadAhead(items(), lambda: most, dropped.append)
    wait_until(lambda: len(ahead._waiting) == 30)
    most = 2
    release.set()
    ahead._thread.join(5)
    assert list(ahead) == [29, 30]
    assert dropped == list(range(29))


def test_ahead_does_not_wait_for_a_reader_that_hangs():
    release = threading.Event()

    def hangs() -> Generator[int, None, None]:
        release.wait(10)
        yield 1

    ahead = ReadAhead(hangs())
    assert ahead.close(0.05) is False
    release.set()
    assert ahead.close(5)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(160, 120, 8), (1920, 1080, 8), (2560, 1440, 5), (3840, 2160, 2), (7680, 4320, 2), (0, 0, 8)],
)
def test_fewer_large_frames_are_read_ahead(width, height, expected):
    assert frames_ahead(SourceInfo("x", width, height)) == expected
    camera = SourceInfo("x", width, height, 25.0, live=True)
    assert frames_ahead(camera) == frames_ahead(camera, lambda: False) == 2  # none of them may be old
    assert 2 <= frames_ahead(camera, lambda: True) <= 50  # but for those that came while it was opened


@pytest.mark.parametrize(
    ("stamps", "expected", "kind"),
    [
        ([7.0, 7.1, 7.25], [0, 0.1, 0.25], None),
        ([0, 0.1, 0.05, 0.3], [0, 0.1, 0.15, 0.3], "backwards"),  # one outlier
        ([0, 0.1, 0.1, 0.2], [0, 0.1, 0.15, 0.2], "twice"),
        ([0, 9.0, 1.0, 1.1, 1.2], [0, 9.0, 9.05, 9.15, 9.25], "backwards"),  # the clock was put back
        ([0, 9.0, 1.0, 9.2, 9.3], [0, 9.0, 9.05, 9.2, 9.3], "backwards"),  # and forward again
        ([0, None, 0.2], [0, 0.1, 0.2], "without"),
        ([None, None, 5.0, 5.1], [0, 0.1, 0.2, 0.3], "without"),
        ([None, None], [0, 0.1], "without"),
    ],
)
def test_timeline(stamps, expected, kind):
    notes = Notes("x")
    timeline = Timeline(0.1, notes)
    assert [timeline.place(s) for s in stamps] == pytest.approx(expected)
    lines = notes.lines()
    assert len(lines) == (kind is not None)
    assert all(kind in line for line in lines)


def test_every_kind_of_note_is_one_line_with_a_count():
    notes = Notes("road.mp4")
    timeline = Timeline(0.04, notes)
    for stamp in (0.0, 1.0, 0.5, 0.4, None, 0.3, None):
        timeline.place(stamp)
    assert notes.lines() == (
        "road.mp4: time stamps that ran backwards, repaired: 3",
        "road.mp4: frames without a time stamp, placed by the nominal frame rate: 2",
    )


@pytest.mark.parametrize(
    ("step", "nominal", "gap"),
    [(1.03, 0.04, 0), (3.04, 0.04, 3.0), (5.0, 1.0, 0), (10.0, 2.0, 0), (13.0, 2.0, 11.0)],
)
def test_gap(step, nominal, gap):
    assert gap_s(step, nominal) == pytest.approx(gap)


def test_kinds(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("folder/1.jpg", "mixed/a.mp4", "mixed/b.png", "clips/c.mp4", "odd[1].mp4", "7"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    expected = {
        "video": "road.mp4 clips/*.mp4 clips/* rtsp://u:p@h/x http://h/a.jpg odd[1].mp4 mixed/* 7 nothing/*",
        "images": "folder folder/*.jpg folder/* folder/1.jpg clips",
        "camera": "0 12 /dev/video2",
    }
    for kind, specs in expected.items():
        assert {spec: kind_of(spec) for spec in specs.split()} == dict.fromkeys(specs.split(), kind)


def test_a_glob_of_videos(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("10.mp4", "9.mp4", "notes.txt", ".hidden.mp4", "odd[1].mp4", "below/8.MP4"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    assert [str(p) for p in expand_videos("*.mp4")] == ["9.mp4", "10.mp4", "odd[1].mp4"]
    assert [p.name for p in expand_videos("**/*")] == ["9.mp4", "10.mp4", "8.MP4", "odd[1].mp4"]
    assert [str(p) for p in expand_videos("odd[1].mp4")] == ["odd[1].mp4"]
    assert [str(p) for p in expand_videos("*.txt")] == ["notes.txt"]
    for nothing in ("*.mkv", "missing.mp4"):
        with pytest.raises(SourceError, match="check the path"):
            expand_videos(nothing)


def test_the_package_and_the_kinds_import_no_decoder():
    heavy = ("av", "cv2", "numpy")
    code = f"import sys, tracker.sources._kinds; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            "libGL.so.1: cannot open shared object file: No such file or directory",
            "cannot load libGL.so.1: apt install",
        ),
        (
            "libgthread-2.0.so.0: cannot open shared object file",
            "cannot load libgthread-2.0.so.0: apt install",
        ),
        ("libxcb.so.1: cannot open shared object file", "cannot load libxcb.so.1: apt install"),
        ("ERROR: recursion is detected\nmore", "cannot be imported (ERROR: recursion is detected)"),
    ],
)
def test_why_opencv_cannot_be_imported(error, says):
    line = explain(ImportError(error))
    assert says in line
    assert "\n" not in line


@pytest.mark.parametrize("command", ["--video road.mp4", "train detector --data d --out w --steps 1"])
def test_a_missing_system_library_is_one_line(tmp_path: Path, command: str):
    (tmp_path / "cv2.py").write_text('raise ImportError("libGL.so.1: cannot open shared object file")')
    (tmp_path / "road.mp4").touch()
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    code += f"sys.argv[1:] = {command.split()}\nfrom tracker.cli import main\nmain()"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (
        out.stderr.strip() == "track: OpenCV cannot load libGL.so.1: apt install libgl1 libglib2.0-0 libxcb1"
    )
    assert out.returncode == 1


def test_opencv_is_there():
    assert load_cv2().__name__ == "cv2"


def test_a_stamp_without_a_time_base_is_none():
    """So PyAV tells it: as no number, or an infinite one."""
    assert [stamp_s(time_s) for time_s in (1.5, None, float("nan"), float("inf"))] == [1.5, None, None, None]

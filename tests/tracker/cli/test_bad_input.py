"""Bad input, through the command line: one line that says what is wrong, the right exit code, no debris."""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

Track = Callable[..., Any]
COMMAND = [sys.executable, "-c", "from tracker.cli import main; main()"]
FRAMES = 50


def debris(folder: Path) -> list[str]:
    """Return the drafts and results below a folder."""
    results = ("run.json", "tracks.csv", "tracks.mot.txt", "annotated.mp4")
    files = [path for path in folder.rglob("*") if path.suffix == ".part" or path.name in results]
    return sorted(path.name for path in files)


@pytest.fixture
def replay(track: Track, tiny_video: Path, tiny_boxes: Path) -> Track:
    """Return the command line with the tiny video and its boxes given already."""
    return lambda *more: track("--video", tiny_video, "--detector", f"replay:{tiny_boxes}", *more)


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=44100)
        stream.layout = "mono"
        for i in range(43):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.rate, frame.pts = 44100, 1024 * i
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


# ---- the video


def bad_video(kind: str, tiny_video: Path) -> str:
    """Write a video that is none into the current folder and return what to give for it."""
    data = tiny_video.read_bytes()
    path = Path("bad.mp4")
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("this is no video\n" * 100)
        case "random":
            path.write_bytes(np.random.default_rng(0).bytes(20_000))
        case "only the header":
            path.write_bytes(data[:600])
        case "audio only":
            write_sound(path)
        case "empty folder":
            Path("pictures").mkdir()
            return "pictures"
        case "folder of videos":
            Path("videos").mkdir()
            shutil.copy(tiny_video, "videos/a.mp4")
            return "videos"
        case "broken picture":
            Path("bad.jpg").write_bytes(b"\xff\xd8\xff" + bytes(50))
            return "bad.jpg"
        case "device":
            return "/dev/null"
    return {"missing": "gone.mp4", "glob": "none/*.mp4"}.get(kind, str(path))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "no such file"),
        ("glob", "glob matches no video"),
        ("empty", "bad.mp4"),
        ("text", "bad.mp4"),
        ("random", "bad.mp4"),
        ("only the header", "bad.mp4"),
        ("audio only", "no video in it (only audio)"),
        ("empty folder", "no pictures"),
        ("folder of videos", "give a glob such as"),
        ("broken picture", "can be read"),
        ("device", "/dev/null"),
    ],
)
def test_a_video_that_is_none(
    track: Track, tmp_path: Path, tiny_video: Path, tiny_boxes: Path, kind: str, words: str
) -> None:
    done = track("--video", bad_video(kind, tiny_video), "--detector", f"replay:{tiny_boxes}")
    assert done.code == 1
    assert words in done.complaint
    assert not (tmp_path / "runs").exists()


def test_a_url_where_nobody_answers_shows_no_password(track: Track, tiny_boxes: Path) -> None:
    address = "http://me:hunter2@127.0.0.1:9/live.mp4?token=hunter3"
    done = track("--video", address, "--detector", f"replay:{tiny_boxes}")
    assert done.code == 1
    assert "127.0.0.1" in done.complaint
    assert "hunter" not in done.err


def test_a_video_cut_off_in_the_middle_is_tracked_as_far_as_it_goes(
    track: Track, tmp_path: Path, tiny_video: Path, tiny_boxes: Path
) -> None:
    data = tiny_video.read_bytes()
    (tmp_path / "half.mp4").write_bytes(data[: len(data) * 6 // 10])
    done = track("--video", "half.mp4", "--detector", f"replay:{tiny_boxes}", "--out", "o")
    assert done.code == 0
    assert "note: half.mp4" in done.err
    run = (tmp_path / "o" / "run.json").read_text()
    assert "cut off" in run
    with av.open("o/annotated.mp4") as file:
        assert 5 < sum(1 for _ in file.decode(video=0)) < FRAMES
    assert debris(tmp_path) == ["annotated.mp4", "run.json", "tracks.csv", "tracks.mot.txt"]


def test_no_camera(track: Track, tiny_boxes: Path, tmp_path: Path) -> None:
    done = track("--webcam", "99", "--detector", f"replay:{tiny_boxes}")
    assert done.code == 1
    assert "camera 99: cannot be opened" in done.complaint
    assert debris(tmp_path) == []


# ---- the request


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--video"),
        (("--vidoe", "x.mp4"), "--video"),
        (("road.mp4",), "--video"),
        (("detector",), "'detectors'"),
        (("evaluate",), "Missing command"),
        (("evaluate", "count"), "'counts'"),
        (("train",), "Missing command"),
        (("train", "detector"), "--data"),
        (("train", "detector", "--data", "x", "--out", "y"), "--minutes"),
        (("--video", "x.mp4", "--webcam", "0"), "exclude"),
        (("--webcam", "-1"), "--webcam"),
        (("--webcam", "front"), "--webcam"),
        (("--video",), "--video"),
        (("--config", "gone.toml"), "No such file"),
        (("--set", "speed"), "key=value"),
    ],
)
def test_wrong_usage_without_a_video(track: Track, arguments: tuple[str, ...], words: str) -> None:
    done = track(*arguments)
    assert done.code == 2
    assert words in done.complaint
    assert done.out == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--detector", "smaller_vg"), "unknown detector 'smaller_vg'"),
        (("--detector", "repla"), "did you mean replay?"),
        (("--detector", "replay"), "replay:"),
        (("--propagate", "dlip"), "did you mean dlib?"),
        (("--trigger", "confidnce"), "did you mean confidence?"),
        (("--trigger", "always,intervall"), "did you mean interval?"),
        (("--trigger", ","), "no trigger"),
        (("--associate", "iuo"), "did you mean iou?"),
        (("--classes", "persn"), "did you mean person?"),
        (("--codec", "h265"), "h264"),
        (("--device", "gpu"), "auto, cpu, cuda"),
        (("--score", "1.5"), "[0, 1]"),
        (("--score", "nan"), "not 'nan'"),
        (("--score", "high"), "--score"),
        (("--confidence", "2"), "[0, 1]"),
        (("--interval", "-1"), "at least 0"),
        (("--interval", "nan"), "not 'nan'"),
        (("--trigger", "always", "--interval", "1"), "--interval has no meaning"),
        (("--trigger", "interval", "--confidence", "0.5"), "--confidence has no meaning"),
        (("--propagate", "none"), "--trigger always"),
        (("--propagate", "none", "--trigger", "always,interval"), "--trigger always"),
        (("--set", "propagate.dlib.colour=grey"), "unknown option of propagat"),
        (("--set", "propagate.dlip.colour=grey"), "did you mean dlib?"),
        (("--set", "trigger.interval.interval_s=1"), "the trigger of this run is confidence"),
        (("--set", "propagate.kalman.half_life_s=1"), "kalman"),
        (("--set", "detector.faster_rcnn.nms_iou=0.5"), "the detector of this run is replay"),
        (("--set", "source.video.path=other.mp4"), "--video"),
        (("--set", "source.images.rate_fps=5"), "the source of this run is video"),
        (("--set", "sink.csv.path=other.csv"), "--csv"),
        (("--set", "sink.video.trail_s=long"), "trail_s"),
        (("--set", "trigger.confidence.threshold=often"), "threshold"),
        (("--set", "colour=grey"), "colour"),
        (("--set", "a.b=c"), "a.b"),
    ],
)
def test_wrong_usage(replay: Track, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = replay(*arguments)
    assert done.code == 2
    assert words in done.complaint
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("video = ", "not TOML"),
        ("vidio = 'x.mp4'", "did you mean video?"),
        ("score = 'high'", "score"),
        ("score = 7", "[0, 1]"),
        ("device = 'gpu'", "cuda"),
        ("source = 'video'", "[source.NAME]"),
        ("[trigger]\nconfidence = 0.4", "'confidence'"),
        ("[propagate.dlip]\nx = 1", "did you mean dlib?"),
        ("[trigger.confidence]\ntreshold = 1", "did you mean threshold?"),
        ("[source]\nuse = 'video'", "one table a component"),
    ],
)
def test_wrong_settings(replay: Track, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    done = replay("--config", "bad.toml")
    assert done.code == 2
    assert words in done.complaint


# ---- the detector


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot read the boxes"),
        (b"", "is empty"),
        (b"\x00\xff\xfe\x80" * 40, "det.txt"),
        (b"1,-1,10,10,20\n", "line 1: 5 columns"),
        (b"1,-1,10,10,20,20,0.9\n2,-1,ten,10,20,20,0.9\n", "line 2: 'ten' is no number"),
        (b"frame,x1,y1\n0,1,2\n", "line 1: the header has no column"),
    ],
)
def test_boxes_that_cannot_be_replayed(
    track: Track, tmp_path: Path, tiny_video: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "det.txt").write_bytes(content)
    done = track("--video", tiny_video, "--detector", "replay:det.txt")
    assert done.code == 1
    assert words in done.complaint
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("content", "words"), [(None, "missing"), (b"", "cannot be read"), (b"garbage" * 500, "cannot be read")]
)
def test_weights_that_are_none(
    track: Track, tmp_path: Path, tiny_video: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "x.pt").write_bytes(content)
    done = track("--video", tiny_video, "--detector", "x.pt")
    assert done.code == 1
    assert words in done.complaint
    assert not (tmp_path / "runs").exists()


# ---- the results


def test_an_output_folder_that_is_a_file(replay: Track, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    for place in ("taken", "taken/below/it"):
        done = replay("--out", place)
        assert done.code == 1
        assert "is a file, not a folder" in done.complaint
    assert (tmp_path / "taken").read_text() == "mine"


def test_results_that_are_folders(replay: Track, tmp_path: Path) -> None:
    (tmp_path / "o" / "annotated.mp4").mkdir(parents=True)
    done = replay("--out", "o", "--overwrite")
    assert done.code == 1
    assert "annotated.mp4" in done.complaint
    assert not [name for name in debris(tmp_path) if name.endswith(".part")]


def test_a_folder_in_which_nobody_may_write(replay: Track) -> None:
    """Root may write everywhere but into the kernel's own folders."""
    done = replay("--out", "/proc/1/road-tracker")
    assert done.code == 1
    assert "/proc/1/road-tracker" in done.complaint


def test_show_without_a_display(replay: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    done = replay("--show")
    assert done.code == 1
    assert "--show needs a display" in done.complaint
    assert debris(tmp_path) == []


def test_show_on_a_display_that_is_gone(
    replay: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenCV would abort the process here: exit code 134."""
    monkeypatch.setenv("DISPLAY", ":97")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    done = replay("--show")
    assert done.code == 1
    assert ":97" in done.complaint
    assert debris(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a disk of 24 kB; where none may be mounted, a folder in which no file may grow beyond 16 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", str(folder)]
    mounted = shutil.which("mount") and not subprocess.run(mount, capture_output=True, check=False).returncode
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    if not mounted:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16384, before[1]))
    yield folder
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    if mounted:
        subprocess.run(["umount", str(folder)], check=False)


def test_a_disk_that_fills_up(replay: Track, small_disk: Path) -> None:
    done = replay("--out", small_disk / "o")
    assert done.code == 1
    assert done.complaint.startswith("track: cannot write")
    left = debris(small_disk)
    assert not [name for name in left if name.endswith(".part")]
    assert "annotated.mp4" not in left
    lines = (small_disk / "o" / "tracks.csv").read_text().splitlines()
    assert all(line.count(",") == 10 for line in lines)


def test_files_that_may_not_grow(tmp_path: Path, tiny_video: Path, tiny_boxes: Path) -> None:
    """In a process of its own, from beginning to end: a file may not grow beyond 16 kB."""
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384));"
        "from tracker.cli import main; main()"
    )
    run = [sys.executable, "-c", script, "--video", str(tiny_video), "--detector", f"replay:{tiny_boxes}"]
    done = subprocess.run([*run, "--out", "o"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("track: cannot write")
    assert "annotated.mp4" not in debris(tmp_path)
    assert not [name for name in debris(tmp_path) if name.endswith(".part")]


# ---- in the middle of a run


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
def test_interrupting_keeps_what_was_done(tmp_path: Path, long_run: list[str], stop: signal.Signals) -> None:
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
    assert debris(folder) == ["annotated.mp4", "run.json", "tracks.csv", "tracks.mot.txt"]


def test_debug_shows_where(track: Track) -> None:
    done = track("--video", "gone.mp4", "--debug", "--detector", "replay:gone.txt")
    assert done.code == 1
    assert "Traceback" in done.err
    assert done.err.splitlines()[-1].startswith("track: gone.mp4: no such file")

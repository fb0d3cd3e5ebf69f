"""Bad input, through the command line: one line that says what is wrong, the right exit code, no debris."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

Track = Callable[..., Any]
Debris = Callable[[Path], list[str]]
FRAMES = 50


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=44100)
        stream.layout = "mono"
        for i in range(43):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.rate, frame.pts = 44100, 1024 * i
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def write_sizeless(path: Path, codec: str, pix_fmt: str) -> None:
    """Write an AVI of ten frames and put 0 x 0 into its two headers, which are all that knows the size."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, pix_fmt
        for grey in range(0, 200, 20):
            picture = np.full((16, 32, 3), grey, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        file.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    for header, offset in ((b"avih", 8 + 32), (b"strf", 8 + 4)):
        start = data.index(header) + offset
        width, height = struct.unpack_from("<ii", data, start)
        assert (width, abs(height)) == (32, 16)  # a picture that is stored top down has a negative height
        data[start : start + 8] = bytes(8)
    path.write_bytes(data)


def sizeless_pictures() -> dict[str, bytes]:
    """Return pictures of 0 x 0 pixels, and one of 0 bytes, by their names."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 0, 0, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    info = struct.pack("<IiiHHIIiiII", 40, 0, 0, 1, 24, 0, 0, 0, 0, 0, 0)
    bmp = b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info
    return {"1.png": png, "2.bmp": bmp, "3.ppm": b"P6\n0 0\n255\n", "4.jpg": b""}


# ---- the video


NAMES = {"missing": "gone.mp4", "glob": "none/*.mp4", "device": "/dev/null"}
CONTENTS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda good: b"",
    "text": lambda good: b"this is no video\n" * 100,
    "random": lambda good: np.random.default_rng(0).bytes(20_000),
    "only the header": lambda good: good[:600],
    "cut off in the first frame": lambda good: good[: good.index(b"mdat") + 40],
}


def bad_video(kind: str, tiny_video: Path) -> str:
    """Write a video that is none into the current folder and return what to give for it."""
    path = Path("bad.mp4")
    match kind:
        case "audio only":
            write_sound(path)
        case "raw frames of 0 x 0":
            write_sizeless(path := Path("bad.avi"), "rawvideo", "bgr24")
        case "coded frames of 0 x 0":
            write_sizeless(path := Path("bad.avi"), "ffv1", "yuv420p")
        case "broken picture":
            (path := Path("bad.jpg")).write_bytes(b"\xff\xd8\xff" + bytes(50))
        case "empty folder" | "folder of videos" | "pictures of 0 x 0":
            return bad_folder(kind, tiny_video)
        case _ if kind in CONTENTS:
            path.write_bytes(CONTENTS[kind](tiny_video.read_bytes()))
    return NAMES.get(kind, str(path))


def bad_folder(kind: str, tiny_video: Path) -> str:
    Path("folder").mkdir()
    if kind == "folder of videos":
        shutil.copy(tiny_video, "folder/a.mp4")
    if kind == "pictures of 0 x 0":
        for name, content in sizeless_pictures().items():
            Path("folder", name).write_bytes(content)
    return "folder"


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
        ("folder of videos", "give a glob in quotes, such as"),
        ("broken picture", "can be read"),
        ("device", "/dev/null: is not a file"),
        ("raw frames of 0 x 0", "its size is 0 x 0 pixels"),
        ("coded frames of 0 x 0", "its size is 0 x 0 pixels"),
        ("pictures of 0 x 0", "not one of the 4 pictures can be read"),
        ("cut off in the first frame", "not one frame can be decoded"),
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
    track: Track, tmp_path: Path, tiny_video: Path, tiny_boxes: Path, debris: Debris
) -> None:
    data = tiny_video.read_bytes()
    (tmp_path / "half.mp4").write_bytes(data[: len(data) * 6 // 10])
    done = track("--video", "half.mp4", "--detector", f"replay:{tiny_boxes}", "--out", "o")
    assert done.code == 0
    assert "note: half.mp4" in done.err
    run = json.loads((tmp_path / "o" / "run.json").read_text())
    assert run["completed"] is True
    assert [warning for warning in run["warnings"] if "half.mp4" in warning and "cut off" in warning]
    with av.open("o/annotated.mp4") as file:
        assert 5 < sum(1 for _ in file.decode(video=0)) < FRAMES
    assert debris(tmp_path) == ["annotated.mp4", "run.json", "tracks.csv", "tracks.mot.txt"]


def test_no_camera(track: Track, tiny_boxes: Path, tmp_path: Path, debris: Debris) -> None:
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
        (("train", "detector"), "--out"),
        (("train", "detector", "--out", "y", "--steps", "1"), "name a folder with --data"),
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
        (("--budget", "1.5"), "budget must be above 0 and at most 1"),
        (("--propagate", "none", "--trigger", "always", "--budget", "0.5"), "there is no budget for that"),
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

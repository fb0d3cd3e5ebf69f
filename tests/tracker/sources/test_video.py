"""Video files: time stamps, rotation, and everything that can be wrong with a file."""

from __future__ import annotations

import itertools
import os
from contextlib import nullcontext
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from detectors.frame import Frame
from tracker.errors import SourceError
from tracker.sources.video import Config, build


def read(path: Path, **options: object) -> tuple[list[Frame], tuple[str, ...]]:
    with build(Config(str(path), **options)) as source:
        return list(source), source.warnings


def times(frames: list[Frame]) -> list[float]:
    return [round(f.time_s, 3) for f in frames]


def half_white() -> np.ndarray:
    """Return a picture no two of whose eight orientations are alike: one white, one red corner."""
    image = np.zeros((64, 96, 3), np.uint8)
    image[:24, :24] = 255
    image[:24, 72:] = (0, 0, 255)
    return image


def test_a_plain_file(make_video):
    path = make_video(images=20)
    with build(Config(str(path))) as source:
        info = source.info
        frames = list(source)
        assert source.warnings == ()
    assert (info.name, info.width, info.height, info.live) == (str(path), 96, 64, False)
    assert (info.rate_fps, info.frames) == (25.0, 20)
    assert info.duration_s == pytest.approx(0.8)
    assert times(frames) == [round(i / 25, 3) for i in range(20)]
    assert [f.index for f in frames] == list(range(20))
    assert not any(f.cut or f.gap_s or f.wall_time for f in frames)


def test_pictures_are_those_that_opencv_decodes(make_video):
    path = make_video(images=5)
    capture = cv2.VideoCapture(str(path))
    for frame in read(path)[0]:
        assert np.abs(capture.read()[1].astype(int) - frame.image).max() <= 1


@pytest.mark.parametrize("name", ["vfr.mp4", "vfr.mkv"])
def test_a_variable_frame_rate_is_kept(make_video, name):
    stamps = [500, 540, 600, 900, 910, 1500, 1540]
    frames, warnings = read(make_video(name, 7, pts_ms=stamps))
    assert times(frames) == [(s - 500) / 1000 for s in stamps]
    assert warnings == ()
    assert not any(f.gap_s for f in frames)


def test_a_gap_is_what_a_step_is_longer_than_usual(make_video):
    stamps = [*range(0, 800, 40), *range(4760, 5560, 40)]
    frames, _ = read(make_video("gap.mp4", 40, pts_ms=stamps))
    gaps = {f.index: f.gap_s for f in frames if f.gap_s}
    assert list(gaps) == [20]
    assert gaps[20] == pytest.approx(4.0 - 0.139, abs=0.15)  # less the average step, gap included


@pytest.mark.parametrize("name", ["hour.mp4", "hour.mkv"])
def test_jumps_ahead_are_one_note_that_says_where_and_how_long(make_video, name):
    hour = 3_600_000
    stamps = [*range(0, 800, 40), *range(hour, hour + 800, 40), *range(2 * hour, 2 * hour + 800, 40)]
    frames, warnings = read(make_video(name, 60, pts_ms=stamps))
    assert times(frames) == [stamp / 1000 for stamp in stamps]
    assert [warning.partition(": ")[2] for warning in warnings] == [
        "jumps ahead in time, with no frames between: 2, the first by 3599.2 s before frame 20 at 3600.0 s"
    ]


@pytest.mark.parametrize(
    ("degrees", "hflip", "vflip"), list(itertools.product((0, 90, 180, -90), (False, True), (False, True)))
)
def test_frames_are_turned_upright(make_video, degrees, hflip, vflip):
    path = make_video(images=[half_white()] * 2, rotation=(degrees, hflip, vflip))
    expected = np.rot90(half_white(), degrees // 90)
    expected = expected[:, ::-1] if hflip else expected
    expected = expected[::-1] if vflip else expected
    with build(Config(str(path))) as source:
        image = next(iter(source)).image
        assert (source.info.height, source.info.width) == image.shape[:2] == expected.shape[:2]
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - expected).mean() < 8


def test_two_recordings_joined_run_backwards_once(make_video):
    one = make_video("one.ts", 20).read_bytes()
    path = make_video("joined.ts", 5)
    path.write_bytes(one + one)
    frames, warnings = read(path)
    steps = np.diff([f.time_s for f in frames])
    assert len(frames) == 40
    assert steps.min() > 0
    assert steps.max() <= 0.0401
    assert "time stamps that ran backwards, repaired: 1" in [w.partition(": ")[2] for w in warnings]


def test_frames_without_time_stamps(make_video):
    frames, warnings = read(make_video("raw.h264", 20, format="h264"))
    assert times(frames) == [round(i / 25, 3) for i in range(20)]
    assert [w.partition(": ")[2] for w in warnings] == [
        "frames without a time stamp, placed by the nominal frame rate: 20"
    ]


def test_a_change_of_size_is_scaled_to_the_first(make_video):
    small = make_video("small.ts", [half_white()] * 6).read_bytes()
    path = make_video("large.ts", [cv2.resize(half_white(), (192, 128))] * 6)
    path.write_bytes(small + path.read_bytes())
    frames, warnings = read(path)
    assert {f.image.shape for f in frames} == {(64, 96, 3)}
    assert np.abs(frames[-1].image.astype(int) - frames[0].image).mean() < 8
    assert any("another size than the first, scaled to it: 6" in w for w in warnings)


@pytest.mark.parametrize(("width", "height"), [(98, 66), (150, 82)])
def test_any_width_gives_contiguous_pictures(make_video, width, height):
    frames, _ = read(make_video(images=[np.full((height, width, 3), 90, np.uint8)] * 3))
    assert all(f.image.shape == (height, width, 3) and f.image.flags.c_contiguous for f in frames)


@pytest.mark.parametrize("name", ["cut.mp4", "cut.avi", "cut.mkv"])
def test_a_file_cut_off_in_the_middle_gives_what_there_is(make_video, name):
    noise = np.random.default_rng(0).integers(0, 255, (60, 64, 96, 3), dtype=np.uint8)
    path = make_video(name, list(noise))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    frames, warnings = read(path)
    assert 20 <= len(frames) < 45
    assert len([w for w in warnings if "ends after" in w and "cut off" in w]) == 1


@pytest.mark.parametrize("name", ["whole.mp4", "whole.avi", "whole.mkv", "whole.ts"])
def test_a_whole_file_gives_no_warning(make_video, name):
    frames, warnings = read(make_video(name, 30))
    assert len(frames) == 30
    assert warnings == ()


def test_damage_in_the_middle_is_told_and_passed_over(make_video):
    noise = np.random.default_rng(0).integers(0, 255, (40, 64, 96, 3), dtype=np.uint8)
    path = make_video(images=list(noise))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 30_000] = bytes(30_000)
    path.write_bytes(data)
    frames, warnings = read(path)
    assert 20 <= len(frames) < 40
    assert any("cannot be decoded" in w for w in warnings)
    assert all(a.time_s < b.time_s for a, b in itertools.pairwise(frames))


def bad_file(tmp_path: Path, kind: str) -> Path:
    content = {
        "missing.mp4": None,
        "empty.mp4": b"",
        "text.mp4": b"not a video\n" * 100,
        "text.txt": b"not a video\n" * 100,
        "noise.mp4": np.random.default_rng(0).bytes(20_000),
        "noise.bin": np.random.default_rng(1).bytes(20_000),
    }[kind]
    if content is not None:
        (tmp_path / kind).write_bytes(content)
    return tmp_path / kind


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("missing.mp4", "no such file"),
        ("empty.mp4", "is empty"),
        ("text.mp4", "is not a video"),
        ("text.txt", "is a text file"),
        ("noise.mp4", "is not a video"),
        ("noise.bin", "is not a video"),
    ],
)
def test_what_is_no_video_is_said_in_one_line(tmp_path, kind, says):
    path = bad_file(tmp_path, kind)
    with pytest.raises(SourceError, match=says) as caught:
        build(Config(str(path))).__enter__()
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_folder_is_no_video(tmp_path):
    with pytest.raises(SourceError, match="is a folder"):
        build(Config(str(tmp_path))).__enter__()


def test_a_file_that_may_not_be_read(make_video):
    path = make_video(images=3)
    path.chmod(0)
    refused = pytest.raises(SourceError, match="permissions")
    with nullcontext() if os.geteuid() == 0 else refused:  # root may read every file
        assert len(read(path)[0]) == 3


def test_sound_alone_is_no_video(make_sound):
    with pytest.raises(SourceError, match="no video in it \\(only audio\\)"):
        build(Config(str(make_sound()))).__enter__()


def test_a_cover_picture_is_no_video(tmp_path, make_sound):
    path = tmp_path / "song.mkv"
    cover = cv2.imencode(".png", half_white())[1].tobytes()
    with av.open(str(make_sound())) as sound, av.open(str(path), "w") as file:
        track = file.add_stream_from_template(sound.streams.audio[0])
        file.add_attachment("cover.png", "image/png", cover)
        for packet in sound.demux(sound.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = track
                file.mux(packet)
    with pytest.raises(SourceError, match="no video in it"):
        build(Config(str(path))).__enter__()


def test_an_mp4_whose_index_is_missing_says_so(make_video):
    path = make_video(fast_start=False)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(SourceError, match="index of this MP4 is missing"):
        build(Config(str(path))).__enter__()


def test_not_one_frame_that_can_be_decoded(make_video):
    path = make_video(images=6)
    data = path.read_bytes()
    begin = data.index(b"mdat") + 4
    path.write_bytes(data[:begin] + bytes(len(data) - begin))
    with pytest.raises(SourceError, match="not one frame can be decoded"):
        build(Config(str(path))).__enter__()


def test_a_colon_in_the_name_is_no_protocol(make_video, monkeypatch):
    path = make_video("http:road.mp4", 3)
    monkeypatch.chdir(path.parent)
    assert len(read(Path("http:road.mp4"))[0]) == 3


def test_options_are_checked():
    with pytest.raises(ValueError, match="path"):
        Config("")
    for timeout_s in (0, -1, float("inf"), float("nan"), 1e9):
        with pytest.raises(ValueError, match="timeout_s"):
            Config("road.mp4", timeout_s=timeout_s)


def test_cuts_are_marked_and_can_be_left_out(make_video):
    scenes = [
        np.kron(np.random.default_rng(s).integers(0, 255, (8, 12, 3)), np.ones((8, 8, 1))) for s in (1, 2, 3)
    ]
    path = make_video(images=[s.astype(np.uint8) for s in scenes for _ in range(8)])
    assert [f.index for f in read(path)[0] if f.cut] == [8, 16]
    assert not any(f.cut for f in read(path, cuts=False)[0])


def test_the_decoder_knows_the_size_better_than_the_container(make_video):
    path = make_video("road.avi", images=5)
    data = bytearray(path.read_bytes())
    for header, offset in ((b"avih", 8 + 32), (b"strf", 8 + 4)):
        start = data.index(header) + offset
        assert data[start : start + 8] == np.array([96, 64], "<i4").tobytes()
        data[start : start + 8] = bytes(8)
    path.write_bytes(data)
    frames, _ = read(path)
    assert [frame.image.shape for frame in frames] == [(64, 96, 3)] * 5

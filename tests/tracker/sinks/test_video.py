"""``annotated.mp4``: time stamps, codecs, sizes, and a disk that fills up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tracker.errors import SinkError
from tracker.sinks._encode import to_yuv420
from tracker.sinks.video import Config, VideoSink, build, queue_length
from tracker.types import FrameResult, Reason, RunInfo, SourceInfo, Track

Make = Callable[..., Track]
Result = Callable[..., FrameResult]
Limit = Callable[[int], None]


def run_of(run: RunInfo, **source: object) -> RunInfo:
    info = SourceInfo("road.mp4", 64, 64, **source)  # type: ignore[arg-type]
    return RunInfo(info, run.class_names, run.settings, run.start)


def times_of(path: Path) -> tuple[list[float], float]:
    """Decode a file; return the frames' times and the length in seconds."""
    with av.open(str(path)) as file:
        times = [float(frame.time) for frame in file.decode(video=0)]
        assert file.duration is not None
        return times, file.duration / av.time_base


def top_boxes(path: Path) -> list[str]:
    """List the boxes of an MP4 file in their order."""
    data, at, names = path.read_bytes(), 0, []
    while at < len(data):
        names.append(data[at + 4 : at + 8].decode())
        at += int.from_bytes(data[at : at + 4])
    assert at == len(data)
    return names


def write_noise(sink: VideoSink, make_result: Result) -> None:
    rng = np.random.default_rng(0)
    for index in range(500):
        result = make_result(index, size=(128, 128))
        result.frame.image[:] = rng.integers(0, 256, result.frame.image.shape, np.uint8)
        sink.write(result)


def test_a_variable_frame_rate_is_kept_and_the_end_too(
    tmp_path: Path, run_info: RunInfo, make_result: Result
) -> None:
    gaps = np.random.default_rng(1).choice([0.02, 0.04, 0.041, 0.1, 0.5], size=40)
    times = [0.0, *np.cumsum(gaps).tolist()]
    path = tmp_path / "annotated.mp4"
    sink = build(Config(str(path)))
    sink.open(run_of(run_info, rate_fps=25.0, duration_s=times[-1] + 0.07))
    for index, time_s in enumerate(times):
        sink.write(make_result(index, time_s=time_s, grey=40 + 4 * index))
    sink.close(True)
    found, duration_s = times_of(path)
    np.testing.assert_allclose(found, times, atol=1 / 90_000)
    assert duration_s == pytest.approx(times[-1] + 0.07, abs=0.002)


def test_it_begins_at_zero_and_time_that_stands_still_goes_on(
    tmp_path: Path, run_info: RunInfo, make_result: Result
) -> None:
    path = tmp_path / "annotated.mp4"
    sink = build(Config(str(path)))
    sink.open(run_of(run_info))
    for index, time_s in enumerate([5.0, 5.04, 5.04, 5.08]):
        sink.write(make_result(index, time_s=time_s))
    sink.close(True)
    found, duration_s = times_of(path)
    np.testing.assert_allclose(found, [0.0, 0.04, 0.04, 0.08], atol=2e-5)
    assert len(set(found)) == 4
    assert duration_s == pytest.approx(0.12, abs=0.002)


def test_a_single_frame_lasts_one_nominal_step(
    tmp_path: Path, run_info: RunInfo, make_result: Result
) -> None:
    sink = build(Config(str(tmp_path / "annotated.mp4")))
    sink.open(run_of(run_info, rate_fps=12.5))
    sink.write(make_result(0))
    sink.close(True)
    assert times_of(tmp_path / "annotated.mp4") == ([0.0], pytest.approx(0.08, abs=0.001))


@pytest.mark.parametrize(("codec", "name"), [("h264", "h264"), ("vp9", "vp9"), ("av1", "av1")])
def test_browsers_can_play_it(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result, codec: str, name: str
) -> None:
    path = tmp_path / "annotated.mp4"
    sink = build(Config(str(path), codec=codec))  # type: ignore[arg-type]
    sink.open(run_info)
    for index in range(8):
        sink.write(make_result(index, make_track(1), reason=Reason.ALWAYS))
    sink.close(True)
    boxes = top_boxes(path)
    assert boxes.index("moov") < boxes.index("mdat")
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name.replace("libdav1d", "av1"), stream.pix_fmt) == (name, "yuv420p")
        frames = list(file.decode(stream))
    assert [frame.time for frame in frames] == pytest.approx([i / 25 for i in range(8)])


def test_odd_sizes_get_one_more_row_and_column(
    tmp_path: Path, run_info: RunInfo, make_result: Result
) -> None:
    sink = build(Config(str(tmp_path / "annotated.mp4")))
    sink.open(run_info)
    for index in range(3):
        sink.write(make_result(index, size=(65, 49)))
    sink.write(make_result(3, size=(130, 98)))  # a stream that changes its size is scaled to the first
    sink.close(True)
    with av.open(str(tmp_path / "annotated.mp4")) as file:
        sizes = {(frame.width, frame.height) for frame in file.decode(video=0)}
    assert sizes == {(66, 50)}


def test_a_full_disk_is_told_once_and_leaves_nothing(
    tmp_path: Path, run_info: RunInfo, make_result: Result, small_disk: Limit
) -> None:
    sink = build(Config(str(tmp_path / "annotated.mp4")))
    sink.open(run_info)
    small_disk(20_000)
    with pytest.raises(SinkError, match=r"cannot write .*annotated\.mp4: File too large") as caught:
        write_noise(sink, make_result)
    assert "\n" not in str(caught.value)
    sink.close(False)
    assert list(tmp_path.iterdir()) == []
    assert not any(thread.name == "video sink" for thread in threading.enumerate())


def test_a_full_disk_at_the_very_end_is_told_too(
    tmp_path: Path, run_info: RunInfo, make_result: Result, small_disk: Limit
) -> None:
    sink = build(Config(str(tmp_path / "annotated.mp4")))
    sink.open(run_info)
    small_disk(500)
    for index in range(4):
        sink.write(make_result(index))
    with pytest.raises(SinkError):
        sink.close(True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("width", "height", "most", "expected"),
    [(1280, 720, 4, 4), (1920, 1080, 4, 4), (3840, 2160, 4, 2), (3840, 2160, 1, 1), (7680, 4320, 9, 2)],
)
def test_large_pictures_wait_in_a_shorter_queue(width: int, height: int, most: int, expected: int) -> None:
    assert queue_length(most, SourceInfo("x", width, height)) == expected


def test_a_source_of_unknown_size_has_the_queue_that_was_asked_for() -> None:
    assert queue_length(4, SourceInfo("x", 0, 0)) == 4


def test_colours_survive_the_conversion() -> None:
    colours = np.random.default_rng(3).integers(0, 256, (4, 6, 3), np.uint8)
    image = np.kron(colours, np.ones((8, 8, 1), np.uint8))
    frame = av.VideoFrame.from_ndarray(to_yuv420(image), format="yuv420p")
    assert Fraction(frame.width, frame.height) == Fraction(48, 32)
    back = frame.to_ndarray(format="bgr24").astype(int)
    centres = back[4::8, 4::8]
    assert np.abs(centres - colours).max() <= 4

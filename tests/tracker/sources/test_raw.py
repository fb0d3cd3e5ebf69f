"""A stream recorded as the camera sent it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tracker.parts import PART_NAME, new_part, remove_old_parts
from tracker.sources._ledger import Ledger
from tracker.sources._notes import Notes
from tracker.sources._packets import PacketLine
from tracker.sources._raw import RawOptions, RawRecorder
from tracker.sources.video import Config, video_stream

RATE = 25
NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def written(path: Path, reordered: int) -> Path:
    rng = np.random.default_rng(0)
    options = {"g": "25", "bf": str(reordered), "sc_threshold": "0"}
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height = 96, 64
        for _ in range(4 * RATE):
            image = rng.integers(0, 255, (64, 96, 3), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        file.mux(stream.encode(None))
    return path


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """Four seconds, a key picture each, as a transport stream."""
    return written(tmp_path / "sent.ts", 0)


def played(path: Path) -> list[float]:
    with av.open(str(path)) as file:
        return [float(frame.time) for frame in file.decode(video=0)]


def parts_of(folder: Path) -> list[Path]:
    return sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)


def test_every_picture_is_there_in_parts_that_begin_with_a_key_picture(sent, tmp_path):
    notes, folder = Notes("camera"), tmp_path / "recording"
    recorder = RawRecorder(RawOptions(folder, part_s=1.5), notes)
    container = av.open(str(sent))
    line = PacketLine(container, video_stream(container, "sent"), Ledger(), 2.0, raw=recorder)
    assert len(list(line)) == 4 * RATE  # decoding goes on beside it
    line.close()
    times = [played(part) for part in parts_of(folder)]
    assert [len(part) for part in times] == [50, 50]  # the first key picture behind a second and a half
    assert all(part == pytest.approx(np.arange(50) / RATE, abs=1e-3) for part in times)
    assert all(PART_NAME.fullmatch(part.name) for part in folder.iterdir())
    assert notes.lines() == ()


def packets(path: Path) -> list[av.Packet]:
    container = av.open(str(path))
    return [packet for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("reordered", [0, 2])
def test_the_first_packets_of_an_rtsp_connection_have_no_times(tmp_path, reordered):
    """The first has none at all; where pictures come out of order, some more have no time of decoding."""
    recorder = RawRecorder(RawOptions(tmp_path / "recording"), Notes("camera"))
    taken = packets(written(tmp_path / "sent.ts", reordered))
    for packet in taken:
        packet.duration = round(Fraction(1, RATE) / packet.time_base)
    taken[0].pts = taken[0].dts = None
    for packet in taken[1 : 1 + reordered]:
        packet.dts = None
    for packet in taken:
        recorder.take(packet)
    recorder.end()
    (part,) = parts_of(tmp_path / "recording")
    times = played(part)
    assert np.diff(times) == pytest.approx(np.full(99, 1 / RATE), abs=1e-3)


def test_another_connection_begins_another_part(sent, tmp_path):
    for count in (30, 60):
        recorder = RawRecorder(RawOptions(tmp_path / "recording"), Notes("camera"))
        for packet in packets(sent)[:count]:
            recorder.take(packet)
        recorder.end()
    assert [len(played(part)) for part in parts_of(tmp_path / "recording")] == [30, 60]


def test_a_clock_that_goes_back_begins_another_part(sent, tmp_path):
    recorder = RawRecorder(RawOptions(tmp_path / "recording"), Notes("camera"))
    for packet in (*packets(sent)[:60], *packets(sent)[:40]):
        recorder.take(packet)
    recorder.end()
    assert [len(played(part)) for part in parts_of(tmp_path / "recording")] == [60, 40]


def test_what_was_written_before_a_power_cut_can_be_played(sent, tmp_path):
    recorder = RawRecorder(RawOptions(tmp_path / "recording"), Notes("camera"))
    for packet in packets(sent)[:90]:
        recorder.take(packet)
    cut = shutil.copy(next((tmp_path / "recording").iterdir()), tmp_path / "cut.mp4")
    assert len(played(cut)) >= 50
    recorder.end()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="RIGHTS NOT TESTED: /dev/full is Linux's")
def test_a_folder_that_cannot_be_written_ends_the_recording_alone(sent, tmp_path):
    (tmp_path / "file").write_text("")
    notes = Notes("camera")
    recorder = RawRecorder(RawOptions(tmp_path / "file" / "recording"), notes)
    for packet in packets(sent):
        recorder.take(packet)
    recorder.end()
    (said,) = notes.lines()
    assert said.startswith("camera: the raw recording ended: ")


@pytest.mark.parametrize(("keep", "left"), [({"keep_days": 2}, 4), ({"keep_gb": 2.5e-5}, 2), ({}, 10)])
def test_the_oldest_parts_of_both_kinds_are_removed_first(tmp_path, keep, left):
    for days in range(1, 6):
        for kind in ("annotated", "raw"):
            new_part(tmp_path, kind, NOON - timedelta(days=days)).write_bytes(b"0" * 10_000)
    (tmp_path / "note.txt").write_text("mine")
    removed = remove_old_parts(tmp_path, NOON, **keep)
    stay = [path.name for path in tmp_path.iterdir() if path.name != "note.txt"]
    assert (len(stay), len(removed)) == (left, 10 - left)
    assert all("2026112" in name for name in stay)
    assert (tmp_path / "note.txt").exists()


def test_names_are_free(tmp_path):
    names = []
    for _ in range(3):
        path = new_part(tmp_path, "raw", NOON)
        path.touch()
        names.append(path.name)
    stem = "raw-20261126T120000Z"
    assert names == [f"{stem}.mp4", f"{stem}-2.mp4", f"{stem}-3.mp4"]


@pytest.mark.parametrize(
    "wrong", [{"raw_part_s": 0}, {"raw_keep_gb": -1}, {"raw_keep_days": 0}, {"silent_s": 0}]
)
def test_wrong_values(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Config("rtsp://camera/1", **wrong)

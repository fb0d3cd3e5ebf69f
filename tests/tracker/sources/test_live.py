"""A live source: its clock, its ledger, and what is dropped where nobody keeps up."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.errors import SourceError
from tracker.sources._ledger import Ledger
from tracker.sources._live import Reconnecting, Shot
from tracker.sources._live_clock import LiveClock
from tracker.sources._notes import Notes
from tracker.sources._packets import PacketLine
from tracker.sources.video import video_stream

RATE = 25


@given(
    st.lists(st.tuples(st.none() | st.floats(-1e6, 1e6), st.floats(0, 5)), min_size=2, max_size=60),
    st.integers(0, 60),
)
def test_times_never_fall_and_stay_near_the_clock(pictures, lost_at):
    clock, arrival_s, times = LiveClock(), 100.0, []
    for n, (stamp_s, step_s) in enumerate(pictures):
        arrival_s += step_s
        if n == lost_at:
            clock.reconnect()
        times.append(clock.place(stamp_s, arrival_s))
    assert all(a < b for a, b in pairwise(times))
    assert abs(times[-1] - (arrival_s - 100 - pictures[0][1])) <= 10.1


@pytest.mark.parametrize("step_s", [0.01, 0.04, 0.2])  # also where the nominal rate is wrong
def test_a_stamp_that_is_missing_or_repeated_makes_nothing_race(step_s):
    """RTSP's first picture has none, and its stamps are set right when the camera tells its clock."""
    stamps = [None, *(n / RATE for n in range(50)), *(n / RATE for n in range(49, 100))]
    clock = LiveClock(step_s)
    times = [clock.place(stamp_s, n / RATE) for n, stamp_s in enumerate(stamps)]
    steps = np.diff(times)[1 if step_s != 0.04 else 0 :]
    assert steps.min() > 0.5 / RATE
    assert steps.max() < (6 if step_s > 0.04 else 1.1) / RATE
    assert np.median(steps) == pytest.approx(1 / RATE, rel=0.01)


def test_what_a_camera_had_stored_comes_at_once():
    """A second of video in the first moment: it lasts a second."""
    clock = LiveClock()
    times = [clock.place(n / RATE, max(0.01 * n, n / RATE - 1)) for n in range(100)]
    assert np.diff(times) == pytest.approx(np.full(99, 1 / RATE), rel=0.003)


def test_the_camera_says_how_far_apart_pictures_are():
    """They come in bursts of five; their times have the camera's even steps."""
    clock = LiveClock()
    times = [clock.place(n / RATE, 50 + (n // 5 + 1) * 5 / RATE) for n in range(200)]
    assert np.diff(times) == pytest.approx(np.full(199, 1 / RATE), rel=0.003)


@pytest.mark.parametrize("drift", [-3e-4, 3e-4])
def test_a_camera_whose_clock_drifts_is_led_by_ours(drift):
    clock, time_s = LiveClock(), 0.0
    for n in range(RATE * 3600):
        time_s = clock.place(n / RATE * (1 + drift), n / RATE)
    assert time_s == pytest.approx(3600, abs=0.05)  # the drift alone would be a second


def test_a_clock_that_is_set_makes_no_hole():
    clock = LiveClock()
    stamps = [n / RATE + (3600 if n >= 50 else 0) for n in range(100)]
    times = [clock.place(stamp_s, n / RATE) for n, stamp_s in enumerate(stamps)]
    assert np.diff(times).max() == pytest.approx(1 / RATE, rel=0.01)


class Scripted:
    """A line with so many pictures."""

    def __init__(self, number: int, ledger: Ledger, why: str = "") -> None:
        self._number, self._ledger, self.why = number, ledger, why

    def __iter__(self) -> Iterator[Shot]:
        for _ in range(self._number):
            self._ledger.receive(time.monotonic())
            image = np.zeros((4, 4, 3), np.uint8)
            yield Shot(lambda image=image: image, None, time.monotonic(), datetime.now(UTC))

    def close(self) -> None:
        """Nothing is open."""

    def wait(self, timeout_s: float) -> None:
        """Nothing runs."""


def test_a_line_is_opened_again_until_it_is_there():
    ledger, notes = Ledger(), Notes("camera")
    no = SourceError("no")
    answers: list[object] = [no, no, Scripted(3, ledger, "cut"), no]

    def reopen() -> Scripted:
        answer = answers.pop(0) if answers else no
        if isinstance(answer, SourceError):
            raise answer
        assert isinstance(answer, Scripted)
        return answer

    reader = Reconnecting(Scripted(2, ledger), reopen, ledger, notes)
    pictures = reader.pictures()
    indices = [next(pictures).index for _ in range(5)]
    threading.Timer(0.3, reader.stop).start()
    assert list(pictures) == []  # it waited for the camera until it was stopped
    assert indices == [0, 1, 2, 3, 4]
    health = ledger.health()
    assert (health.received, health.losses, health.state, health.why) == (5, 2, "ended", "cut")
    assert notes.lines() == ("camera: lost the line: 2, the first time: the other side ended it",)


def clip(path: Path, frames: int, key_every: int) -> bytes:
    """Return noise as a transport stream."""
    options = {"g": str(key_every), "bf": "0", "sc_threshold": "0"}  # no scene begins with a key picture
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height = 96, 64
        for _ in range(frames):
            image = rng.integers(0, 255, (64, 96, 3), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        file.mux(stream.encode(None))
    return path.read_bytes()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two seconds with a key picture every half."""
    clip(tmp_path / "road.ts", 2 * RATE, 12)
    return tmp_path / "road.ts"


def line_of(path: Path, ledger: Ledger) -> PacketLine:
    container = av.open(str(path))
    return PacketLine(container, video_stream(container, str(path)), ledger, 2.0)


def a_key_just_came(ledger: Ledger, number: int, key_every: int) -> bool:
    """Sleep until a key picture came, behind the first ``number``; whatever holds this thread up."""
    before, before_s, end_s = 0, time.monotonic(), time.monotonic() + 10
    while time.monotonic() < end_s:
        time.sleep(0.01)
        received, now_s = ledger.health().received, time.monotonic()
        came = (received - 1) // key_every > (before - 1) // key_every
        if came and received > number and now_s - before_s < 0.1:
            return True
        before, before_s = received, now_s
    return False


def test_who_is_late_goes_on_with_a_key_picture(tmp_path):
    """The decoder sleeps, and a key picture came meanwhile: what lies before it is dropped undecoded."""
    ledger = Ledger()
    with slow_line(tmp_path, ledger, key_every=12) as line:
        shots = iter(line)
        next(shots)
        assert a_key_just_came(ledger, 20, key_every=12)
        rest = list(shots)
    health = ledger.health()
    assert health.dropped.keys() == {"late"}
    assert 1 + len(rest) + health.dropped["late"] == health.received == 50


def test_who_is_late_without_a_key_picture_makes_up_for_it(tmp_path):
    """Decoding is much faster than the camera: nothing is dropped, as the next key picture is far."""
    ledger = Ledger()
    with slow_line(tmp_path, ledger, key_every=250) as line:
        shots = iter(line)
        next(shots)
        time.sleep(0.8)
        assert 1 + len(list(shots)) == 50
    assert ledger.health().dropped == {}


def test_nothing_piles_up_where_nobody_decodes(tmp_path, monkeypatch):
    monkeypatch.setattr("tracker.sources._packets._LONGEST_S", 0.5)
    ledger = Ledger()
    with slow_line(tmp_path, ledger, key_every=12) as line:
        end_s = time.monotonic() + 10
        while ledger.health().received < 50 and time.monotonic() < end_s:
            time.sleep(0.02)
        assert len(line._packets) < 25
        assert ledger.health().dropped["late"] > 25


@contextmanager
def slow_line(folder: Path, ledger: Ledger, key_every: int) -> Iterator[PacketLine]:
    """Send 50 frames over a socket in two seconds."""
    data = clip(folder / "clip.ts", 50, key_every)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send() -> None:
            connection, _ = server.accept()
            with connection:
                for n in range(50):
                    connection.sendall(data[len(data) * n // 50 : len(data) * (n + 1) // 50])
                    time.sleep(1 / RATE)

        thread = threading.Thread(target=send)
        thread.start()
        options = {"analyzeduration": "100000"}
        container = av.open(f"tcp://127.0.0.1:{server.getsockname()[1]}", options=options, timeout=5)
        line = PacketLine(container, video_stream(container, "clip"), ledger, 2.0)
        yield line
        line.close()
        thread.join(5)


def test_nothing_is_dropped_where_the_decoder_keeps_up(recording):
    ledger = Ledger()
    line = line_of(recording, ledger)
    assert len(list(line)) == 2 * RATE
    assert ledger.health().dropped == {}
    line.close()


@given(st.data())
def test_damaged_packets_are_entered_and_break_nothing(data):
    """Bytes are flipped anywhere; whatever the decoder makes of them, every packet is accounted for."""
    ledger, recording = Ledger(), CLIP.copy()
    for _ in range(data.draw(st.integers(1, 40))):
        place = data.draw(st.integers(188 * 6, len(recording) - 1))
        recording[place] = data.draw(st.integers(0, 255))
    import io

    try:
        container = av.open(io.BytesIO(recording.tobytes()), format="mpegts")
        line = PacketLine(container, video_stream(container, "clip"), ledger, 2.0)
    except (av.FFmpegError, SourceError):
        return
    frames = len(list(line))
    line.close()
    health = ledger.health()
    assert health.received == frames + sum(health.dropped.values())


def _clip() -> np.ndarray:
    import io

    rng, buffer = np.random.default_rng(1), io.BytesIO()
    with av.open(buffer, "w", format="mpegts") as file:
        stream = file.add_stream("libx264", rate=RATE, options={"g": "5", "bf": "2"})
        stream.width, stream.height = 96, 64
        for _ in range(12):
            image = rng.integers(0, 255, (64, 96, 3), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        file.mux(stream.encode(None))
    return np.frombuffer(buffer.getvalue(), np.uint8)


CLIP = _clip()

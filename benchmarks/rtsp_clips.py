"""RTSP servers and long clips for ``live.py``, and somebody in between who damages what they send."""

from __future__ import annotations

import random
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av

SERVER = Path(__file__).resolve().parents[1] / "tests" / "tracker" / "live" / "rtsp_server.py"
CAMERA = "road"
#: One slice a picture, as cameras send it: between the slices of a key picture GStreamer puts its parameters
#: again, and FFmpeg then takes the picture for two.
_ONE_SLICE = {"threads": "1", "x264-params": "slices=1:sliced-threads=0"}


@contextmanager
def damaging(port: int) -> Iterator[int]:
    """Stand between: pass everything on, but flip or leave out bytes in a tenth or so of the pieces."""
    dice = random.Random(0)

    def passing(source: socket.socket, target: socket.socket, spoil: bool) -> None:
        sent = 0
        try:
            while piece := source.recv(65536):
                sent += len(piece)
                if spoil and sent > 20_000 and dice.random() < 0.1:  # let it begin
                    spoiled = bytearray(piece)
                    for _ in range(dice.randrange(1, 20)):
                        spoiled[dice.randrange(len(spoiled))] = dice.randrange(256)
                    cut = dice.randrange(len(spoiled)) if dice.random() < 0.05 else len(spoiled)
                    piece = bytes(spoiled[:cut])
                target.sendall(piece)
        except OSError:
            pass
        finally:
            source.close()
            target.close()

    def accepting(door: socket.socket) -> None:
        while True:
            try:
                ours, _ = door.accept()
                theirs = socket.create_connection(("127.0.0.1", port))
            except OSError:
                return
            for one, two, spoil in ((ours, theirs, False), (theirs, ours, True)):
                threading.Thread(target=passing, args=(one, two, spoil), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=accepting, args=(door,), daemon=True).start()
        yield int(door.getsockname()[1])


@contextmanager
def playing(port: int, clip: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Serve a clip over RTSP."""
    command = ["/usr/bin/python3", str(SERVER), str(port), f"{CAMERA}={clip}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield server
        finally:
            server.kill()


@contextmanager
def served(port: int, clip: Path) -> Iterator[int]:
    """Serve a clip over RTSP; gives the port."""
    with playing(port, clip):
        yield port


def lengthened(video: Path, path: Path, seconds: float) -> Path:
    """Repeat a video, H.264 or made so, until it is so long (once at least), without encoding it again."""
    with av.open(str(video)) as source:
        if source.streams.video[0].codec_context.name != "h264":
            video = encoded(video, path.with_suffix(".h264.mp4"))
    offset = 0
    with av.open(str(path), "w", format="mp4") as file:
        stream = None
        while stream is None or offset * float(stream.time_base) < seconds:
            with av.open(str(video)) as source:
                theirs = source.streams.video[0]
                stream = stream or file.add_stream_from_template(theirs)
                end = 0
                for packet in source.demux(theirs):
                    if packet.dts is None or packet.pts is None:
                        continue
                    end = max(end, packet.pts + (packet.duration or 1))
                    packet.stream, packet.pts, packet.dts = stream, packet.pts + offset, packet.dts + offset
                    file.mux(packet)
                offset += end
    return path


def encoded(video: Path, path: Path) -> Path:
    """Make H.264 of a video, as it is."""
    with av.open(str(video)) as source, av.open(str(path), "w") as file:
        theirs = source.streams.video[0]
        rate = theirs.average_rate or Fraction(25)
        stream = file.add_stream(
            "libx264", rate=rate, options={"crf": "18", "bf": "0", "g": "25", **_ONE_SLICE}
        )
        stream.width, stream.height, stream.pix_fmt = theirs.width, theirs.height, "yuv420p"
        for number, frame in enumerate(source.decode(theirs)):
            frame.pts, frame.time_base = number, 1 / rate
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def enlarged(video: Path, path: Path, seconds: float) -> Path:
    """Make 1920x1080 at 60 frames a second of a video, a key picture every second, as cameras send it."""
    with av.open(str(path), "w") as file:
        options = {
            "preset": "ultrafast",
            "crf": "26",
            "bf": "0",
            "g": "60",
            "tune": "fastdecode",
        } | _ONE_SLICE
        stream = file.add_stream("libx264", rate=60, options=options)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        number = 0
        while number < 60 * seconds:
            with av.open(str(video)) as source:
                rate = float(source.streams.video[0].average_rate or 25)
                for frame in source.decode(video=0):
                    large = frame.reformat(1920, 1080, "yuv420p")
                    for _ in range(max(round(60 / rate), 1)):
                        large.pts, large.time_base = number, Fraction(1, 60)
                        file.mux(stream.encode(large))
                        number += 1
                    if number >= 60 * seconds:
                        break
        file.mux(stream.encode(None))
    return path


def url(port: int) -> str:
    """Return the camera's address."""
    return f"rtsp://127.0.0.1:{port}/{CAMERA}"


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])

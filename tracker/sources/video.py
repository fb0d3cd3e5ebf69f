"""Video files and streams (http, rtsp, ...) through PyAV, at the container's own time stamps.

- ``time_s`` counts from the first frame that is shown, which is at 0.0; a variable frame rate is kept.
- Frames are turned upright as the display matrix says, also mirrored ones; width and height follow.
- Pixels are those that are stored: a sample aspect ratio is left alone, boxes are in stored pixels.
- The first video stream counts; a cover picture is no video. A change of size inside the stream is
  scaled to the first size.
- A file that is cut off or damaged gives what there is, and a warning.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Literal

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tracker.errors import SourceError
from tracker.sources._kinds import is_url, shown_name
from tracker.sources._media import open_container, reason_of
from tracker.sources._notes import Notes
from tracker.sources._source import DEFAULT_FPS, Opened, Picture, Source
from tracker.sources._timeline import Timeline
from tracker.sources._upright import Upright
from tracker.types import SourceInfo

_LIVE = frozenset(("rtmp", "rtmps", "rtp", "rtsp", "rtsps", "srt", "tcp", "udp"))
_MOST_FPS = 1000.0
_DAY_S = 86_400
_AGAIN = "copy or download it again"


@dataclass(frozen=True)
class Config:
    """What can be set.

    Attributes:
        path: a file or a URL; a password in it is never shown.
        cuts: mark the first frame of every new shot (not in live streams).
        timeout_s: how long a URL may keep silent.
        rtsp_transport: tcp loses no packets; udp gets through where tcp is refused.
    """

    path: str
    cuts: bool = True
    timeout_s: float = 10.0
    rtsp_transport: Literal["tcp", "udp"] = "tcp"

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: there is no path, or the time-out is not positive or longer than a day.
        """
        if not self.path:
            raise ValueError("path is empty")
        if not 0 < self.timeout_s <= _DAY_S:
            raise ValueError(f"timeout_s must be greater than 0 and at most {_DAY_S}, not {self.timeout_s}")


def build(config: Config) -> Source:
    """Return the source; nothing is opened before it is entered."""
    return Source(shown_name(config.path), partial(_open, config), config.cuts)


def _open(config: Config, notes: Notes) -> Opened:
    container = open_container(config.path, config.timeout_s, config.rtsp_transport)
    try:
        return _start(container, config, notes)
    except BaseException:
        container.close()
        raise


def _start(container: InputContainer, config: Config, notes: Notes) -> Opened:
    name = shown_name(config.path)
    stream = _video_stream(container, name)
    frames = _decoded(container, stream, notes)
    first = next(frames, None)
    if first is None:
        raise SourceError(f"{name}: not one frame can be decoded ({_told(stream, name, notes)}); {_AGAIN}")
    info = _info(container, stream, name, first, _is_live(container, config.path))
    pictures = _pictures(chain([first], frames), stream, info, Upright.of(first), notes)
    return Opened(info, pictures, container.close, patience_s=2 * config.timeout_s)


def _told(stream: VideoStream, name: str, notes: Notes) -> str:
    """Return what is known of a stream that gives no frame."""
    told = [line.removeprefix(f"{name}: ") for line in notes.lines()] or ["no picture in it"]
    if not (stream.width and stream.height):
        told.insert(0, f"its size is {stream.width} x {stream.height} pixels")
    return "; ".join(told)


def _is_live(container: InputContainer, path: str) -> bool:
    return is_url(path) and (path.split(":", 1)[0].lower() in _LIVE or container.duration is None)


def _video_stream(container: InputContainer, name: str) -> VideoStream:
    """Return the first stream of moving pictures, ready to be decoded on all cores."""
    videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not videos:
        kinds = sorted({s.type for s in container.streams} - {"video"})
        raise SourceError(f"{name}: has no video in it (only {' and '.join(kinds) or 'a cover picture'})")
    stream = videos[0]
    if stream.codec_context is None:
        raise SourceError(f"{name}: this FFmpeg has no decoder for its video; convert it to H.264")
    stream.thread_type = "AUTO"
    return stream


def _info(
    container: InputContainer, stream: VideoStream, name: str, first: VideoFrame, live: bool
) -> SourceInfo:
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    rate = next((float(r) for r in rates if r and 0 < r <= _MOST_FPS), None)
    frames = None if live else stream.frames or None
    duration_s = None if live else _stated_s(container, stream, first.time or 0.0)
    upright = Upright.of(first)
    return SourceInfo(name, upright.width, upright.height, rate, frames, duration_s, live)


def _stated_s(container: InputContainer, stream: VideoStream, start_s: float) -> float | None:
    """Return the length that the container states for the video, in seconds from its first frame."""
    kind = container.format.name
    if kind == "avi" and stream.frames and stream.average_rate:
        # Its header says how many frames there are; the duration is guessed from the size of the file.
        return float(stream.frames / stream.average_rate)
    if stream.duration and stream.time_base:
        end_s = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        end_s = container.duration / av.time_base
    else:
        return None
    # Matroska states the time of the end, counted from 0 and not from the first frame.
    return end_s - start_s if kind.startswith("matroska") else end_s


def _decoded(
    container: InputContainer, stream: VideoStream, notes: Notes
) -> Generator[VideoFrame, None, None]:
    """Yield what can be decoded; what cannot becomes a note."""
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt:
                notes.add("incomplete packets, the file is cut off or damaged: {n}")
            try:
                yield from packet.decode()
            except FFmpegError:
                notes.add("packets that cannot be decoded, their pictures are missing: {n}")
    except FFmpegError as exc:
        notes.add(f"reading broke off ({reason_of(exc)}): what came before it was processed")


def _pictures(
    frames: chain[VideoFrame], stream: VideoStream, info: SourceInfo, upright: Upright, notes: Notes
) -> Generator[Picture, None, None]:
    step_s = 1 / (info.rate_fps or DEFAULT_FPS)
    timeline = Timeline(step_s, notes)
    time_s = end_s = 0.0
    index = -1
    for index, frame in enumerate(frames):
        time_s = timeline.place(frame.time)
        lasts_s = float(frame.duration * frame.time_base) if frame.time_base else 0.0
        end_s = time_s + (lasts_s or step_s)
        if not upright.fits(frame):
            notes.add("frames of another size than the first, scaled to it: {n}")
        yield _picture(upright.image(frame), index, time_s, info.live)
    if not info.live:
        # The length of a whole container may be that of its sound, which often lasts a little longer.
        exact = bool(stream.duration) or len(stream.container.streams) == 1
        _check_end(end_s, index + 1, step_s, info, exact, notes)


def _picture(image: NDArray[np.uint8], index: int, time_s: float, live: bool) -> Picture:
    if live:
        return Picture(image, index, time_s, time.monotonic(), datetime.now(UTC))
    return Picture(image, index, time_s)


def _check_end(end_s: float, frames: int, step_s: float, info: SourceInfo, exact: bool, notes: Notes) -> None:
    """Note where a file ends before the end that its container states."""
    slack_s = max(3 * step_s, 0.1 if exact else 2.0)
    if info.duration_s is None or end_s >= info.duration_s - slack_s:
        return
    stated = f"{info.duration_s:.1f} s" + (f" and {info.frames} frames" if info.frames else "")
    notes.add(
        f"ends after {end_s:.1f} s and {frames} frames, the container says {stated}: "
        "the file is cut off or damaged; what there is was processed"
    )

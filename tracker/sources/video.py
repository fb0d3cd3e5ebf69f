"""Video files and streams (http, rtsp, ...) through PyAV, at the container's own time stamps.

- ``time_s`` counts from the first frame that is shown, which is at 0.0; a variable frame rate is kept.
- Frames are turned upright as the display matrix says, also mirrored ones; width and height follow.
- Pixels are those that are stored: a sample aspect ratio is left alone, boxes are in stored pixels.
- The first video stream counts; a cover picture is no video. A change of size inside the stream is
  scaled to the first size.
- A file that is cut off or damaged gives what there is, and a warning.
- A live stream is read by ``tracker.sources._packets``; one that is lost or silent is opened again.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tracker.errors import SourceError
from tracker.sources._kinds import is_url, shown_name
from tracker.sources._ledger import Ledger
from tracker.sources._live import Reconnecting
from tracker.sources._media import open_container, reason_of
from tracker.sources._notes import Notes
from tracker.sources._packets import PacketLine
from tracker.sources._raw import RawOptions, RawRecorder
from tracker.sources._source import DEFAULT_FPS, Opened, Picture, Source
from tracker.sources._timeline import Timeline, stamp_s
from tracker.sources._upright import Upright
from tracker.types import SourceInfo

_LIVE = frozenset(("rtmp", "rtmps", "rtp", "rtsp", "rtsps", "srt", "tcp", "udp"))
_MOST_FPS = 1000.0
_DAY_S = 86_400
_REOPEN_S = 5.0
_AGAIN = "copy or download it again"
_AGAIN_LIVE = "see whether another program can show it"


@dataclass(frozen=True)
class Config:
    """What can be set.

    Attributes:
        path: a file or a URL; a password in it is never shown.
        cuts: mark the first frame of every new shot (not in live streams).
        timeout_s: how long a URL may keep silent while it is opened, or while a file is read from it.
        silent_s: a live stream that is silent for so long is lost.
        reconnect: open a live stream that is lost again, for ever; otherwise it ends there.
        raw_path: folder for a live stream's own pictures as they came; empty for none.
        raw_part_s: length of a part of them, in seconds.
        raw_keep_days: parts that began longer ago are removed; None for never.
        raw_keep_gb: the oldest parts are removed where all together have more gigabytes; None for any number.
        rtsp_transport: tcp loses no packets; udp gets through where tcp is refused.
    """

    path: str
    cuts: bool = True
    timeout_s: float = 10.0
    silent_s: float = 4.0
    reconnect: bool = True
    raw_path: str = ""
    raw_part_s: float = 600.0
    raw_keep_days: float | None = None
    raw_keep_gb: float | None = None
    rtsp_transport: Literal["tcp", "udp"] = "tcp"

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: there is no path, or a time is not positive or longer than a day.
        """
        if not self.path:
            raise ValueError("path is empty")
        for name in ("timeout_s", "silent_s", "raw_part_s"):
            if not 0 < getattr(self, name) <= _DAY_S:
                raise ValueError(f"{name} must be above 0 and at most {_DAY_S}, not {getattr(self, name)}")
        for name in ("raw_keep_days", "raw_keep_gb"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0 and finite, not {value}")

    @property
    def raw(self) -> RawOptions | None:
        """Where a live stream is recorded as it comes; None for nowhere."""
        if not self.raw_path:
            return None
        return RawOptions(Path(self.raw_path), self.raw_part_s, self.raw_keep_days, self.raw_keep_gb)


def build(config: Config) -> Source:
    """Return the source; nothing is opened before it is entered."""
    return Source(shown_name(config.path), partial(_open, config), config.cuts)


def _open(config: Config, notes: Notes) -> Opened:
    container = open_container(config.path, config.timeout_s, config.rtsp_transport)
    try:
        start = _start_live if _is_live(container, config.path) else _start
        return start(container, config, notes)
    except BaseException:
        container.close()
        raise


def _start(container: InputContainer, config: Config, notes: Notes) -> Opened:
    name = shown_name(config.path)
    stream = video_stream(container, name)
    stream.thread_type = "AUTO"
    frames = _decoded(container, stream, notes)
    first = next(frames, None)
    if first is None:
        raise SourceError(f"{name}: not one frame can be decoded ({_told(stream, name, notes)}); {_AGAIN}")
    upright = Upright.of(first)
    info = _info(container, stream, name, upright, stamp_s(first.time) or 0.0)
    pictures = _pictures(chain([first], frames), stream, info, upright, notes)
    return Opened(info, pictures, container.close, patience_s=2 * config.timeout_s)


def _start_live(container: InputContainer, config: Config, notes: Notes) -> Opened:
    name, ledger = shown_name(config.path), Ledger()
    stream = video_stream(container, name)
    line = PacketLine(container, stream, ledger, config.silent_s, raw=_recorder(config, notes))
    if line.peek() is None or line.upright is None:
        line.close()
        raise SourceError(f"{name}: not one frame can be decoded ({line.why or 'the stream ended'})")
    upright = line.upright
    info = _info(container, stream, name, upright, None)

    def reopen() -> PacketLine:
        again = open_container(config.path, min(config.timeout_s, _REOPEN_S), config.rtsp_transport)
        try:
            stream = video_stream(again, name)
        except SourceError:  # it answers, but sends no pictures yet
            again.close()
            raise
        return PacketLine(again, stream, ledger, config.silent_s, upright, _recorder(config, notes))

    reader = Reconnecting(line, reopen, ledger, notes, config.reconnect, info.rate_fps)
    return Opened(
        info, reader.pictures(), reader.finish, config.silent_s, reader.stop, ledger, reader.is_fresh
    )


def _recorder(config: Config, notes: Notes) -> RawRecorder | None:
    return RawRecorder(config.raw, notes) if config.raw is not None else None


def _told(stream: VideoStream, name: str, notes: Notes) -> str:
    """Return what is known of a stream that gives no frame."""
    told = [line.removeprefix(f"{name}: ") for line in notes.lines()] or ["no picture in it"]
    if not (stream.width and stream.height):
        told.insert(0, f"its size is {stream.width} x {stream.height} pixels")
    return "; ".join(told)


def _is_live(container: InputContainer, path: str) -> bool:
    return is_url(path) and (path.split(":", 1)[0].lower() in _LIVE or container.duration is None)


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """Return the first stream of moving pictures.

    Raises:
        SourceError: there is none, or nothing can decode it.
    """
    videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not videos:
        kinds = sorted({s.type for s in container.streams} - {"video"})
        raise SourceError(f"{name}: has no video in it (only {' and '.join(kinds) or 'a cover picture'})")
    if videos[0].codec_context is None:
        raise SourceError(f"{name}: this FFmpeg has no decoder for its video; convert it to H.264")
    return videos[0]


def _info(
    container: InputContainer, stream: VideoStream, name: str, upright: Upright, start_s: float | None
) -> SourceInfo:
    """Return what is known of a file whose first frame is at ``start_s``, or with None of a live stream."""
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    rate = next((float(r) for r in rates if r and 0 < r <= _MOST_FPS), None)
    if start_s is None:
        return SourceInfo(name, upright.width, upright.height, rate, live=True)
    duration_s = _stated_s(container, stream, start_s)
    return SourceInfo(name, upright.width, upright.height, rate, stream.frames or None, duration_s)


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
        time_s = timeline.place(stamp_s(frame.time))
        lasts_s = float(frame.duration * frame.time_base) if frame.time_base else 0.0
        end_s = time_s + (lasts_s or step_s)
        if not upright.fits(frame):
            notes.add("frames of another size than the first, scaled to it: {n}")
        yield Picture(upright.image(frame), index, time_s)
    # The length of a whole container may be that of its sound, which often lasts a little longer.
    exact = bool(stream.duration) or len(stream.container.streams) == 1
    _check_end(end_s, index + 1, step_s, info, exact, notes)


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

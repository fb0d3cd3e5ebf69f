"""A stream as the camera sent it, in parts of some minutes: nothing is decoded or encoded again.

Parts are fragmented MP4 and begin with a key picture; what was written of one can be played, whatever happens
to the rest. It is written by the thread that reads: only while that reads, a stream may be asked what it is.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
from av.packet import Packet
from av.video.stream import VideoStream

from tracker.parts import new_part, remove_old_parts, sync
from tracker.sources._notes import Notes

#: So many packets may wait for one that has a time.
_UNDATED = 16
_HOW = {"movflags": "+frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}


@dataclass(frozen=True, slots=True)
class RawOptions:
    """Where the parts go, and how long they are kept.

    Attributes:
        folder: of the parts; it is made.
        part_s: length of a part, in seconds.
        keep_days: parts that began longer ago are removed; None for never.
        keep_gb: the oldest are removed where all together have more gigabytes (10^9 bytes); None for any.
    """

    folder: Path
    part_s: float = 600.0
    keep_days: float | None = None
    keep_gb: float | None = None


class RawRecorder:
    """Writes the packets of a connection.

    A disk that is full ends the recording with a note, and nothing else.

    Args:
        options: of the parts.
        notes: are told what went wrong.
    """

    def __init__(self, options: RawOptions, notes: Notes) -> None:
        """Begin without a part."""
        self._options, self._notes = options, notes
        self._part: _Part | None = None
        self._undated: list[Packet[VideoStream]] = []
        self._failed = False

    def take(self, packet: Packet[VideoStream]) -> None:
        """Take the next packet of a connection; it may be decoded at the same time."""
        if self._failed:
            return
        try:
            for one in self._dated(_copied(packet)):
                self._write(one, packet.stream)
        except (OSError, av.FFmpegError) as exc:
            self._fail(exc)

    def end(self) -> None:
        """Finish the part; the connection is over."""
        part, self._part, self._undated = self._part, None, []
        if part is not None:
            try:
                part.close()
            except (OSError, av.FFmpegError) as exc:
                self._fail(exc)

    def _dated(self, packet: Packet[VideoStream]) -> list[Packet[VideoStream]]:
        """Return the packets whose times are known now, in the order of decoding.

        The first ones of an RTSP connection have none, or only one of both: they lie steps before the first
        that has.
        """
        self._undated = [*self._undated, packet][-_UNDATED:]
        if packet.pts is None or packet.dts is None:
            return []
        held, self._undated = self._undated, []
        step = packet.duration or 1
        first_pts = min(one.pts for one in held if one.pts is not None) - step
        for behind, one in enumerate(reversed(held)):
            one.dts = packet.dts - behind * step if one.dts is None else one.dts
            one.pts = first_pts if one.pts is None else one.pts
        return held

    def _write(self, packet: Packet[VideoStream], stream: VideoStream) -> None:
        if self._part is not None and not self._part.goes_on_with(packet, self._options.part_s):
            self.end()
        if self._part is None:
            if not packet.is_keyframe:
                return
            now, options = datetime.now(UTC), self._options
            options.folder.mkdir(parents=True, exist_ok=True)
            remove_old_parts(options.folder, now, options.keep_days, options.keep_gb)
            self._part = _Part(new_part(options.folder, "raw", now), stream, packet)
        self._part.write(packet)

    def _fail(self, exc: Exception) -> None:
        self._failed = True
        self._notes.add(f"the raw recording ended: {getattr(exc, 'strerror', None) or exc}")
        part, self._part = self._part, None
        if part is not None:
            with contextlib.suppress(OSError, av.FFmpegError):
                part.close()


class _Part:
    """One file."""

    def __init__(self, path: Path, stream: VideoStream, first: Packet[VideoStream]) -> None:
        self._path = path
        self._file: Any = av.open(str(path), "w", format="mp4", options=_HOW)
        self._stream = self._file.add_stream_from_template(stream)
        self._first = self._last = first.dts or 0

    def goes_on_with(self, packet: Packet[VideoStream], part_s: float) -> bool:
        """Return whether a packet follows, in time and in this part."""
        dts = packet.dts or 0
        if dts < self._last or packet.time_base is None:
            return False
        return not (packet.is_keyframe and (dts - self._first) * packet.time_base >= part_s)

    def write(self, packet: Packet[VideoStream]) -> None:
        """Append a packet; its times are changed to begin at 0."""
        dts, pts = packet.dts or 0, packet.pts or 0
        self._last = dts + 1
        packet.dts, packet.pts, packet.stream = dts - self._first, pts - self._first, self._stream
        self._file.mux(packet)

    def close(self) -> None:
        self._file.close()
        sync(self._path)


def _copied(packet: Packet[VideoStream]) -> Packet[VideoStream]:
    """Return a packet of its own: another thread decodes the one that came."""
    copy: Packet[Any] = av.Packet(bytes(packet))
    copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
    copy.time_base, copy.is_keyframe = packet.time_base, packet.is_keyframe
    return copy

"""A connection through PyAV: packets are read as they come, and dropped at the door where nobody keeps up.

One thread reads packets, another one decodes them: so a decoder that is too slow lets nothing pile up in the
network, where nobody would see how old it is.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from tracker.sources._ledger import DAMAGED, LATE, NO_KEY, Ledger
from tracker.sources._live import Shot
from tracker.sources._media import reason_of
from tracker.sources._raw import RawRecorder
from tracker.sources._source import DEFAULT_FPS
from tracker.sources._timeline import stamp_s
from tracker.sources._upright import Upright

#: A packet that waited so long (seconds) is late: decoding goes on with a key picture behind it, if one came.
_LATE_S = 0.25
#: Without one the rest is made up for where decoding is so much faster than the camera, and no more than so
#: many seconds are left: a key picture may be ten seconds away. Otherwise it is waited for.
_FASTER, _BACKLOG_S = 0.8, 3.0
#: No packet waits longer than this (seconds).
_LONGEST_S = 10.0
#: Decoding times of about so many packets count.
_TIMES = 20
#: Who waits longer than this (seconds) for a key picture decodes what there is: some cameras send none.
_KEYLESS_S = 10.0
#: No decoder holds more pictures back than this.
_HELD_BACK = 32


class _Arrived(NamedTuple):
    packet: Packet[VideoStream]
    arrival_s: float
    wall_time: datetime


class PacketLine:
    """A ``Line`` that reads an open container; it closes it in the end.

    Args:
        container: open, with read time-outs.
        stream: of moving pictures in it.
        ledger: in which every packet is entered.
        silent_s: a line that is silent for so long is lost.
        upright: how pictures are turned and which size they get; None to do it as the first one says.
        raw: records every packet as it came, of this connection alone; None for nobody.

    Attributes:
        why: what broke it; empty where it came to its end.
        upright: how its pictures are turned; None before the first.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        ledger: Ledger,
        silent_s: float,
        upright: Upright | None = None,
        raw: RawRecorder | None = None,
    ) -> None:
        """Begin to read at once."""
        self._container, self._stream, self._context = container, stream, stream.codec_context
        # frame by frame, several at a time, would hold some frames back
        self._context.thread_type = "SLICE"
        self._ledger, self._silent_s, self.upright, self._raw = ledger, silent_s, upright, raw
        self.why = ""
        self._packets: deque[_Arrived] = deque()
        self._changed = threading.Condition()
        self._done = self._closed = False
        self._keyless_since_s: float | None = None
        self._arrivals: dict[int | None, tuple[float, datetime]] = {}
        self._inside = 0
        self._period_s = 1 / float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)
        self._decode_s = 0.0
        self._first: Shot | None = None
        self._shots = self._decoded()
        # a daemon: one that hangs in the network must not keep the whole process from ending
        self._reader = threading.Thread(target=self._read, name="packets", daemon=True)
        self._reader.start()

    def peek(self) -> Shot | None:
        """Return the first picture, without taking it; None where the line ends before."""
        if self._first is None:
            self._first = next(self._shots, None)
        return self._first

    def __iter__(self) -> Iterator[Shot]:
        """Yield decoded pictures until the line is lost or closed; another time go on where it stopped."""
        first, self._first = self._first, None
        if first is not None:
            yield first
        yield from self._shots

    def close(self) -> None:
        """Let go of the container: now, or where it is being read, as soon as that returns."""
        with self._changed:
            first, self._closed = not self._closed, True
            self._changed.notify_all()
            if first and self._done:
                self._container.close()

    def wait(self, timeout_s: float) -> None:
        """Wait for the thread that reads, which may be closing files, to end."""
        self._reader.join(timeout_s)

    def _decoded(self) -> Iterator[Shot]:
        while (arrived := self._next()) is not None:
            moment = (arrived.arrival_s, arrived.wall_time)
            self._remember(arrived.packet.pts, moment)
            yield from self._decode(arrived.packet, moment)
        if not self._closed and self._done:  # the decoder may hold some pictures back
            yield from self._decode(None, (time.monotonic(), datetime.now(UTC)))
        self._damaged(self._inside)

    def _read(self) -> None:
        try:
            for packet in self._container.demux(self._stream):
                if packet.size == 0:  # PyAV's mark of the end
                    break
                arrived = _Arrived(packet, time.monotonic(), datetime.now(UTC))
                self._ledger.receive(arrived.arrival_s)
                if self._raw is not None:
                    self._raw.take(packet)
                with self._changed:
                    self._packets.append(arrived)
                    while (
                        self._packets[0].arrival_s < arrived.arrival_s - _LONGEST_S
                    ):  # nobody decodes at all
                        self._packets.popleft()
                        self._ledger.drop(LATE)
                    self._changed.notify_all()
                    if self._closed:
                        break
        except FFmpegError as exc:
            self.why = reason_of(exc)
        if self._raw is not None:
            self._raw.end()
        with self._changed:
            self._done = True
            self._changed.notify_all()
            if self._closed:
                self._container.close()

    def _next(self) -> _Arrived | None:
        """Return the next packet that is worth decoding; None where no more will come."""
        while True:
            with self._changed:
                ready = self._changed.wait_for(
                    lambda: self._packets or self._done or self._closed, timeout=self._silent_s
                )
                if not ready:
                    self.why = f"silent for {self._silent_s:g} s"
                if self._closed or not self._packets:
                    return None
                self._drop_late()
                arrived = self._packets.popleft() if self._packets else None
            if arrived is not None and self._may_decode(arrived.packet):
                return arrived

    def _drop_late(self) -> None:
        """Where the oldest packet is late, go on with the newest key picture, or wait for the next one."""
        now_s = time.monotonic()
        late_s = now_s - self._packets[0].arrival_s
        if late_s <= _LATE_S:
            return
        keys = [n for n, arrived in enumerate(self._packets) if arrived.packet.is_keyframe]
        fresh = bool(keys) and now_s - self._packets[keys[-1]].arrival_s <= _LATE_S
        if not fresh and late_s <= _BACKLOG_S and self._decode_s < _FASTER * self._period_s:
            return
        for _ in range(keys[-1] if fresh else len(self._packets)):
            self._packets.popleft()
            self._ledger.drop(LATE)
        if not fresh:
            self._keyless_since_s = now_s

    def _may_decode(self, packet: Packet[VideoStream]) -> bool:
        if self._keyless_since_s is not None:
            if not packet.is_keyframe and time.monotonic() - self._keyless_since_s < _KEYLESS_S:
                self._ledger.drop(NO_KEY)
                return False
            self._keyless_since_s = None
        return True

    def _decode(self, packet: Packet[VideoStream] | None, moment: tuple[float, datetime]) -> Iterator[Shot]:
        self._inside += packet is not None
        began_s = time.perf_counter()
        try:
            frames = self._context.decode(packet)
        except FFmpegError:
            self._damaged(int(packet is not None))
            return
        self._decode_s += (time.perf_counter() - began_s - self._decode_s) / _TIMES
        self._inside -= len(frames)
        if self._inside < 0:  # two pictures came in one packet
            self._ledger.receive(number=-self._inside)
            self._inside = 0
        self._damaged(self._inside - _HELD_BACK)
        for frame in frames:
            self.upright = self.upright or Upright.of(frame)
            came = self._arrivals.pop(frame.pts, moment)
            yield Shot(partial(self.upright.image, frame), stamp_s(frame.time), *came)

    def _damaged(self, number: int) -> None:
        """Give up packets that went into the decoder, and of which nothing comes out."""
        if number > 0:
            self._inside -= number
            self._ledger.drop(DAMAGED, number)

    def _remember(self, pts: int | None, moment: tuple[float, datetime]) -> None:
        """Remember when a packet came: its picture may leave the decoder behind later ones."""
        self._arrivals[pts] = moment
        while len(self._arrivals) > _HELD_BACK:
            del self._arrivals[next(iter(self._arrivals))]

"""What the server knows of one camera. Not safe for threads: the hub's lock is held."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tracker.live.counting import Crossings, Growing, Hour, Way
from tracker.live.messages import FromCamera, Happened, Hello, Picture, ShownEvent, Status

STARTING: Final = "starting"
SILENT: Final = "silent"
GONE: Final = "gone"
EVENTS_KEPT = 1000
#: A camera that reports once a second and did not for so long hangs.
_SILENT_S = 10.0


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """An event, with a number that grows over all cameras and over restarts of the server.

    Attributes:
        id: of the event.
        camera: name of the camera.
        event: what happened.
    """

    id: int
    camera: str
    event: ShownEvent


@dataclass(frozen=True, slots=True)
class CameraView:
    """A camera at one moment.

    Attributes:
        name: of the camera.
        state: "starting" (no report yet), "open", "lost" (its source is being opened again), "ended",
            "silent" (the process does not report) or "gone" (there is no process).
        since: when that state began, UTC.
        hello: of the run; None before the first.
        status: the last one; None before the first.
        viewers: who watch the pictures.
        sums: since the server began: "received", "frames" and "losses".
        dropped: pictures by reason, since the server began.
        cnn_runs: looks of the CNN by reason, since the server began.
    """

    name: str
    state: str
    since: datetime
    hello: Hello | None
    status: Status | None
    viewers: int
    sums: Mapping[str, int]
    dropped: Mapping[str, int]
    cnn_runs: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CountView:
    """What a camera counted.

    Attributes:
        totals: crossings since the server began, by line, direction and class.
        hour: the last hour of them.
    """

    totals: Mapping[Way, int]
    hour: Hour


class KnownCamera:
    """Keeps what a camera said, in bounded memory, over all of its runs."""

    def __init__(self, name: str, numbers: Iterator[int]) -> None:
        """Begin with a camera that said nothing yet.

        Args:
            name: of the camera.
            numbers: of the events to come.
        """
        self.name = name
        self._numbers = numbers
        self.hello: Hello | None = None
        self.status: Status | None = None
        self.picture: Picture | None = None
        self.picture_number = 0
        self._picture_s = 0.0
        self.crossings = Crossings()
        self._events: deque[NumberedEvent] = deque(maxlen=EVENTS_KEPT)
        self._sums, self._dropped, self._cnn_runs = Growing(), Growing(), Growing()
        self._state, self._since = STARTING, datetime.now(UTC)
        self._heard_s = time.monotonic()
        self._heard = datetime.now(UTC)

    def begin(self) -> None:
        """Enter that a process begins."""
        for growing in (self._sums, self._dropped, self._cnn_runs):
            growing.restart()
        self._enter(STARTING)

    def end(self) -> None:
        """Enter that the process is gone."""
        self._enter(GONE)
        self.crossings.see(False, datetime.now(UTC))

    def take(self, message: FromCamera) -> bool:
        """Keep what a message says.

        Returns:
            Whether it changed something that people wait for: the state, the run or the recording.
        """
        self._heard_s, self._heard = time.monotonic(), datetime.now(UTC)
        match message:
            case Hello():
                self.hello = message
                self._enter(STARTING)
                return True
            case Status():
                return self._take_status(message)
            case Happened(events):
                self._take_events(events)
            case Picture():
                self.picture, self._picture_s = message, time.monotonic()
                self.picture_number += 1
        return False

    def state(self) -> tuple[str, datetime]:
        """Return the state, and since when."""
        silent = self._state != GONE and time.monotonic() - self._heard_s > _SILENT_S
        return (SILENT, self._heard) if silent else (self._state, self._since)

    def has_fresh_picture(self, age_s: float) -> bool:
        """Tell whether the newest picture came within the last seconds."""
        return self.picture is not None and time.monotonic() - self._picture_s <= age_s

    def view(self, viewers: int) -> CameraView:
        """Return the camera as it is now."""
        return CameraView(
            self.name,
            *self.state(),
            self.hello,
            self.status,
            viewers,
            self._sums.totals(),
            self._dropped.totals(),
            self._cnn_runs.totals(),
        )

    def events(self, after: int | None, limit: int) -> list[NumberedEvent]:
        """Return events, the oldest first: those next after a number, or the newest without one."""
        if after is None:
            return list(itertools.islice(reversed(self._events), limit))[::-1]
        newer = itertools.takewhile(lambda known: known.id > after, reversed(self._events))
        return list(newer)[::-1][:limit]

    def _take_status(self, status: Status) -> bool:
        before, self.status = self.status, status
        health = status.health
        self._sums.take({"received": health.received, "frames": status.frames, "losses": health.losses})
        self._dropped.take(health.dropped)
        self._cnn_runs.take(status.cnn_runs)
        self.crossings.see(health.state == "open", self._heard)
        changed = health.state != self._state or before is None or before.recording != status.recording
        self._state, self._since = health.state, health.since
        return changed

    def _take_events(self, events: Sequence[ShownEvent]) -> None:
        for event in events:
            self._events.append(NumberedEvent(next(self._numbers), self.name, event))
            if event.kind == "crossing":
                self.crossings.add(event, self._heard)

    def _enter(self, state: str) -> None:
        self._state, self._since = state, datetime.now(UTC)

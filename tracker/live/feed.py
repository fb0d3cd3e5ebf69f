"""A sink that shows a run as it happens: it tells the server, and nothing there makes the tracking wait."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any, Protocol

import numpy as np

from detectors.opencv import load_cv2
from tracker.live.messages import (
    FromCamera,
    Happened,
    Hello,
    Picture,
    Record,
    Restart,
    ShownEvent,
    ShownLine,
    ShownTrack,
    ShownZone,
    Status,
    Watch,
)
from tracker.live.meter import Meter, memory_mb
from tracker.sinks._blur import Blur, Place, hide
from tracker.sinks._draw import Annotator
from tracker.types import Event, FrameResult, RunInfo, SourceHealth

#: A watched camera's pictures: so many a second, at most so wide (pixels), as JPEG of this quality.
_PICTURES_FPS, _WIDTH_PX, _QUALITY = 10.0, 960, 75
#: And so many while frames are dropped: whoever looks on should not cost what is counted.
_BUSY_PICTURES_FPS = 5.0
_STATUS_S = 1.0
#: So many events may wait for a server that does not take them.
_MOST_EVENTS = 10_000


class Recorder(Protocol):
    """Whatever records pictures.

    Attributes:
        on: it records.
    """

    on: bool


@dataclass(slots=True)
class Camera:
    """What a feed tells of, beside the results.

    Attributes:
        health: tells how the source is doing.
        warnings: tells what was wrong so far.
        budget: tells how often the CNN may look now.
        restart: called once, from another thread, when the scene was changed.
        folder: where results are written.
        scene_file: where the scene is saved to; None for nowhere.
        recorder: may be switched; None where there is none.
    """

    health: Callable[[], SourceHealth]
    warnings: Callable[[], Sequence[str]] = tuple
    budget: Callable[[], float] = lambda: 1.0
    restart: Callable[[], None] = lambda: None
    folder: str = ""
    scene_file: str | None = None
    recorder: Recorder | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Drawable:
    result: FrameResult
    places: Sequence[Place]


class Feed:
    """Tells a server through a pipe, in a thread of its own; what it cannot send in time is skipped.

    Args:
        connection: one end of the pipe; it stays open when the feed is closed, for another run.
        camera: what to tell of.
        blur: hide people and plates in the pictures.
    """

    def __init__(self, connection: Connection, camera: Camera, blur: bool = False) -> None:
        """Nothing is sent before ``open``."""
        self._connection, self._camera, self._blurred = connection, camera, blur
        self._meter = Meter()
        self._changed = threading.Condition()
        self._closing = False
        self._watched = False
        self._newest: _Drawable | None = None
        self._events: deque[ShownEvent] = deque(maxlen=_MOST_EVENTS)
        self._tracks: tuple[ShownTrack, ...] = ()
        self._due_s = 0.0
        self._pause_s = 1 / _PICTURES_FPS
        self._dropped = 0
        self._run: RunInfo | None = None
        self._blur: Blur | None = None
        self._annotator: Annotator | None = None
        self._threads: list[threading.Thread] = []

    def open(self, run: RunInfo) -> None:
        """Say hello and start to tell and to listen."""
        self._run = run
        self._blur = Blur(run.class_names) if self._blurred else None
        self._annotator = Annotator(run.class_names, scene=run.scene)
        self._send(_hello(run, self._camera))
        for work in (self._tell, self._listen):
            thread = threading.Thread(target=work, name=f"feed {work.__name__}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def write(self, result: FrameResult) -> None:
        """Take a result; whoever watches sees it a moment later, or the next one."""
        run = self._run
        if run is None:
            return
        self._meter.add(result)
        places = self._blur.places(result) if self._blur is not None else ()
        events = [_event(event, result, run.class_names) for event in result.events]
        assert self._annotator is not None
        self._annotator.count(result.events)
        with self._changed:
            self._events.extend(events)
            self._tracks = tuple(_tracks(result, run.class_names))
            if self._watched and time.monotonic() >= self._due_s:
                self._due_s = time.monotonic() + self._pause_s
                self._newest = _Drawable(replace(result, events=()), places)  # they are counted
            if events or self._newest is not None:
                self._changed.notify_all()

    def close(self, completed: bool) -> None:
        """Tell the rest; a second time does nothing."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(2 * _STATUS_S)
        self._threads = []
        self._run = None

    def _tell(self) -> None:
        next_s, closing = time.monotonic(), False
        while not closing:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._closing or self._newest is not None or self._events,
                    timeout=max(next_s - time.monotonic(), 0.0),
                )
                drawable, self._newest = self._newest, None
                events = tuple(self._events)
                self._events.clear()
                closing = self._closing  # with what came before it in hand: nothing comes after it
            if events:
                self._send(Happened(events))
            if drawable is not None:
                self._send(self._picture(drawable))
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + _STATUS_S
                self._send(self._status())
        self._send(self._status())

    def _listen(self) -> None:
        """Do what the server says, until the feed is closed or the server is gone."""
        with contextlib.suppress(EOFError, OSError):
            while not self._closing:
                if not self._connection.poll(0.2):
                    continue
                self._obey(self._connection.recv())

    def _obey(self, message: Any) -> None:
        if isinstance(message, Watch):
            self._watched = message.on
        elif isinstance(message, Record) and self._camera.recorder is not None:
            self._camera.recorder.on = message.on
        elif isinstance(message, Restart):
            self._camera.restart()

    def _send(self, message: FromCamera) -> None:
        with contextlib.suppress(OSError):  # the server is gone; the run goes on without it
            self._connection.send(message)

    def _picture(self, drawable: _Drawable) -> Picture:
        assert self._annotator is not None
        cv2, frame = load_cv2(), drawable.result.frame
        small = _made_smaller(drawable)
        result = small.result
        if small.places:
            hidden = hide(result.frame.image, small.places)
            result = replace(result, frame=replace(result.frame, image=hidden))
        image = self._annotator.draw(result)
        _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return Picture(jpeg.tobytes(), frame.index, frame.wall_time or datetime.now(UTC))

    def _status(self) -> Status:
        meter, camera, health = self._meter, self._camera, self._camera.health()
        dropped = sum(health.dropped.values())
        self._pause_s = 1 / (_BUSY_PICTURES_FPS if dropped > self._dropped else _PICTURES_FPS)
        self._dropped = dropped
        return Status(
            datetime.now(UTC),
            health,
            round(meter.fps(), 2),
            meter.latency_ms(),
            round(meter.cnn_share(), 4),
            meter.cnn_runs(),
            meter.frames,
            round(camera.budget(), 4),
            memory_mb(),
            camera.recorder is not None and camera.recorder.on,
            self._tracks,
            tuple(camera.warnings()),
        )


def _made_smaller(drawable: _Drawable) -> _Drawable:
    """Return a large picture as it is sent, with all that lies on it: to draw on it costs less, too."""
    result = drawable.result
    frame = result.frame
    scale = _WIDTH_PX / frame.width
    if scale >= 1:
        return drawable
    # the mean of an area takes three times as long where it is not a whole number of pixels
    how = load_cv2().INTER_LINEAR if scale > 0.5 else load_cv2().INTER_AREA
    image = load_cv2().resize(frame.image, (_WIDTH_PX, round(frame.height * scale)), interpolation=how)
    tracks = tuple(replace(track, box=track.box * np.float32(scale)) for track in result.tracks)
    places = [place.seen_in(0, 0, scale) for place in drawable.places]
    return _Drawable(replace(result, frame=replace(frame, image=image), tracks=tracks), places)


def _hello(run: RunInfo, camera: Camera) -> Hello:
    scene = run.scene
    return Hello(
        run.source.name,
        run.source.width,
        run.source.height,
        run.class_names,
        run.start,
        camera.folder,
        camera.scene_file,
        tuple(ShownLine(line.name, line.points, line.directions) for line in (scene.lines if scene else ())),
        tuple(ShownZone(zone.name, zone.points) for zone in (scene.zones if scene else ())),
    )


def _tracks(result: FrameResult, names: Sequence[str]) -> Iterable[ShownTrack]:
    for track in result.tracks:
        if track.shown:
            x1, y1, x2, y2 = track.box.tolist()
            box = (x1, y1, x2, y2)
            yield ShownTrack(track.id, names[track.label], box, track.origin.value, track.confidence)


def _event(event: Event, result: FrameResult, names: Sequence[str]) -> ShownEvent:
    """Return an event with its moment on the clock: it was reported on a frame somewhat later."""
    now = result.frame.wall_time or datetime.now(UTC)
    return ShownEvent(
        now - timedelta(seconds=result.frame.time_s - event.time_s),
        event.kind,
        event.name,
        event.direction,
        names[event.label],
        event.track_id,
        event.speed_kmh,
        event.origin.value,
    )

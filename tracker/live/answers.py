"""What the API answers, as models that make its description useful to other programs."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, Field

from tracker.live.hub import Hub
from tracker.live.known import CameraView, NumberedEvent
from tracker.live.messages import ShownTrack

_WARNINGS_SHOWN = 20


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str = Field(description="one line for people")


class CameraAnswer(BaseModel):
    """How a camera is doing. Sums count from the start of the server and never fall."""

    name: str
    state: str = Field(description="starting, open, lost, ended, silent (does not report) or gone")
    since: datetime = Field(description="when that state began")
    why: str = Field(default="", description="why the source was lost the last time")
    source: str = Field(default="", description="without passwords")
    width: int = Field(default=0, description="of the pictures, in pixels; 0 where not known yet")
    height: int = 0
    started: datetime | None = Field(default=None, description="when the run began")
    has_scene: bool = Field(default=False, description="lines and zones can be saved")
    lines: int = Field(default=0, description="counting lines of the run")
    class_names: list[str] = []
    fps: float = Field(default=0.0, description="frames processed a second, over the last seconds")
    latency_ms: dict[str, float] = Field(
        default={}, description="median, p99 and most, over the last seconds"
    )
    cnn_share: float = Field(default=0.0, description="share of the frames on which the CNN looked")
    budget: float = Field(default=1.0, description="largest such share allowed now")
    cnn_runs: dict[str, int] = Field(default={}, description="by reason")
    frames: int = Field(default=0, description="processed")
    received: int = Field(default=0, description="pictures that came, processed or not")
    dropped: dict[str, int] = Field(default={}, description="pictures that were not processed, by reason")
    losses: int = Field(default=0, description="how often the source was lost")
    silent_s: float | None = Field(default=None, description="seconds since the last picture came")
    memory_mb: float = 0.0
    recording: bool = False
    present: int = Field(default=0, description="road users who are there now")
    viewers: int = Field(default=0, description="who watch the pictures")
    warnings: list[str] = []


class CountAnswer(BaseModel):
    """Crossings of a line in a direction by a class."""

    line: str
    direction: str
    label: str = Field(description="class")
    total: int = Field(description="since the server began")
    minutes: list[int] = Field(description="in each of the last 60 minutes, the oldest first")


class CountsAnswer(BaseModel):
    """What a camera counted."""

    camera: str
    begin: datetime = Field(description="when the first of the 60 minutes began")
    seen: list[float] = Field(description="share of each minute in which the camera saw the road")
    counts: list[CountAnswer]


class EventAnswer(BaseModel):
    """Something that a road user did."""

    id: int = Field(description="grows; give the last one as 'after' to get what came next")
    camera: str
    time: datetime
    kind: str = Field(description="crossing, zone or turn")
    name: str = Field(description="of the line, zone or gate")
    direction: str
    label: str = Field(description="class")
    track_id: int
    speed_kmh: float | None
    origin: str = Field(description="detected, propagated or predicted")


class TrackAnswer(BaseModel):
    """A road user who is there now."""

    camera: str
    id: int
    label: str
    box: tuple[float, float, float, float] = Field(description="x1, y1, x2, y2 in pixels of the pictures")
    origin: str
    confidence: float


class RecordingOrder(BaseModel):
    """Begin to record annotated pictures, or stop."""

    on: bool


class HealthAnswer(BaseModel):
    """The server answers: that is its health. Cameras are said beside it."""

    status: str = Field(description="ok, or degraded where a camera is not open")
    cameras: dict[str, str] = Field(description="state by name")


class BoardAnswer(BaseModel):
    """All that the page shows, as ``/ws`` sends it once a second."""

    time: datetime
    cameras: list[CameraAnswer]
    counts: list[CountsAnswer]
    events: list[EventAnswer]


def camera_answer(view: CameraView) -> CameraAnswer:
    """Say how a camera is doing."""
    answer = CameraAnswer(
        name=view.name,
        state=view.state,
        since=view.since,
        viewers=view.viewers,
        cnn_runs=dict(view.cnn_runs),
        dropped=dict(view.dropped),
        frames=view.sums.get("frames", 0),
        received=view.sums.get("received", 0),
        losses=view.sums.get("losses", 0),
    )
    if (hello := view.hello) is not None:
        answer.source, answer.started = hello.source, hello.start
        answer.width, answer.height = hello.width, hello.height
        answer.class_names = list(hello.class_names)
        answer.lines = len(hello.lines)
        answer.has_scene = hello.scene_file is not None
    if (status := view.status) is not None:
        answer.why, answer.silent_s = status.health.why, status.health.silent_s
        answer.fps, answer.latency_ms = status.fps, dict(status.latency_ms)
        answer.cnn_share, answer.budget = status.cnn_share, status.budget
        answer.memory_mb, answer.recording = status.memory_mb, status.recording
        answer.present = len(status.tracks)
        answer.warnings = list(status.warnings[-_WARNINGS_SHOWN:])
    return answer


def counts_answer(hub: Hub, name: str) -> CountsAnswer:
    """Say what a camera counted.

    Raises:
        UnknownNameError: there is no such camera.
    """
    known = hub.counts(name)
    nobody = (0,) * len(known.hour.seen)
    counts = [
        CountAnswer(
            line=way[0],
            direction=way[1],
            label=way[2],
            total=total,
            minutes=list(known.hour.crossings.get(way, nobody)),
        )
        for way, total in known.totals.items()
    ]
    begin = datetime.fromtimestamp(known.hour.begin_s, UTC)
    return CountsAnswer(camera=name, begin=begin, seen=list(known.hour.seen), counts=counts)


def event_answer(known: NumberedEvent) -> EventAnswer:
    """Say what happened."""
    event = known.event
    return EventAnswer(
        id=known.id,
        camera=known.camera,
        time=event.time,
        kind=event.kind,
        name=event.name,
        direction=event.direction,
        label=event.label,
        track_id=event.track_id,
        speed_kmh=event.speed_kmh,
        origin=event.origin,
    )


def track_answer(camera: str, track: ShownTrack) -> TrackAnswer:
    """Say who is there."""
    return TrackAnswer(
        camera=camera,
        id=track.id,
        label=track.label,
        box=track.box,
        origin=track.origin,
        confidence=track.confidence,
    )


def board_answer(hub: Hub, events: int) -> BoardAnswer:
    """Say everything that the page shows, with so many of the newest events of each camera."""
    names = hub.names()
    return BoardAnswer(
        time=datetime.now(UTC),
        cameras=[camera_answer(hub.view(name)) for name in names],
        counts=[counts_answer(hub, name) for name in names],
        events=[event_answer(known) for name in names for known in hub.events(name, None, events)],
    )

"""What a camera's process and the server that shows it tell one another, through a pipe.

The camera says ``Hello`` once a run, ``Status`` once a second, ``Happened`` when something did, ``Picture``
while somebody watches. The server says ``Watch`` when the first viewer comes or the last one leaves,
``Record`` and ``Restart``. All are pickled; both ends are this program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tracker.types import SourceHealth

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A counting line, in pixels of the camera's pictures.

    Attributes:
        name: of the line.
        points: two or more.
        directions: names of both.
    """

    name: str
    points: Points
    directions: tuple[str, str]


@dataclass(frozen=True, slots=True)
class ShownZone:
    """A zone, in pixels of the camera's pictures."""

    name: str
    points: Points


@dataclass(frozen=True, slots=True)
class Hello:
    """A run began.

    Attributes:
        source: as it may be shown, without passwords.
        width: of the pictures, in pixels.
        height: of the pictures, in pixels.
        class_names: in the order of the labels.
        start: when, UTC.
        folder: where its results are written.
        scene_file: which lines and zones are saved to; None where there is none.
        lines: that it counts at.
        zones: that it watches.
    """

    source: str
    width: int
    height: int
    class_names: tuple[str, ...]
    start: datetime
    folder: str
    scene_file: str | None = None
    lines: tuple[ShownLine, ...] = ()
    zones: tuple[ShownZone, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownTrack:
    """A road user who is there now.

    Attributes:
        id: number of the track.
        label: its class, by name.
        box: xyxy in pixels of the camera's pictures.
        origin: "detected", "propagated" or "predicted".
        confidence: in [0, 1].
    """

    id: int
    label: str
    box: tuple[float, float, float, float]
    origin: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Status:
    """How a camera is doing.

    Attributes:
        time: when this was so, UTC.
        health: of the source, and what became of every picture.
        fps: frames processed a second, over the last seconds.
        latency_ms: from a picture's arrival to its result, over the last seconds: "median", "p99" and "most".
        cnn_share: share of the frames on which the CNN looked, over the last seconds.
        cnn_runs: by reason, since the run began.
        frames: processed since the run began.
        budget: largest share of the frames on which the CNN may look now; 1 where it may always.
        memory_mb: resident memory of the process.
        recording: pictures are being recorded.
        tracks: who is there.
        warnings: what was wrong since the run began.
    """

    time: datetime
    health: SourceHealth
    fps: float = 0.0
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    cnn_share: float = 0.0
    cnn_runs: Mapping[str, int] = field(default_factory=dict)
    frames: int = 0
    budget: float = 1.0
    memory_mb: float = 0.0
    recording: bool = False
    tracks: tuple[ShownTrack, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """Something that a track did; see ``tracker.types.Event``.

    Attributes:
        time: when it happened, UTC.
        kind: "crossing", "zone" or "turn".
        name: of the line, zone or gate.
        direction: as the line names it, what happened at the zone, or the other gate.
        label: class, by name.
        track_id: who.
        speed_kmh: None where it is not known.
        origin: how the box was known then.
    """

    time: datetime
    kind: str
    name: str
    direction: str
    label: str
    track_id: int
    speed_kmh: float | None
    origin: str


@dataclass(frozen=True, slots=True)
class Happened:
    """Events, in the order in which they were reported."""

    events: Sequence[ShownEvent]


@dataclass(frozen=True, slots=True)
class Picture:
    """An annotated picture.

    Attributes:
        jpeg: encoded once, for all who watch.
        index: of the frame.
        time: when it was taken, UTC.
    """

    jpeg: bytes
    index: int
    time: datetime


FromCamera = Hello | Status | Happened | Picture


@dataclass(frozen=True, slots=True)
class Watch:
    """Somebody watches, or nobody does any more: then no pictures are drawn."""

    on: bool


@dataclass(frozen=True, slots=True)
class Record:
    """Begin to record annotated pictures, or stop."""

    on: bool


@dataclass(frozen=True, slots=True)
class Restart:
    """The scene was changed: begin another run with it."""


ToCamera = Watch | Record | Restart

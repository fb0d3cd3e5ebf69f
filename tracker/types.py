"""What flows through the tracker. All frozen; arrays are never changed in place once handed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import areas, clip
from detectors.detections import Detections
from detectors.frame import Frame
from tracker.scene.model import Scene


class TrackState(Enum):
    """Where a track is in its life."""

    TENTATIVE = "tentative"
    CONFIRMED = "confirmed"
    COASTING = "coasting"
    REMOVED = "removed"


class Origin(Enum):
    """How the box of a track is known on this frame."""

    DETECTED = "detected"
    PROPAGATED = "propagated"
    PREDICTED = "predicted"


class Reason(Enum):
    """Why the CNN ran."""

    FIRST_FRAME = "first_frame"
    CUT = "cut"
    GAP = "gap"
    INTERVAL = "interval"
    LOW_CONFIDENCE = "low_confidence"
    TRACK_LOST = "track_lost"
    UNCONFIRMED = "unconfirmed"
    OVERLAP = "overlap"
    UNEXPLAINED_MOTION = "unexplained_motion"
    ENTRY_ZONE = "entry_zone"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One road user on one frame.

    Attributes:
        id: at least 1, never reused within a run.
        box: float32 (4,), xyxy in pixels of the source frame.
        velocity: float32 (2,), of the box centre, in pixels a second.
        label: class by the votes so far, index into the detector's ``class_names``.
        score: of the last detection, in [0, 1].
        class_scores: float32 (C,), the votes so far: sum by class of the detections' scores, each times the
            size of its box, and less where the picture's border cuts it. Their shares mean something.
        state: where the track is in its life.
        origin: how ``box`` is known on this frame.
        confidence: of that origin, in [0, 1].
        embedding: float32 (D,) appearance vector, or None.
        first_seen_s: time of the first detection.
        last_seen_s: time at which the track was last believed to be there: detected, or propagated
            with no look since that missed it.
        last_detected_s: time of the last detection.
        detections: number of looks that found it.
    """

    id: int
    box: NDArray[np.float32]
    velocity: NDArray[np.float32]
    label: int
    score: float
    class_scores: NDArray[np.float32]
    state: TrackState
    origin: Origin
    confidence: float
    first_seen_s: float
    last_seen_s: float
    last_detected_s: float
    detections: int = 1
    embedding: NDArray[np.float32] | None = None

    @property
    def shown(self) -> bool:
        """Whether the track is reported to the user: confirmed once, and not over."""
        return self.state in (TrackState.CONFIRMED, TrackState.COASTING)


# not frozen, though nobody changes one: that would make it eight times as dear, and a day has 300,000
@dataclass(slots=True, eq=False)
class Event:
    """Something that a track did: it crossed a line, entered a zone, passed from gate to gate.

    It is reported when it is sure, which may be some frames after it happened.

    Attributes:
        kind: "crossing", "zone" or "turn".
        time_s: when it happened, between two frames.
        frame_index: of the frame behind that moment.
        track_id: who.
        name: of the line or zone; of a turn the gate of origin.
        direction: of a crossing, as the line names it; of a zone "enter", "stop", "go" or "leave"; of a turn
            the gate of destination.
        label: class by the votes until it was reported, index into ``class_names``.
        class_score: share of those votes that this class has, in [0, 1].
        origin: how the box was known then; PREDICTED says that nobody saw it there.
        box: float32 (4,) xyxy on that frame, in pixels of the source frame.
        speed_kmh: at that moment; None without calibration, or where it cannot be told.
        speed_error_kmh: half of the width of its 90 % interval.
        dwell_s: of "leave", seconds since "enter"; of "go", since "stop"; of a turn, between the two gates.
        headway_s: of a vehicle's crossing, seconds since the vehicle before it crossed the line in the same
            direction; None where that is not known.
        evidence: picture file, or None.
    """

    kind: str
    time_s: float
    frame_index: int
    track_id: int
    name: str
    direction: str
    label: int
    class_score: float
    origin: Origin
    box: NDArray[np.float32]
    speed_kmh: float | None = None
    speed_error_kmh: float | None = None
    dwell_s: float | None = None
    headway_s: float | None = None
    evidence: Path | None = None


# not frozen, for the same reason as Event
@dataclass(slots=True, eq=False)
class FrameResult:
    """All that is known after one frame.

    Attributes:
        frame: the frame itself.
        reason: why the CNN ran on it, or None when it did not.
        looked_at: xyxy region that the CNN saw, or None for the whole picture.
        detections: what the CNN saw; None means *we did not look*.
        tracks: every live track, and those that ended on this frame (state REMOVED), by id.
        events: what the observers reported on this frame.
        stage_s: seconds of wall-clock time by stage.
        cause: the track for which the CNN ran, as it was carried to this frame; None where it was for none.
    """

    frame: Frame
    reason: Reason | None
    detections: Detections | None
    tracks: tuple[Track, ...]
    events: tuple[Event, ...] = ()
    looked_at: NDArray[np.float32] | None = None
    stage_s: Mapping[str, float] = field(default_factory=dict)
    cause: Track | None = None

    @property
    def seen_share(self) -> float:
        """Share of the frame's pixels that the CNN saw; 0 where it did not look."""
        if self.reason is None:
            return 0.0
        if self.looked_at is None:
            return 1.0
        seen = float(areas(clip(self.looked_at, self.frame.width, self.frame.height)))
        return seen / (self.frame.width * self.frame.height)


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a source before its first frame.

    Attributes:
        name: path or address as the user may see it (no passwords).
        width: of the frames, in pixels, after rotation.
        height: of the frames, in pixels, after rotation.
        rate_fps: nominal frame rate; None where there is none.
        frames: number of frames as the container states it; None where unknown.
        duration_s: length in seconds; None where unknown (cameras).
        live: frames come as they happen and cannot be read again.
    """

    name: str
    width: int
    height: int
    rate_fps: float | None = None
    frames: int | None = None
    duration_s: float | None = None
    live: bool = False


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How a source is doing, and what became of every picture that it sent.

    ``received`` is ``handed_on`` and all that was dropped, and what waits still: nothing else can be lost.

    Attributes:
        state: "open", "lost" (a live source is being opened again) or "ended".
        since: when that state began, UTC.
        received: pictures that came, decoded or not.
        handed_on: pictures that were processed.
        dropped: pictures that were not, by reason. Before decoding: ``late`` (the machine was behind) and
            ``no_key_picture`` (they build upon one that was dropped). ``damaged``: they cannot be decoded.
            Behind decoding: ``overtaken`` (a newer one came before anybody took them).
        losses: how often the line was lost.
        silent_s: seconds since the last picture came; None before the first.
        why: why it was lost the last time; empty where it never was.
    """

    state: str
    since: datetime
    received: int = 0
    handed_on: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    losses: int = 0
    silent_s: float | None = None
    why: str = ""

    @property
    def waiting(self) -> int:
        """Pictures that came and of which nothing was decided yet."""
        return self.received - self.handed_on - sum(self.dropped.values())


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """What is known of the run whose tracks are counted again.

    Attributes:
        frames: number of frames processed.
        cnn_runs: number of frames on which the CNN ran.
    """

    frames: int
    cnn_runs: int


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What every sink is told once, when it is opened.

    Attributes:
        source: the source's description.
        class_names: in the order of the labels.
        settings: all settings of the run, in plain types; under ``options`` those in force of every component
            that it uses, defaults too.
        start: when the run began, UTC.
        detector: name, weights file and sha256 of the detector, in plain types.
        scene: in pixels of this source, or None.
        earlier: the run that is counted again: then results are not those of every frame. None for a run.
    """

    source: SourceInfo
    class_names: tuple[str, ...]
    settings: Mapping[str, object]
    start: datetime
    detector: Mapping[str, object] = field(default_factory=dict)
    scene: Scene | None = None
    earlier: EarlierRun | None = None

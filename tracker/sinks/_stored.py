"""Rows of the database's tables, made of what flows through the tracker."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import floor

import numpy as np
from numpy.typing import NDArray

from tracker.sinks._evidence_name import evidence_name
from tracker.sinks._lives import Life
from tracker.traffic.clock import Clock
from tracker.traffic.intervals import CountRow
from tracker.types import Event, RunInfo

Row = dict[str, object]
#: Fields of a count that are columns under the same name.
_FIGURES = [field.name for field in fields(CountRow) if field.name not in ("start", "end", "class_name")]
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PASSWORD = re.compile(r"([a-z][a-z0-9+.-]*://[^:/@\s]*:)\S*@", re.IGNORECASE)


def run_row(run: RunInfo) -> Row:
    """Return a run's row as it is before the first frame."""
    scene, source = run.scene, run.source
    return {
        "key": run_key(run),
        "source": clean(_place(run)),
        "live": source.live,
        "scene": clean(scene.name) if scene and scene.name else None,
        "width": source.width,
        "height": source.height,
        "rate_fps": _known(source.rate_fps),
        "duration_s": _known(source.duration_s),
        "class_names": [clean(name) for name in run.class_names],
        "detector": _text(run.detector.get("name")),
        "detector_sha256": _text(run.detector.get("sha256")),
        "settings": plain(run.settings),
        "started_utc": run.start,
        "written_utc": run.start,
        "video_start_utc": scene.start if scene else None,
        **{"frames": 0, "cnn_runs": 0, "tracks": 0, "events": 0, "completed": False},
    }


def run_key(run: RunInfo) -> str:
    """Return what the same video at the same place has again, and no other: 64 hexadecimal digits.

    A file is known by its absolute path, links followed. What is live is never the same again.
    """
    begun = run.start.isoformat() if run.source.live else None
    identity = json.dumps([_place(run), begun, run.scene.name if run.scene else ""])
    return hashlib.sha256(identity.encode()).hexdigest()


def _place(run: RunInfo) -> str:
    name = run.source.name
    return name if run.source.live or _URL.match(name) else os.path.realpath(name)


class Moments:
    """Moments of the video in UTC, without the way through the local time of ``Clock``."""

    def __init__(self, clock: Clock) -> None:
        """Remember the moment of the video's time 0."""
        self.start = clock.start.astimezone(UTC) if clock.start else None

    def at(self, time_s: float) -> datetime | None:
        """Return the moment at ``time_s`` seconds of the video; None where it is not known."""
        return None if self.start is None else self.start + timedelta(0, time_s)


def track_row(run_id: int, life: Life, names: tuple[str, ...], moments: Moments) -> Row:
    """Return the row of a track that has ended."""
    track = life.track
    return {
        "run_id": run_id,
        "track_id": track.id,
        "class": clean(names[track.label]),
        "class_share": round(life.class_share, 4),
        "first_seen_s": track.first_seen_s,
        "last_seen_s": track.last_seen_s,
        "first_seen_utc": moments.at(track.first_seen_s),
        "last_seen_utc": moments.at(track.last_seen_s),
        "detections": track.detections,
        **_box(life.first_box, "first_"),
        **_box(life.last_box, "last_"),
    }


def event_row(run_id: int, number: int, event: Event, names: tuple[str, ...], moments: Moments) -> Row:
    """Return the row of an event, the ``number``-th of its run, without a picture."""
    return {
        "run_id": run_id,
        "number": number,
        "kind": event.kind,
        "time_s": event.time_s,
        "time_utc": moments.at(event.time_s),
        "frame": event.frame_index,
        "track_id": event.track_id,
        "name": clean(event.name),
        "direction": clean(event.direction),
        "class": clean(names[event.label]),
        "class_score": float(event.class_score),
        "origin": event.origin.value,
        **_box(event.box),
        "speed_kmh": _known(event.speed_kmh),
        "speed_error_kmh": _known(event.speed_error_kmh),
        "dwell_s": _known(event.dwell_s),
        "headway_s": _known(event.headway_s),
    }


def picture_of(event: Event, folder: str) -> str | None:
    """Return the file of an event's picture; None where there is none.

    Args:
        event: of any kind; only crossings have pictures.
        folder: in which they are; empty where none are written.
    """
    if folder and event.kind == "crossing":
        return clean(f"{folder}/{evidence_name(event)}")
    return _text(event.evidence)


def count_row(run_id: int, count: CountRow) -> Row:
    """Return the row of a line, direction and class in one interval."""
    return {
        "run_id": run_id,
        "start_utc": count.start,
        "end_utc": count.end,
        "class": count.class_name,
        **{name: getattr(count, name) for name in _FIGURES},
    }


def plain(value: object) -> object:
    """Return a setting as JSON can hold it, without the passwords of addresses."""
    if isinstance(value, Mapping):
        return {clean(str(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return _PASSWORD.sub(r"\1***@", clean(str(value)))


@lru_cache(maxsize=1024)
def clean(text: str) -> str:
    """Return the text without what databases refuse: file names that are not UTF-8, and zero bytes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def _text(value: object) -> str | None:
    return None if value is None else clean(str(value))


def _known(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _box(box: NDArray[np.float32], of: str = "") -> Row:
    # a hundredth of a pixel, as in tracks.csv; round() itself takes ten times as long
    x1, y1, x2, y2 = box.tolist()
    return {
        f"{of}x1": floor(x1 * 100 + 0.5) / 100,
        f"{of}y1": floor(y1 * 100 + 0.5) / 100,
        f"{of}x2": floor(x2 * 100 + 0.5) / 100,
        f"{of}y2": floor(y2 * 100 + 0.5) / 100,
    }

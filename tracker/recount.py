"""Count again from the tracks of an earlier run: with other lines, without the video, in a moment."""

from __future__ import annotations

import bisect
import itertools
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from detectors.frame import Frame
from tracker.analytics.scene import SceneObserver
from tracker.errors import ResultError
from tracker.pipeline import record
from tracker.protocols import Sink
from tracker.scene.model import Scene
from tracker.types import FrameResult, Origin, RunInfo, SourceInfo, Track, TrackState

_COLUMNS = ("frame", "time_s", "track_id", "class", "score", "x1", "y1", "x2", "y2", "origin", "confidence")
#: A track without a row for this long (seconds) is over; frames may have been left out of a file.
ABSENT_S = 0.5
_NOWHERE = np.zeros(2, np.float32)

Row = tuple[int, float, Track]
Span = tuple[float, float]


def read_run(folder: Path) -> dict[str, Any]:
    """Return the ``run.json`` of a run.

    Raises:
        ResultError: it is not there, or damaged.
    """
    file = folder / "run.json"
    try:
        content = json.loads(file.read_text("utf-8"))
        source = content["source"]
        int(source["width"]), int(source["height"]), list(content["class_names"])
    except OSError as exc:
        raise ResultError(f"{folder} is no run: {file}: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise ResultError(f"{file} is damaged: {type(exc).__name__} {exc}") from exc
    return dict(content)


def recount(folder: Path, scene: Scene, sinks: Sequence[Sink]) -> Iterator[FrameResult]:
    """Send the tracks of a run through the observers of a scene, and what they report into sinks.

    Args:
        folder: of the run, with ``run.json`` and ``tracks.csv``.
        scene: to count with.
        sinks: written and closed.

    Yields:
        One result for every frame that has a row; its frame has no picture worth looking at.

    Raises:
        ResultError: a file of the run cannot be read.
        SinkError: a result cannot be written.
    """
    about = read_run(folder)
    width, height = int(about["source"]["width"]), int(about["source"]["height"])
    names = tuple(str(name) for name in about["class_names"])
    info = RunInfo(
        source=_source(about["source"], width, height),
        class_names=names,
        settings=about.get("settings", {}),
        start=_start(about),
        detector=about.get("detector", {}),
        scene=scene.at(width, height),
    )
    observer = SceneObserver(scene, names)
    seen = SeenTime([(float(a), float(b)) for a, b in about.get("seen_s", ())])
    results = _observed(_results(folder / "tracks.csv", names, (width, height), seen), observer)
    return record(results, sinks, info)


def _start(about: dict[str, Any]) -> datetime:
    """Return when the run began: a database knows a recording of a camera by that."""
    try:
        return datetime.fromisoformat(about["start"])
    except (KeyError, TypeError, ValueError):
        return datetime.now(UTC)


def _source(about: dict[str, Any], width: int, height: int) -> SourceInfo:
    live = bool(about.get("live"))
    rate, duration = about.get("rate_fps"), about.get("duration_s")
    return SourceInfo(str(about.get("name", "")), width, height, rate, about.get("frames"), duration, live)


def _observed(results: Iterator[FrameResult], observer: SceneObserver) -> Iterator[FrameResult]:
    """Add the events; what is still to be decided at the end belongs to the last frame."""
    last: FrameResult | None = None
    for result in results:
        if last is not None:
            yield last
        events = observer.observe(result)
        last = _with(result, events) if events else result
    if last is not None:
        yield _with(last, [*last.events, *observer.finish()])


def _with(result: FrameResult, events: Sequence[Any]) -> FrameResult:
    return FrameResult(result.frame, None, None, result.tracks, tuple(events))


def _results(
    file: Path, names: tuple[str, ...], size: tuple[int, int], seen: SeenTime
) -> Iterator[FrameResult]:
    """Yield a result for every frame with a row, and for the ends of what was seen."""
    picture = _stand_in(size)
    live: dict[int, Row] = {}  # in the order in which they were last seen
    last_s = seen.begin_s
    for (index, time_s), rows in itertools.groupby(_rows(file, names), key=lambda row: row[:2]):
        tracks = []
        for row in rows:
            live.pop(row[2].id, None)
            live[row[2].id] = row
            tracks.append(row[2])
        gone = _gone(live, time_s - ABSENT_S)
        frame = Frame(picture, index, time_s, seen.gap_s(last_s, time_s))
        yield FrameResult(frame, None, None, (*gone, *tracks))
        last_s = time_s
    if seen.end_s > last_s:
        gone = _gone(live, seen.end_s)
        frame = Frame(picture, 2**31, seen.end_s, seen.gap_s(last_s, seen.end_s))
        yield FrameResult(frame, None, None, tuple(gone))


def _gone(live: dict[int, Row], before_s: float) -> list[Track]:
    """Take out the tracks that have had no row since ``before_s``: whoever lives has one on every frame."""
    gone = []
    for track_id, (_, time_s, track) in live.items():
        if time_s > before_s:
            break
        gone.append((track_id, track))
    for track_id, _ in gone:
        del live[track_id]
    return [_removed(track) for _, track in gone]


def _rows(file: Path, names: tuple[str, ...]) -> Iterator[Row]:
    """Yield the rows as tracks, one line in memory at a time: a day has millions."""
    places = {name: place for place, name in enumerate(names)}
    votes = [np.eye(1, place + 1, place, np.float32)[0] for place in range(len(names))]
    try:
        with file.open(encoding="utf-8") as lines:
            header = next(lines, "").strip().split(",")
            if tuple(header) != _COLUMNS:
                raise ResultError(f"{file} line 1: the columns must be {','.join(_COLUMNS)}")
            for number, line in enumerate(lines, 2):
                try:
                    yield _row(line, places, votes)
                except (ValueError, KeyError) as exc:
                    raise ResultError(f"{file} line {number}: not a row of tracks: {line.strip()}") from exc
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "it is no text"
        raise ResultError(f"cannot read the tracks {file}: {reason}") from exc


_ORIGINS = {origin.value: origin for origin in Origin}


def _row(line: str, places: dict[str, int], votes: list[Any]) -> Row:
    frame, time, track_id, name, score, x1, y1, x2, y2, origin, confidence = line.rstrip("\n").split(",")
    time_s, label, how = float(time), places[name], _ORIGINS[origin]
    track = Track(
        int(track_id),
        np.array((x1, y1, x2, y2), np.float32),
        _NOWHERE,
        label,
        float(score),
        votes[label],
        TrackState.COASTING if how is Origin.PREDICTED else TrackState.CONFIRMED,
        how,
        float(confidence),
        time_s,
        time_s,
        time_s,
    )
    return int(frame), time_s, track


def _removed(track: Track) -> Track:
    return Track(
        track.id,
        track.box,
        track.velocity,
        track.label,
        track.score,
        track.class_scores,
        TrackState.REMOVED,
        track.origin,
        track.confidence,
        track.first_seen_s,
        track.last_seen_s,
        track.last_detected_s,
    )


class SeenTime:
    """The time that a run saw, as its ``run.json`` says it.

    Args:
        spans: from and to in seconds of the video, in order and apart; empty where nothing is said.
    """

    def __init__(self, spans: list[Span]) -> None:
        """Add the spans up."""
        self._edges = [edge for span in spans for edge in span]
        self._totals = list(itertools.accumulate((b - a for a, b in spans), initial=0.0))
        self.begin_s = self._edges[0] if spans else 0.0
        self.end_s = self._edges[-1] if spans else 0.0

    def gap_s(self, from_s: float, to_s: float) -> float:
        """Return how many seconds between two moments were not seen; 0 where nothing is said of that."""
        if not self._edges:
            return 0.0
        unseen_s = to_s - from_s - (self._until(to_s) - self._until(from_s))
        return unseen_s if unseen_s > 1e-3 else 0.0

    def _until(self, time_s: float) -> float:
        """Return how much was seen until a moment."""
        place = bisect.bisect_right(self._edges, time_s)
        total = self._totals[place // 2]
        return total + time_s - self._edges[place - 1] if place % 2 else total


def _stand_in(size: tuple[int, int]) -> Any:
    """Return a picture that is neither dark nor flat: the run has said which time it did not see."""
    column = (np.arange(size[0]) // 7 % 2 * 128 + 64).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(column[None, :, None], (size[1], size[0], 3)))

"""Count again from the tracks of an earlier run: with other lines, without the video, in a moment."""

from __future__ import annotations

import bisect
import itertools
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame
from tracker.analytics.scene import SceneObserver
from tracker.errors import ResultError
from tracker.pipeline import record
from tracker.protocols import Sink
from tracker.scene.model import Scene
from tracker.sinks.csv import COLUMNS
from tracker.track_rows import Codes, Piece, read_track_rows
from tracker.types import FrameResult, Origin, RunInfo, SourceInfo, Track, TrackState

#: A track without a row for this long (seconds) is over; frames may have been left out of a file.
ABSENT_S = 0.5
_NOWHERE = np.zeros(2, np.float32)

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
    live: dict[int, Track] = {}  # in the order in which they were last seen
    last_s = seen.begin_s
    for index, time_s, tracks in _by_frame(file, names):
        for track in tracks:
            live.pop(track.id, None)
            live[track.id] = track
        gone = _gone(live, time_s - ABSENT_S)
        frame = Frame(picture, index, time_s, seen.gap_s(last_s, time_s))
        yield FrameResult(frame, None, None, (*gone, *tracks))
        last_s = time_s
    if seen.end_s > last_s:
        gone = _gone(live, seen.end_s)
        frame = Frame(picture, 2**31, seen.end_s, seen.gap_s(last_s, seen.end_s))
        yield FrameResult(frame, None, None, tuple(gone))


def _gone(live: dict[int, Track], before_s: float) -> list[Track]:
    """Take out the tracks that have had no row since ``before_s``: whoever lives has one on every frame."""
    gone = []
    for track in live.values():
        if track.last_seen_s > before_s:
            break
        gone.append(cast("_Row", track)._replace(state=TrackState.REMOVED))
    for row in gone:
        del live[row.id]
    return cast("list[Track]", gone)


def _by_frame(file: Path, names: tuple[str, ...]) -> Iterator[tuple[int, float, list[Track]]]:
    """Yield index, time and tracks of every frame that has a row."""
    codes = Codes({name: label for label, name in enumerate(names)})
    index, time_s, tracks = -1, 0.0, list[Track]()
    for piece in read_track_rows(file, COLUMNS, codes):
        _refuse_unknown(file, piece, codes, names)
        rows = _tracks(piece, len(names))
        changes = (np.diff(piece["frame"]) != 0) | (np.diff(piece["time_s"]) != 0)
        begins = [0, *(np.flatnonzero(changes) + 1).tolist()]
        indices, times_s = piece["frame"][begins].tolist(), piece["time_s"][begins].tolist()
        for place, (begin, end) in enumerate(itertools.pairwise([*begins, len(piece)])):
            if tracks and (indices[place], times_s[place]) != (index, time_s):
                yield index, time_s, tracks
                tracks = []
            index, time_s = indices[place], times_s[place]
            tracks += rows[begin:end]  # the first rows of a piece may go on with the frame before it
    if tracks:
        yield index, time_s, tracks


def _refuse_unknown(file: Path, piece: Piece, codes: Codes, names: tuple[str, ...]) -> None:
    """Raise ResultError for a class or an origin that no run writes."""
    if len(codes) > len(names):
        raise ResultError(f"{file}: class {list(codes)[len(names)]!r} is none of {', '.join(names)}")
    strange = ~np.isin(piece["origin"], list(_ORIGINS))
    if strange.any():
        origin = bytes(piece["origin"][strange][0]).decode("latin-1")
        raise ResultError(f"{file}: origin {origin!r} is none of {', '.join(o.value for o in Origin)}")


_ORIGINS = {origin.value.encode(): origin for origin in Origin}


class _Row(NamedTuple):
    """A track on one frame as a file tells it, with the fields of ``Track``: made in a fifth of its time.

    Of the votes a file keeps who won them, and of the times that of the row.
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
        return self.state is not TrackState.REMOVED


def _tracks(piece: Piece, classes: int) -> list[Track]:
    votes = list(np.eye(classes, dtype=np.float32))
    boxes = np.stack([piece[side] for side in ("x1", "y1", "x2", "y2")], axis=1).astype(np.float32)
    names = ("track_id", "class", "score", "origin", "confidence", "time_s")
    columns = (piece[name].tolist() for name in names)
    states = {origin: TrackState.CONFIRMED for origin in _ORIGINS} | {b"predicted": TrackState.COASTING}
    rows = [
        _Row(i, box, _NOWHERE, label, score, votes[label], states[how], _ORIGINS[how], sure, at_s, at_s, at_s)
        for box, i, label, score, how, sure, at_s in zip(boxes, *columns, strict=True)
    ]
    return cast("list[Track]", rows)


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

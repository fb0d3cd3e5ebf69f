"""Count again from the tracks of an earlier run: with other lines, without the video, in a moment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tracker.analytics.scene import SceneObserver, longest_unseen_s
from tracker.errors import ResultError
from tracker.pipeline import record
from tracker.protocols import Sink
from tracker.recount._ahead import read_ahead
from tracker.recount._apart import Apart
from tracker.recount._cycles import without_cycles
from tracker.recount._results import Course, results_of
from tracker.recount._seen_time import SeenTime
from tracker.recount._sheet import read_sheets
from tracker.scene.model import Scene
from tracker.types import EarlierRun, FrameResult, RunInfo, SourceInfo

#: Of a smaller file of tracks, more processes take longer to start than they save.
_LARGE_BYTES = 20_000_000

__all__ = ["read_run", "recount"]


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
        [(float(begin), float(end)) for begin, end in content.get("seen_s", ())]
        [float(cut_s) for cut_s in content.get("cuts_s", ())]
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
        Results of one frame a second, and of the one behind every gap, with all that was reported since the
        result before. Their frames have no picture worth looking at; their tracks are those that began or
        ended since then, which is what a sink that does not draw needs to know.

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
        earlier=_earlier(about),
    )
    file = folder / "tracks.csv"
    read = read_sheets
    if file.exists() and file.stat().st_size >= _LARGE_BYTES:
        sinks, read = [Apart(sinks)], read_ahead
    seen = SeenTime([(float(a), float(b)) for a, b in about.get("seen_s", ())])
    cuts_s = [float(cut_s) for cut_s in about.get("cuts_s", ())]
    unseen_s = partial(float, _unseen_s(about))  # no lambda: the observer may be sent to another process
    observer = SceneObserver(scene, names, unseen_s)
    sheets = read(file, names, observer, cuts_s, seen.begin_s)
    found = results_of(sheets, Course((width, height), names, seen), observer)
    return without_cycles(record(found, sinks, info))


def _unseen_s(about: dict[str, Any]) -> float:
    """Return how long one could be in the picture without being seen, when the run was made."""
    try:
        settings, rate_fps = about["settings"], about["source"].get("rate_fps")
        triggers = settings["options"]["trigger"].values()
        return longest_unseen_s([t.get("interval_s", 0.0) for t in triggers], settings["budget"], rate_fps)
    except (KeyError, TypeError, AttributeError):  # of a version that did not write them
        return longest_unseen_s()


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


def _earlier(about: dict[str, Any]) -> EarlierRun | None:
    try:
        return EarlierRun(int(about["frames"]), int(about["cnn_runs"]["total"]))
    except (KeyError, TypeError, ValueError):
        return None

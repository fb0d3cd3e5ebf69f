"""All that a run folder holds, read at once."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from tracker.errors import ResultError
from tracker.report.drawing import TimeAxis
from tracker.report.paths import TrackDigest, digest_tracks
from tracker.report.reading import RunFacts, read_facts
from tracker.report.tables import (
    Crossings,
    Interval,
    Way,
    ZoneRow,
    read_counts,
    read_crossings,
    read_turns,
    read_zones,
)
from tracker.scene import Scene, read_scene

#: A smaller file is read sooner than a process begins.
_LARGE_BYTES = 20_000_000
_PERSONS = ("person", "pedestrian", "people")


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """All that a run folder holds.

    Attributes:
        run: of ``run.json``.
        scene: in pixels of the run's frames, or None.
        intervals: of ``counts.csv``, in order.
        crossings: of ``events.csv``.
        zones: of ``zones.csv``.
        turns: origin, destination and class of ``turns.csv``.
        digest: gives what is left of ``tracks.csv``; of a large file that takes longer than all the rest.
    """

    run: RunFacts
    scene: Scene | None
    intervals: list[Interval]
    crossings: Crossings
    zones: list[ZoneRow]
    turns: Counter[tuple[str, str, str]]
    digest: Callable[[], TrackDigest]

    @property
    def tracks(self) -> TrackDigest:
        """Return what is left of ``tracks.csv``, once it is read.

        Raises:
            ResultError: it is damaged.
        """
        return self.digest()

    @property
    def time(self) -> TimeAxis:
        """Return the axis of time, by the clock where any file tells it."""
        known = [(interval.start, interval.start_s) for interval in self.intervals if interval.start]
        known += [self.crossings.zero] if self.crossings.zero else []
        known += [(self.scene.start, 0.0)] if self.scene and self.scene.start else []
        if not known:
            return TimeAxis(None)
        moment, time_s = known[0]
        zone = ZoneInfo(self.scene.time_zone) if self.scene and self.scene.time_zone else moment.tzinfo
        return TimeAxis(TimeAxis(moment.astimezone(zone)).at(-time_s))

    @property
    def seen_s(self) -> float | None:
        """Return the seconds that were seen; None where the run does not tell."""
        spans = self.run.seen_s
        return None if spans is None else sum(end - begin for begin, end in spans)

    @property
    def ways(self) -> tuple[Way, ...]:
        """Return every line with every direction: those of the scene first."""
        drawn = [
            (line.name, name) for line in (self.scene.lines if self.scene else ()) for name in line.directions
        ]
        counted = [way for interval in self.intervals for way, _ in interval.counts]
        return tuple(dict.fromkeys([*drawn, *counted, *self.crossings.ways]))


def read_results(folder: Path) -> Results:
    """Read a run folder; what is in the tracks comes later, when it is asked for.

    Raises:
        ResultError: it is none, or a file is damaged.
        SceneError: its scene is wrong.
    """
    run = read_facts(folder)
    scene = read_scene(folder / "scene.toml") if (folder / "scene.toml").exists() else None
    return Results(
        run=run,
        scene=scene.at(*run.size) if scene else None,
        digest=_digesting(folder / "tracks.csv", run),
        intervals=read_counts(folder / "counts.csv"),
        crossings=read_crossings(folder / "events.csv"),
        zones=read_zones(folder / "zones.csv"),
        turns=read_turns(folder / "turns.csv"),
    )


def _digesting(path: Path, run: RunFacts) -> Callable[[], TrackDigest]:
    """Return what gives the digest of the tracks: of a large file it is made elsewhere meanwhile."""
    if not path.exists() or path.stat().st_size < _LARGE_BYTES:
        return cache(lambda: digest_tracks(path, run))
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    digest = pool.submit(digest_tracks, path, run)
    pool.shutdown(wait=False)  # nothing more is to come

    def wait() -> TrackDigest:
        try:
            return digest.result()
        except BrokenProcessPool as exc:
            raise ResultError(f"the process that reads {path} has died: is there memory enough?") from exc

    return wait


def is_vehicle(name: str) -> bool:
    """Return whether a class counts as a vehicle."""
    return name.lower() not in _PERSONS

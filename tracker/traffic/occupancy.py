"""Zones by interval: how many were there, how long somebody was, how many stood, how long they stayed."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import datetime

from tracker.scene.model import Scene
from tracker.traffic.buckets import Bucket, Buckets
from tracker.traffic.clock import Clock
from tracker.traffic.coverage import Coverage
from tracker.traffic.intervals import LATEST_S
from tracker.types import Event, FrameResult


@dataclass(frozen=True, slots=True)
class ZoneRow:
    """What happened in a zone within one interval.

    Attributes:
        start_s: beginning of the interval, in seconds of the video.
        end_s: its end.
        start: its beginning on the clock, or None.
        end: its end on the clock, or None.
        zone: name of the zone.
        entered: how many came in.
        left: how many went out.
        mean_present: how many were there on average over the interval's seen time.
        most_present: at the same time.
        occupancy: share of the seen time in which somebody was there.
        most_queued: standing at the same time: the longest queue, in vehicles.
        mean_dwell_s: of those who left; None where nobody did.
        coverage: share of the interval that was seen.
    """

    start_s: float
    end_s: float
    start: datetime | None
    end: datetime | None
    zone: str
    entered: int
    left: int
    mean_present: float
    most_present: int
    occupancy: float
    most_queued: int
    mean_dwell_s: float | None
    coverage: float


@dataclass(slots=True)
class _Use:
    entered: int = 0
    dwells_s: list[float] = field(default_factory=list)
    present_s: float = 0.0
    occupied_s: float = 0.0
    most_present: int = 0
    most_queued: int = 0


@dataclass(slots=True)
class _Now:
    present: int = 0
    queued: int = 0


class ZoneOccupancy:
    """Adds up what zones report.

    Args:
        scene: with the zones, and the length of the intervals.
    """

    def __init__(self, scene: Scene) -> None:
        """Begin with empty zones."""
        self._scene = scene
        self._coverage = Coverage()
        self._now = {zone.name: _Now() for zone in scene.zones}
        self._waiting: list[tuple[float, int, Event]] = []
        self._number = 0
        self._told_s: float | None = None
        self._now_s = 0.0
        self._buckets: Buckets[dict[str, _Use]] | None = None

    def add(self, result: FrameResult) -> None:
        """Take one frame's result."""
        self._now_s = result.frame.time_s
        if self._buckets is None:
            clock = Clock.of(self._scene, result.frame)
            self._buckets = Buckets(clock, self._scene.interval_s, self._empty)
            self._told_s = self._now_s
        self._buckets.at(self._now_s)
        self._buckets.see(self._coverage.add(result))
        for event in result.events:
            if event.kind == "zone":
                self._number += 1
                heapq.heappush(self._waiting, (event.time_s, self._number, event))
        until_s = self._now_s - LATEST_S
        if self._waiting and self._waiting[0][0] <= until_s:
            self._advance(self._buckets, until_s)

    def finished(self) -> list[ZoneRow]:
        """Take out the rows of the intervals that are over."""
        until_s = self._now_s - LATEST_S
        if self._buckets is None or not self._buckets.over(until_s):
            return []
        self._advance(self._buckets, until_s)
        return self._taken(until_s)

    def finish(self) -> list[ZoneRow]:
        """Take out all rows that are left, at the end of the run."""
        if self._buckets is not None:
            self._advance(self._buckets, self._now_s)
            self._buckets.see(self._coverage.finish())
        return self._taken(float("inf"))

    def _empty(self) -> dict[str, _Use]:
        return {zone.name: _Use() for zone in self._scene.zones}

    def _advance(self, buckets: Buckets[dict[str, _Use]], until_s: float) -> None:
        """Follow the zones up to a moment before which nothing more is reported."""
        while self._waiting and self._waiting[0][0] <= until_s:
            event = heapq.heappop(self._waiting)[2]
            self._pass(buckets, event.time_s)
            self._happen(buckets, event)
        self._pass(buckets, until_s)

    def _pass(self, buckets: Buckets[dict[str, _Use]], until_s: float) -> None:
        """Let time pass in which nothing changes."""
        from_s = until_s if self._told_s is None else self._told_s
        self._told_s = max(from_s, until_s)
        while from_s < until_s:
            bucket = buckets.at(from_s)
            to_s = min(until_s, bucket.end_s)
            for name, now in self._now.items():
                use = bucket.content[name]
                use.present_s += now.present * (to_s - from_s)
                use.occupied_s += (now.present > 0) * (to_s - from_s)
                use.most_present = max(use.most_present, now.present)
                use.most_queued = max(use.most_queued, now.queued)
            from_s = to_s

    def _happen(self, buckets: Buckets[dict[str, _Use]], event: Event) -> None:
        now, use = self._now[event.name], buckets.at(event.time_s).content[event.name]
        if event.direction == "enter":
            use.entered += 1
            now.present += 1
        elif event.direction == "leave":
            use.dwells_s.append(event.dwell_s or 0.0)
            now.present -= 1
        else:
            now.queued += 1 if event.direction == "stop" else -1
        use.most_present, use.most_queued = (
            max(use.most_present, now.present),
            max(use.most_queued, now.queued),
        )

    def _taken(self, before_s: float) -> list[ZoneRow]:
        buckets = self._buckets.pop(before_s) if self._buckets else []
        return [self._row(bucket, zone.name) for bucket in buckets for zone in self._scene.zones]

    def _row(self, bucket: Bucket[dict[str, _Use]], zone: str) -> ZoneRow:
        assert self._buckets is not None
        use, dwells_s = bucket.content[zone], bucket.content[zone].dwells_s
        seen_s = max(bucket.seen_s, 1e-9)
        return ZoneRow(
            bucket.start_s,
            bucket.end_s,
            *self._buckets.times(bucket),
            zone=zone,
            entered=use.entered,
            left=len(dwells_s),
            mean_present=use.present_s / seen_s if bucket.seen_s else 0.0,
            most_present=use.most_present,
            occupancy=min(use.occupied_s / seen_s, 1.0) if bucket.seen_s else 0.0,
            most_queued=use.most_queued,
            mean_dwell_s=sum(dwells_s) / len(dwells_s) if dwells_s else None,
            coverage=bucket.coverage,
        )

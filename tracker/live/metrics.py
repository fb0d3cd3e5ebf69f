"""The hub's numbers for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tracker.live.hub import Hub
from tracker.live.known import CameraView

_PREFIX = "road_tracker_"
Numbers = Callable[[CameraView], float]
_SUMS: tuple[tuple[str, str, Numbers], ...] = (
    ("frames", "Frames processed.", lambda view: view.sums.get("frames", 0)),
    ("pictures_received", "Pictures that came, processed or not.", lambda view: view.sums.get("received", 0)),
    ("source_losses", "How often the source was lost.", lambda view: view.sums.get("losses", 0)),
)
_GAUGES: tuple[tuple[str, str, Numbers], ...] = (
    ("open", "1 where the camera sees, 0 where not.", lambda view: view.state == "open"),
    ("frames_per_second", "Frames processed a second.", lambda v: v.status.fps if v.status else 0),
    ("cnn_share", "Share of frames seen by the CNN.", lambda v: v.status.cnn_share if v.status else 0),
    ("cnn_budget", "Largest such share allowed now.", lambda v: v.status.budget if v.status else 0),
    ("memory_bytes", "Resident memory.", lambda v: v.status.memory_mb * 1e6 if v.status else 0),
    ("recording", "1 while pictures are recorded.", lambda v: bool(v.status and v.status.recording)),
    ("present", "Road users who are there now.", lambda v: len(v.status.tracks) if v.status else 0),
    ("viewers", "Who watch the pictures.", lambda view: view.viewers),
)


def metrics_registry(hub: Hub) -> CollectorRegistry:
    """Return a registry that reads the hub whenever it is asked."""
    registry = CollectorRegistry()
    registry.register(_Cameras(hub))
    return registry


class _Cameras(Collector):
    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def describe(self) -> Iterable[Metric]:
        return ()  # names are not collected at registration: nothing is known then

    def collect(self) -> Iterator[Metric]:
        views = [self._hub.view(name) for name in self._hub.names()]
        for name, about, number in _SUMS:
            counter = CounterMetricFamily(_PREFIX + name, about, labels=["camera"])
            for view in views:
                counter.add_metric([view.name], number(view))
            yield counter
        for name, about, number in _GAUGES:
            gauge = GaugeMetricFamily(_PREFIX + name, about, labels=["camera"])
            for view in views:
                gauge.add_metric([view.name], number(view))
            yield gauge
        yield _by_reason(views, "cnn_runs", "Looks of the CNN.", lambda view: view.cnn_runs.items())
        yield _by_reason(views, "dropped", "Pictures not processed.", lambda view: view.dropped.items())
        yield _latency(views)
        yield self._crossings()

    def _crossings(self) -> Metric:
        labels = ["camera", "line", "direction", "class"]
        counter = CounterMetricFamily(_PREFIX + "crossings", "Crossings of lines.", labels=labels)
        for name in self._hub.names():
            for way, total in self._hub.counts(name).totals.items():
                counter.add_metric([name, *way], total)
        return counter


def _by_reason(
    views: list[CameraView], name: str, about: str, numbers: Callable[[CameraView], Iterable[tuple[str, int]]]
) -> Metric:
    counter = CounterMetricFamily(_PREFIX + name, about, labels=["camera", "reason"])
    for view in views:
        for reason, number in numbers(view):
            counter.add_metric([view.name, reason], number)
    return counter


def _latency(views: list[CameraView]) -> Metric:
    about = "From a picture's arrival to its result, over the last seconds."
    gauge = GaugeMetricFamily(_PREFIX + "latency_seconds", about, labels=["camera", "of"])
    for view in views:
        for of, number_ms in (view.status.latency_ms if view.status else {}).items():
            gauge.add_metric([view.name, of], number_ms / 1e3)
    return gauge

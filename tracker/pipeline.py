"""The loop: every box is carried along, and the CNN looks when there is a reason to."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import centres
from detectors.detections import Detections
from detectors.errors import ProjectError, UsageError
from detectors.frame import Frame
from detectors.protocol import Detector, PartDetector
from tracker.protocols import Associator, FrameSource, Observer, Propagator, Sink, Trigger
from tracker.scene.geometry import in_any
from tracker.scene.model import Scene
from tracker.tracks import looked_over
from tracker.types import Event, FrameResult, Origin, Reason, RunInfo, Track, TrackState

T = TypeVar("T")


@dataclass(slots=True)
class Pipeline:
    """One source, followed to its end.

    Attributes:
        source: frames with their times.
        detector: the CNN, or whatever stands for it.
        propagator: carries boxes between two looks.
        triggers: asked in turn; the first reason counts.
        associator: gives detections to tracks.
        observers: watch the results and report events.
        wanted: bool (C,), classes to follow; None for all.
        scene: what the camera looks at, in any units; where it says so, nothing is tracked.
        notes: what was found wrong while it was built, one line each.
    """

    source: FrameSource
    detector: Detector
    propagator: Propagator
    triggers: Sequence[Trigger]
    associator: Associator
    observers: Sequence[Observer] = ()
    wanted: NDArray[np.bool_] | None = None
    scene: Scene | None = None
    notes: tuple[str, ...] = ()
    _live: list[Track] = field(default_factory=list)
    _clock: dict[str, float] = field(default_factory=dict)
    _ran: bool = False
    _reported: bool = False

    def __enter__(self) -> Self:
        """Open the source."""
        self.source.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Close the source."""
        self.source.__exit__(kind, exc, tb)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Notes, what the source complains of, and that all that was seen still waits to be confirmed.

        To be read at the end of a run: until then a second look may still come.
        """
        waiting = sum(track.state is TrackState.TENTATIVE for track in self._live)
        if self._reported or not waiting:
            return (*self.notes, *self.source.warnings)
        seen = "1 road user was" if waiting == 1 else f"{waiting} road users were"
        return (
            *self.notes,
            *self.source.warnings,
            f"no tracks: {seen} seen, but the run ended before another look "
            "(associate.NAME.confirm_looks=1 takes one look for enough)",
        )

    def run(self) -> Iterator[FrameResult]:
        """Yield one result a frame, in order; of a camera one more in the end, if something is still to tell.

        Raises:
            UsageError: it ran already; its parts remember that run.
            SourceError: the source cannot be read.
        """
        if self._ran:
            raise UsageError("a pipeline runs once: open another")
        self._ran = True
        frames = iter(self.source)
        frame = self._timed("read", lambda: next(frames, None))
        while frame is not None:
            result = self._step(frame)
            events = self._timed("observe", lambda: self._events(result)) if self.observers else []  # noqa: B023
            clock, self._clock = self._clock, {}
            # what observers still hold at the end belongs to the last frame: so the next one is fetched
            # first, but not from a camera, for which that means to wait
            ahead = bool(self.observers) and not self.source.info.live
            following = self._timed("read", lambda: next(frames, None)) if ahead else None
            if ahead and following is None:
                events += [event for observer in self.observers for event in observer.finish()]
            yield replace(result, events=tuple(events), stage_s=clock)
            frame = following if ahead else self._timed("read", lambda: next(frames, None))
            if frame is None and not ahead:
                yield from self._last(result.frame)

    def _last(self, frame: Frame) -> Iterator[FrameResult]:
        """Yield what observers still hold when a camera's stream ends: its last frame was told already."""
        events = [event for observer in self.observers for event in observer.finish()]
        if events:
            yield FrameResult(frame, None, None, (), tuple(events))

    def _events(self, result: FrameResult) -> list[Event]:
        return [event for observer in self.observers for event in observer.observe(result)]

    def _step(self, frame: Frame) -> FrameResult:
        # nothing can be carried into a new shot, and with nothing to carry nobody is asked
        carry = self._live and not frame.cut
        tracks = (
            self._timed("propagate", lambda: self.propagator.step(frame, self._live)) if carry else self._live
        )
        reason, cause, region = self._timed("trigger", lambda: self._asked(frame, tracks))
        detections, looked_at = None, None
        if reason:
            detections, looked_at = self._timed("detect", lambda: self._detect(frame, region))
        tracks = self._timed(
            "associate", lambda: self.associator.update(frame, tracks, detections, looked_at)
        )
        if detections is not None:
            for trigger in self.triggers:
                trigger.looked(frame, tracks, looked_at)
        self._timed("propagate", lambda: self._restart(frame, tracks))
        self._live = [track for track in tracks if track.state is not TrackState.REMOVED]
        self._reported = self._reported or any(track.shown for track in tracks)
        return FrameResult(frame, reason, detections, tuple(tracks), looked_at=looked_at, cause=cause)

    def _asked(
        self, frame: Frame, tracks: Sequence[Track]
    ) -> tuple[Reason | None, Track | None, NDArray[np.float32] | None]:
        """Return why the CNN must look, the track that asks for it, and where; None for the whole frame."""
        for trigger in self.triggers:
            if reason := trigger.reason(frame, tracks):
                cause = next((track for track in tracks if track.id == trigger.cause), None)
                return reason, cause, trigger.region
        return None, None, None

    def _detect(
        self, frame: Frame, region: NDArray[np.float32] | None
    ) -> tuple[Detections, NDArray[np.float32] | None]:
        """Look; return what is followed of what the CNN saw, and the part that it looked at."""
        detections, looked_at = self._seen(frame, region)
        if self.wanted is not None:
            detections = detections.select(self.wanted[detections.labels])
        if self.scene is not None and self.scene.ignore:
            ignored = self.scene.at(frame.width, frame.height).ignore
            detections = detections.select(~in_any(ignored, centres(detections.boxes)))
        return detections, looked_at

    def _seen(
        self, frame: Frame, region: NDArray[np.float32] | None
    ) -> tuple[Detections, NDArray[np.float32] | None]:
        if region is None or not isinstance(self.detector, PartDetector):
            return self.detector.detect([frame])[0], None
        detections, looked_at = self.detector.detect_within(frame, region)
        if looked_at is not None:
            detections = detections.select(looked_over(detections.boxes, looked_at, frame))
        return detections, looked_at

    def _restart(self, frame: Frame, tracks: Sequence[Track]) -> None:
        self.propagator.stop([t.id for t in tracks if t.state is TrackState.REMOVED])
        found = [t for t in tracks if t.origin is Origin.DETECTED and t.state is not TrackState.REMOVED]
        if found:
            self.propagator.start(frame, found)

    def _timed(self, stage: str, work: Callable[[], T]) -> T:
        began = time.perf_counter()
        value = work()
        self._clock[stage] = self._clock.get(stage, 0.0) + time.perf_counter() - began
        return value


def record(
    results: Iterable[FrameResult], sinks: Sequence[Sink], run: RunInfo
) -> Generator[FrameResult, None, None]:
    """Pass the results on while writing them to every sink; close the sinks whatever happens.

    A run that is broken off (an error, Ctrl-C, the consumer stops early) closes them with
    ``completed=False``: what was done so far is kept.

    Raises:
        ProjectError: the first thing that went wrong, also where closing fails after it.
    """
    opened: list[Sink] = []
    try:
        for sink in sinks:
            opened.append(sink)
            sink.open(run)
        for result in results:
            for sink in sinks:
                sink.write(result)
            yield result
    except ProjectError:
        _close(opened, completed=False)
        raise
    except BaseException:
        if (failure := _close(opened, completed=False)) is not None:
            raise failure from None
        raise
    if (failure := _close(opened, completed=True)) is not None:
        raise failure


def _close(sinks: Sequence[Sink], completed: bool) -> BaseException | None:
    """Close every sink, and return the first failure.

    One that fails keeps no other open, and those closed after it are told that the run is not complete.
    """
    first: BaseException | None = None
    for sink in sinks:
        try:
            sink.close(completed and first is None)
        except BaseException as exc:  # a second Ctrl-C must not leave drafts behind either
            first = first or exc
    return first

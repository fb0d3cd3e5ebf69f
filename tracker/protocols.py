"""What the parts of a pipeline promise one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from detectors.detections import Detections
from detectors.frame import Frame
from tracker.types import Event, FrameResult, Reason, RunInfo, SourceHealth, SourceInfo, Track


@runtime_checkable
class FrameSource(Protocol):
    """Frames in order, each with its time. A context manager: leaving it stops the reader.

    Iterating raises ``SourceError`` when nothing at all can be read. What went wrong but did not
    stop the reading (a cut-off file, a time stamp that ran backwards) is told in ``warnings``.
    """

    @property
    def info(self) -> SourceInfo:
        """What is known before the first frame."""
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """What was wrong with the source so far, one line each; grows while reading."""
        ...

    @property
    def health(self) -> SourceHealth:
        """How the source is doing; may be asked by any thread at any moment once it was entered."""
        ...

    def __enter__(self) -> Self:
        """Open the source."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Stop reading and let go of the file, stream or camera."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames; ``time_s`` never falls and ``index`` always grows."""
        ...


@runtime_checkable
class Propagator(Protocol):
    """Carries boxes from frame to frame without the CNN."""

    def start(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Learn (again) what these tracks, just detected on ``frame``, look like."""
        ...

    def step(self, frame: Frame, tracks: Sequence[Track]) -> list[Track]:
        """Return the same tracks, in the same order, at their places on ``frame``.

        Args:
            frame: the new frame.
            tracks: live tracks as they were on the frame before.
        """
        ...

    def stop(self, ids: Iterable[int]) -> None:
        """Forget these tracks; unknown ids are no error."""
        ...


@runtime_checkable
class Trigger(Protocol):
    """Decides when the CNN runs, and says why.

    Attributes:
        cause: number of the track for which the last reason was given; None where it was for none.
        region: float32 (4,) xyxy, the part of the frame that a look for that reason must see; None for all.
    """

    cause: int | None
    region: NDArray[np.float32] | None

    def reason(self, frame: Frame, tracks: Sequence[Track]) -> Reason | None:
        """Return why the CNN must look at ``frame``, or None.

        Args:
            frame: the new frame.
            tracks: the live tracks, already propagated to this frame.
        """
        ...

    def looked(
        self, frame: Frame, result: Sequence[Track], looked_at: NDArray[np.float32] | None = None
    ) -> None:
        """Be told that the CNN ran.

        Args:
            frame: that it looked at.
            result: the tracks after association.
            looked_at: float32 (4,) xyxy, the part of the frame that it saw; None for the whole.
        """
        ...


@runtime_checkable
class Associator(Protocol):
    """Gives detections to tracks and leads the tracks through their life."""

    def update(
        self,
        frame: Frame,
        tracks: Sequence[Track],
        detections: Detections | None,
        looked_at: NDArray[np.float32] | None = None,
    ) -> list[Track]:
        """Return all tracks after this frame, sorted by id.

        Args:
            frame: the new frame.
            tracks: the live tracks, propagated to this frame.
            detections: what the CNN saw; None means that it did not look, which is no miss.
            looked_at: float32 (4,) xyxy, the part of the frame that it saw; None for all. What its border
                cuts is not among the detections, and who is not all within was not missed.

        Returns:
            Live tracks, new ones, and those that ended now (state REMOVED, handed out once).
        """
        ...


@runtime_checkable
class Observer(Protocol):
    """Watches results and reports events."""

    def observe(self, result: FrameResult) -> list[Event]:
        """Return what is sure on this frame to have happened, now or a moment ago."""
        ...

    def finish(self) -> list[Event]:
        """Return what was still to be decided when the source ended."""
        ...


@runtime_checkable
class Sink(Protocol):
    """Writes results somewhere. Its files appear under their final names only when complete."""

    def open(self, run: RunInfo) -> None:
        """Begin; ``SinkError`` when the place cannot be written."""
        ...

    def write(self, result: FrameResult) -> None:
        """Take one frame's result, in order."""
        ...

    def close(self, completed: bool) -> None:
        """Finish what was begun; ``completed`` is False when the run was broken off."""
        ...

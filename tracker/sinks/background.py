"""``background.jpg``: the empty road, in the source's size: what trajectories are drawn on.

Up to 25 frames, spread over the run, however long it turns out to be: when all places are taken, every other
frame is let go of and from then on one is taken half as often. The picture is their median, without the
boxes of those who were known to be there. Who stands for the whole run stays in it; ``blur`` hides whoever
does. After a cut or a change of size it begins anew, and the longer one counts in the end.

Frames wait as JPEG, some 10 to 40 MB together, at most 100: of a 4K video with much noise there may be fewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.sinks._files import discard, draft, prepare, writing
from tracker.sinks._jpeg import write_jpeg
from tracker.sinks._known import Presence
from tracker.sinks._still import Sample, empty_road, hide_who_stayed
from tracker.types import FrameResult, RunInfo

_MOST_BYTES = 100_000_000
_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Config:
    """Where to write, from how many frames, first how far apart, and whether who stayed is hidden."""

    path: str = "background.jpg"
    blur: bool = False
    samples: int = 25
    step_s: float = 0.4

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: one is out of its range.
        """
        if not 2 <= self.samples <= 200:
            raise ValueError(f"samples must lie in [2, 200], not {self.samples}")
        if not 0 < self.step_s < float("inf"):
            raise ValueError(f"step_s must be above 0 and finite, not {self.step_s}")


@dataclass(slots=True)
class _Shot:
    """Samples of one shot.

    Attributes:
        shape: height and width of its frames, in pixels.
        start_s: time of its first frame.
        step_s: between two samples.
        end_s: time of its last frame.
        samples: evenly spread from its start.
    """

    shape: tuple[int, ...]
    start_s: float
    step_s: float
    end_s: float
    samples: list[Sample] = field(default_factory=list)

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s

    def is_due(self) -> bool:
        # half a millisecond: a time that is the step but for its last binary digit is the step
        return self.length_s >= len(self.samples) * self.step_s - 5e-4

    def add(self, sample: Sample, most: int) -> None:
        """Keep a sample; thin out where there are too many, or too many bytes."""
        self.samples.append(sample)
        while len(self.samples) > 2 and (len(self.samples) >= most or self._size_bytes() > _MOST_BYTES):
            self.samples = self.samples[::2]
            self.step_s *= 2

    def _size_bytes(self) -> int:
        return sum(sample.size_bytes for sample in self.samples)


class BackgroundSink:
    """Takes a sample now and then, and makes the picture when it is closed."""

    def __init__(self, config: Config) -> None:
        """Nothing is written before ``open``."""
        self._config = config
        self._path = Path(config.path)
        self._names: Sequence[str] = ()
        self._presence = Presence()
        self._shot: _Shot | None = None
        self._longest: _Shot | None = None
        self._is_open = False

    def open(self, run: RunInfo) -> None:
        """See that the file can be written.

        Raises:
            SinkError: it cannot.
        """
        prepare(self._path)
        with writing(self._path):
            draft(self._path).touch()
        self._names = run.class_names
        self._is_open = True

    def write(self, result: FrameResult) -> None:
        """Follow who is there; take a sample if it is time."""
        if not self._is_open:
            return
        known = self._presence.update(result)
        frame = result.frame
        shot = self._shot_of(result)
        shot.end_s = max(frame.time_s, shot.end_s)
        if shot.is_due():
            shot.add(Sample.of(frame.image, known, self._names), self._config.samples)

    def close(self, completed: bool) -> None:
        """Make the picture and write it, also when the run was broken off; without a frame there is none.

        Raises:
            SinkError: the disk is full or gone.
        """
        if not self._is_open:
            return
        self._is_open = False
        shot = _longer(self._longest, self._shot)
        self._longest = self._shot = None
        try:
            if shot is not None and shot.samples:
                write_jpeg(self._path, self._picture(shot.samples), _QUALITY)
        finally:
            discard(self._path)

    def _shot_of(self, result: FrameResult) -> _Shot:
        """Return the shot that the frame belongs to; a new one after a cut or a change of size."""
        frame = result.frame
        shape = frame.image.shape[:2]
        if self._shot is None or frame.cut or shape != self._shot.shape:
            self._longest = _longer(self._longest, self._shot)
            self._shot = _Shot(shape, frame.time_s, self._config.step_s, frame.time_s)
        return self._shot

    def _picture(self, samples: Sequence[Sample]) -> NDArray[np.uint8]:
        still = empty_road(samples)
        return hide_who_stayed(still, samples) if self._config.blur else still


def _longer(one: _Shot | None, two: _Shot | None) -> _Shot | None:
    """Return the longer one; the earlier one of two that are as long."""
    if one is None or two is None:
        return one or two
    return two if two.length_s > one.length_s else one


def build(config: Config) -> BackgroundSink:
    """Build the sink."""
    return BackgroundSink(config)

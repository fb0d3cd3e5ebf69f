"""Which time was really seen: a gap, or a night in which nothing can be made out, is not zero traffic."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.types import FrameResult

#: A picture is looked at this often (seconds of video), on so many pixels of its shorter side.
_LOOK_S, _PIXELS = 1.0, 24
#: Mean brightness (of 255) below which a picture without any road user counts as unseen, and the standard
#: deviation below which any picture does: a covered lens, a frozen black or grey picture.
DARK, FLAT = 28.0, 2.5

Span = tuple[float, float]


class Picture(NamedTuple):
    """What tells whether a picture shows anything.

    Attributes:
        image: uint8 (H, W, 3).
        brightness: mean, of 255.
        contrast: standard deviation of the brightness.
    """

    image: NDArray[np.uint8]
    brightness: float
    contrast: float

    @classmethod
    def of(cls, image: NDArray[np.uint8]) -> Picture:
        """Look at every n-th pixel of every n-th row."""
        step = max(min(image.shape[:2]) // _PIXELS, 1)
        sample = image[::step, ::step, 1]  # of the colours green is nearest to brightness
        return cls(image, float(sample.mean()), float(sample.std()))


class Coverage:
    """Adds up the seen time of a run, frame by frame.

    A second in which the picture was flat, or dark with nobody in it, is not seen.

    Attributes:
        spans: the seen time so far, from and to in seconds of the video, in order and apart.
    """

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.spans: list[Span] = []
        self._waiting: list[Span] = []
        self._looked_s: float | None = None
        self._last: float | None = None
        self._step_s = 0.0
        self._anybody = False
        self._picture: Picture | None = None

    def add(self, result: FrameResult) -> list[Span]:
        """Take one frame; return what is known to be seen since the last answer."""
        frame = result.frame
        if self._last is not None and frame.time_s > self._last:
            self._step_s = frame.time_s - self._last - frame.gap_s
            _append(self._waiting, (self._last, self._last + self._step_s))
        self._last = frame.time_s
        if not self._anybody and result.tracks:
            self._anybody = any(track.shown for track in result.tracks)
        if self._looked_s is not None and frame.time_s - self._looked_s < _LOOK_S and not frame.gap_s:
            return []
        self._looked_s = frame.time_s
        blind = self._is_blind(result)
        self._anybody = False
        return self._settle([] if blind else self._waiting)

    def finish(self) -> list[Span]:
        """Return the rest at the end of a run; the last frame lasts as long as the one before it."""
        if self._last is not None and self._step_s:
            _append(self._waiting, (self._last, self._last + self._step_s))
            self._last = None
        return self._settle(self._waiting)

    def _is_blind(self, result: FrameResult) -> bool:
        image = result.frame.image
        if self._picture is None or self._picture.image is not image:  # a recount has one for all frames
            self._picture = Picture.of(image)
        if self._picture.contrast < FLAT:
            return True
        found = result.detections is not None and len(result.detections) > 0
        return not (self._anybody or found) and self._picture.brightness < DARK

    def _settle(self, seen: list[Span]) -> list[Span]:
        self._waiting = []
        for span in seen:
            _append(self.spans, span)
        return seen


def _append(spans: list[Span], span: Span) -> None:
    """Add a span, joined with the last one where it goes on from there."""
    if spans and span[0] - spans[-1][1] < 1e-6:
        spans[-1] = (spans[-1][0], max(span[1], spans[-1][1]))
    else:
        spans.append(span)

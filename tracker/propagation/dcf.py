"""Correlation filters of all objects at once: the idea of dlib's tracker, at a fraction of its cost.

Discriminative correlation filters (Bolme et al., "Visual Object Tracking using Adaptive Correlation
Filters", CVPR 2010; Danelljan et al., "Accurate Scale Estimation for Robust Visual Tracking", BMVC 2014).
The pixels around every box are brought to one small grid, so that features, Fourier transforms, responses and
learning of all objects are a few calls on stacked arrays. The search begins where the motion model leads, and
a filter goes only as far from there as it is sure. What it doubts it neither follows nor learns, and nothing
at all while another object stands before its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from detectors.boxes import cxcywh_to_xyxy, hidden_shares, xyxy_to_cxcywh
from detectors.frame import Frame
from tracker.propagation._carried import carried
from tracker.propagation._features import CELLS, CHANNELS, features
from tracker.propagation._patches import Pyramid, patches
from tracker.propagation._peaks import Peaks, find_peaks, vertex
from tracker.types import Track

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
Spectra = NDArray[np.complex64]
Rows = NDArray[np.intp]

_LEAST_SIDE_PX = 4.0
_HALF = CELLS // 2 + 1
_HALF_HEIGHT = 0.224
_STEEPNESS = 7.81


@dataclass(frozen=True, slots=True)
class Config:
    """Settings.

    ``learn_above`` and ``kept`` were chosen on the sequences of benchmarks/propagation.py. With 0.5 kept, not
    0.7, cars are followed a little better (0.803 for 0.793 on CDNET-highway), people a little worse (0.637
    for 0.650 on TUD-Stadtmitte), and rare looks lose more ids.

    Attributes:
        padding: sides of the region that is searched, in sides of the box.
        sharpness: standard deviation of the wanted response, in sides of the box.
        scale_step: ratio of neighbouring sizes that are tried.
        scale_every_s: time between two trials of other sizes.
        memory_s: time constant of learning.
        learn_above: least confidence of a place that is believed and learnt from.
        kept: share of its filter that a track keeps when it is detected again: boxes of detections are
            beside their objects, each a little elsewhere, and what several of them have shown is nearer.
        hidden: share of a box behind nearer ones from which on it follows the motion alone.
        regular: keeps frequencies that an object does not have from dividing by nothing.
    """

    padding: float = 2.2
    sharpness: float = 0.1
    scale_step: float = 1.03
    scale_every_s: float = 0.07
    memory_s: float = 2.0
    learn_above: float = 0.4
    kept: float = 0.7
    hidden: float = 0.5
    regular: float = 0.01

    def __post_init__(self) -> None:
        """Raise ValueError for settings with which nothing can be found."""
        for name in ("padding", "scale_step"):
            if not 1 < getattr(self, name) <= 10:
                raise ValueError(f"{name} must be above 1 and at most 10")
        for name in ("sharpness", "memory_s", "regular"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0")
        if self.scale_every_s < 0:
            raise ValueError("scale_every_s must be at least 0")
        for name in ("learn_above", "kept", "hidden"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1]")


class DcfPropagation:
    """A bank of filters, one a track."""

    def __init__(self, config: Config) -> None:
        """Begin with no tracks."""
        self._config = config
        self._rows: dict[int, int] = {}
        self._place = np.zeros((0, 4))  # centre and size in pixels
        self._top = np.zeros((0, CHANNELS, CELLS, _HALF), np.complex64)
        self._bottom = np.zeros((0, CELLS, _HALF), np.float32)
        self._wanted = fft.rfft2(_bell(config.sharpness / config.padding * CELLS))
        self._time_s = self._scaled_s = 0.0

    def start(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Learn the pixels inside the tracks' boxes, known tracks beside what they were before."""
        self._time_s = frame.time_s
        if not tracks:
            return
        place = xyxy_to_cxcywh(np.array([t.box for t in tracks], np.float32)).astype(np.float64)
        place[:, 2:] = np.maximum(place[:, 2:], _LEAST_SIDE_PX)
        spectra = self._spectra(self._pyramid(frame, place), place)
        top, bottom = self._filters(spectra, np.zeros((len(place), 2), np.float32))
        again = [i for i, track in enumerate(tracks) if track.id in self._rows]
        before = [self._rows[tracks[i].id] for i in again]
        top[again] += np.float32(self._config.kept) * (self._top[before] - top[again])
        bottom[again] += np.float32(self._config.kept) * (self._bottom[before] - bottom[again])
        self.stop([track.id for track in tracks])
        base = len(self._rows)
        self._rows.update({track.id: base + i for i, track in enumerate(tracks)})
        self._place = np.concatenate([self._place, place])
        self._top = np.concatenate([self._top, top])
        self._bottom = np.concatenate([self._bottom, bottom])

    def step(self, frame: Frame, tracks: Sequence[Track]) -> list[Track]:
        """Return the tracks where their filters find them; unknown tracks stay, with confidence 0."""
        dt_s = max(0.0, frame.time_s - self._time_s)
        self._time_s = frame.time_s
        known = [track for track in tracks if track.id in self._rows]
        if not known:
            return carried(frame, tracks, [None] * len(tracks))
        rows = np.array([self._rows[track.id] for track in known], np.intp)
        guess = self._place[rows]
        guess[:, :2] += np.array([track.velocity for track in known], np.float64) * dt_s
        confidence = self._search(frame, rows, guess, dt_s)
        boxes = cxcywh_to_xyxy(self._place[rows].astype(np.float32))
        found = zip(known, boxes, confidence.tolist(), strict=True)
        places = {track.id: (box, confidence) for track, box, confidence in found}
        return carried(frame, tracks, [places.get(track.id) for track in tracks])

    def stop(self, ids: Iterable[int]) -> None:
        """Forget these tracks."""
        gone = set(ids) & self._rows.keys()
        if not gone:
            return
        kept = [track_id for track_id in self._rows if track_id not in gone]
        rows = np.array([self._rows[track_id] for track_id in kept], np.intp)
        self._place, self._top, self._bottom = self._place[rows], self._top[rows], self._bottom[rows]
        self._rows = {track_id: row for row, track_id in enumerate(kept)}

    def _search(self, frame: Frame, rows: Rows, guess: Doubles, dt_s: float) -> Floats:
        """Move filters from a guess towards where they respond most, learn, and return how sure they are.

        Who is not sure, or hidden, follows the guess, and keeps size and filter: what it sees is something
        else.
        """
        pyramid, config = self._pyramid(frame, guess), self._config
        spectra = self._spectra(pyramid, guess)
        peaks = self._peaks(rows, spectra)
        confidence = confidence_of(peaks.height)
        free = hidden_shares(cxcywh_to_xyxy(guess.astype(np.float32))) < config.hidden
        sure = free & (confidence >= config.learn_above)
        self._place[rows] = guess
        if not sure.any():
            return confidence
        rows, guess = rows[sure], guess[sure]
        # the higher the peak, the nearer to it: the rest is left to the motion, which pulls back mistakes
        shift = peaks.shift[sure] * np.clip(peaks.height[sure, None], 0, 1)
        place = guess.copy()
        place[:, :2] += shift * guess[:, 2:] * (config.padding / CELLS)
        if frame.time_s - self._scaled_s >= config.scale_every_s or frame.time_s < self._scaled_s:
            self._scaled_s = frame.time_s
            grown = place[:, 2:] * self._growth(pyramid, rows, guess, peaks.height[sure])[:, None]
            place[:, 2:] = np.clip(grown, _LEAST_SIDE_PX, 2 * max(frame.width, frame.height))
        self._place[rows] = place
        self._learn(rows, spectra[sure], shift, dt_s)
        return confidence

    def _growth(self, pyramid: Pyramid, rows: Rows, guess: Doubles, height: Floats) -> Floats:
        """Return the factor (N,) on each size at which the response would be highest."""
        step = self._config.scale_step
        tried = np.concatenate([guess * np.array([1, 1, factor, factor]) for factor in (1 / step, step)])
        heights = self._peaks(np.tile(rows, 2), self._spectra(pyramid, tried)).height
        smaller, larger = np.split(heights, 2)
        growth: Floats = step ** vertex(smaller, height, larger)
        return growth

    def _learn(self, rows: Rows, spectra: Spectra, shift: Floats, dt_s: float) -> None:
        """Blend what was seen into these filters.

        The region that was searched serves once more, with the wanted response where the box went: the pixels
        need not be fetched again.
        """
        rate = np.float32(1 - np.exp(-dt_s / self._config.memory_s))
        top, bottom = self._filters(spectra, shift)
        self._top[rows] += rate * (top - self._top[rows])
        self._bottom[rows] += rate * (bottom - self._bottom[rows])

    def _filters(self, spectra: Spectra, shift: Floats) -> tuple[Spectra, Floats]:
        """Return numerators and denominators for objects that lie ``shift`` (N, 2) cells off the middle."""
        wanted = self._wanted * _moved(shift)
        parts = spectra.view(np.float32).reshape(*spectra.shape, 2)
        return wanted[:, None] * np.conj(spectra), np.einsum("nchwk,nchwk->nhw", parts, parts)

    def _peaks(self, rows: Rows, spectra: Spectra) -> Peaks:
        upper = (self._top[rows] * spectra).sum(1)
        quotient = upper / (self._bottom[rows] + np.float32(self._config.regular))
        return find_peaks(fft.irfft2(quotient, s=(CELLS, CELLS), overwrite_x=True))

    def _pyramid(self, frame: Frame, place: Doubles) -> Pyramid:
        """Return what the largest size that may be tried needs of the picture."""
        step = self._config.scale_step
        return Pyramid(frame.image, self._searched(place) * [1, 1, step, step])

    def _searched(self, place: Doubles) -> Doubles:
        regions: Doubles = place * [1, 1, self._config.padding, self._config.padding]
        return regions

    def _spectra(self, pyramid: Pyramid, place: Doubles) -> Spectra:
        seen = features(patches(pyramid, self._searched(place)))
        spectra: Spectra = fft.rfft2(seen, overwrite_x=True)
        return spectra


def _bell(sigma: float) -> Floats:
    """Return a Gaussian around the origin of a periodic grid, float32 (CELLS, CELLS)."""
    distance = fft.fftfreq(CELLS, 1 / CELLS)
    bell = np.exp(-(distance[:, None] ** 2 + distance[None] ** 2) / (2 * sigma**2))
    return np.asarray(bell, np.float32)


def _moved(shift: Floats) -> Spectra:
    """Return what a shift (N, 2) in cells does to a spectrum, complex64 (N, CELLS, CELLS // 2 + 1)."""
    across = np.exp(-2j * np.pi * shift[:, :1] * fft.rfftfreq(CELLS))
    down = np.exp(-2j * np.pi * shift[:, 1:] * fft.fftfreq(CELLS))
    return np.asarray(down[:, :, None] * across[:, None, :], np.complex64)


def confidence_of(height: Floats) -> Floats:
    """Bring heights of peaks (N,) to [0, 1]: the confidence where nothing better was fitted.

    A logistic, fitted to how often the box still had an IoU of 0.5 with the truth while boxes of
    TUD-Stadtmitte, PETS09-S2L1 and MOT16-09 were followed for up to 2 s; benchmarks/propagation.py
    --calibration prints how often each confidence is right now.
    """
    odds = _STEEPNESS * (np.clip(height, -5, 5) - _HALF_HEIGHT)
    return np.asarray(1 / (1 + np.exp(-odds)), np.float32)


def build(config: Config) -> DcfPropagation:
    """Build the propagator."""
    return DcfPropagation(config)

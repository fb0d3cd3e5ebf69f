"""Which frames are worth labelling: far apart in time, unlike one another, sharp, and those that teach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.bank.hashing import perceptual_hash
from detectors.opencv import load_cv2

#: Bits of 64 in which near-duplicates differ at most. Among frames of a fixed camera, a second apart, one
#: vehicle that has moved makes 4 at least; the same street without one makes 0 or 2.
ALIKE_BITS = 3
#: A frame with less than this share of the sharpness of those around it is blurred.
BLURRED_SHARE = 0.5
#: A picture whose grey values spread less is black, white or a test card's plain colour. Fog by day has 10.
BLANK_STD = 5.0
_AROUND = 4  # candidates on either side
_WIDTH_PX = 320


@dataclass(frozen=True, slots=True)
class Look:
    """What a frame looks like.

    Attributes:
        phash: its perceptual hash.
        sharpness: variance of the Laplacian, at one width for all (Pech-Pacheco et al., Diatom autofocusing
            in brightfield microscopy, ICPR 2000).
        spread: standard deviation of its grey values.
    """

    phash: np.uint64
    sharpness: float
    spread: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A frame that may be labelled.

    Attributes:
        video: number of its video.
        frame: its number there.
        time_s: its time there.
        look: of its picture.
        teaching: how much it would teach, 0 to 1.
        why: that in words.
    """

    video: int
    frame: int
    time_s: float
    look: Look
    teaching: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The frames that were chosen.

    Attributes:
        chosen: sorted by video and frame.
        poor: how many were left out since they are blurred or blank.
        alike: how many were left out since they look like a chosen one.
    """

    chosen: tuple[Candidate, ...]
    poor: int
    alike: int


def look_at(image: NDArray[np.uint8]) -> Look:
    """Return what a picture, uint8 (H, W, 3) BGR, looks like."""
    cv2 = load_cv2()
    height = max(1, round(_WIDTH_PX * image.shape[0] / image.shape[1]))
    grey = cv2.cvtColor(
        cv2.resize(image, (_WIDTH_PX, height), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY
    )
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var())
    return Look(perceptual_hash(image), sharpness, float(grey.std()))


def choose(candidates: Sequence[Candidate], count: int, apart_s: float) -> Choice:
    """Return the frames to label, one after the other the best of what is left.

    The best is the one that teaches most and is far in time from those chosen; one that looks like a chosen
    one is left out.

    Args:
        candidates: sorted by video and frame.
        count: how many at most.
        apart_s: from this distance in time on, more distance counts no more.
    """
    good = [candidate for candidate, fine in zip(candidates, _fine(candidates), strict=True) if fine]
    hashes = np.array([candidate.look.phash for candidate in good], np.uint64)
    teaching = np.array([candidate.teaching for candidate in good])
    distance = np.ones(len(good))  # in time, from the nearest chosen one: 1 is far enough
    free, alike = np.ones(len(good), np.bool_), 0
    chosen: list[Candidate] = []
    while len(chosen) < count and free.any():
        best = int(np.argmax(np.where(free, teaching + distance, -1)))
        chosen.append(good[best])
        free[best] = False
        near = free & (np.bitwise_count(hashes ^ hashes[best]) <= ALIKE_BITS)
        free, alike = free & ~near, alike + int(near.sum())
        distance = np.minimum(distance, _apart(good, good[best]) / apart_s)
    chosen.sort(key=lambda candidate: (candidate.video, candidate.frame))
    return Choice(tuple(chosen), len(candidates) - len(good), alike)


def _apart(candidates: Sequence[Candidate], one: Candidate) -> NDArray[np.float64]:
    """Return the distance in time from one of them (seconds); endless from another video's."""
    return np.array(
        [abs(c.time_s - one.time_s) if c.video == one.video else np.inf for c in candidates], np.float64
    )


def _fine(candidates: Sequence[Candidate]) -> list[bool]:
    """Tell which are neither blank nor blurred against those around them in the same video."""
    fine = []
    for number, candidate in enumerate(candidates):
        around = candidates[max(0, number - _AROUND) : number + _AROUND + 1]
        usual = float(np.median([c.look.sharpness for c in around if c.video == candidate.video]))
        look = candidate.look
        fine.append(look.spread >= BLANK_STD and look.sharpness >= BLURRED_SHARE * usual)
    return fine

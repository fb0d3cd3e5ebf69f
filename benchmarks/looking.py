"""How long a look takes: detectors take turns at a frame of the sample, a block of looks each.

A detector is used frame after frame, so it is timed like that. Asked in turn frame by frame, one pays for
another: ONNX Runtime's threads spin on for a while after each of its looks, and whoever comes next on two
cores takes 1.7 times as long.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av

from detectors import Frame
from detectors.protocol import Detector

SAMPLE = Path(__file__).resolve().parents[1] / "sample_videos" / "road.mp4"
SAMPLE_S = 5.0
#: Blocks of looks a detector; looks of a block, and those before them that are not timed.
ROUNDS, LOOKS, WARM = 6, 30, 10

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Looks:
    """Medians over one block of looks.

    Attributes:
        ms: of a whole look.
        stages_ms: before, in and behind the network; empty where the detector does not say.
    """

    ms: float
    stages_ms: tuple[float, ...]


def sample_frame() -> Frame:
    """Return the sample's frame ``SAMPLE_S`` seconds from its start, in 640x360."""
    with av.open(str(SAMPLE)) as video:
        picture = next(frame for frame in video.decode(video=0) if (frame.time or 0) >= SAMPLE_S)
    return Frame(picture.to_ndarray(width=640, height=360, interpolation="AREA", format="bgr24"))


def fastest_blocks(detectors: Mapping[Key, Detector], frame: Frame) -> dict[Key, Looks]:
    """Return each detector's fastest block of looks at the frame."""
    blocks: dict[Key, list[Looks]] = {key: [] for key in detectors}
    for _ in range(ROUNDS):
        for key, detector in detectors.items():
            blocks[key].append(_block(detector, frame))
    return {key: min(all_of_it, key=lambda looks: looks.ms) for key, all_of_it in blocks.items()}


def _block(detector: Detector, frame: Frame) -> Looks:
    rows = [_look(detector, frame) for _ in range(WARM + LOOKS)][WARM:]
    ms, *stages = (statistics.median(column) for column in zip(*rows, strict=True))
    return Looks(ms, tuple(stages))


def _look(detector: Detector, frame: Frame) -> list[float]:
    """Return the ms of one look, and of each of its stages."""
    before = dict(getattr(detector, "stage_s", {}))
    began = time.perf_counter()
    detector.detect([frame])
    took = time.perf_counter() - began
    return [1000 * took, *(1000 * (detector.stage_s[stage] - start) for stage, start in before.items())]

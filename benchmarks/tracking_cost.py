"""What the tracking side costs a frame: trigger, propagation, association; beside it dlib and ByteTrack.

    python benchmarks/tracking_cost.py
    python benchmarks/tracking_cost.py --sequences CDNET-highway --objects 50 --ways dcf,ByteTrack

Objects of a sequence's ground truth, and copies of them a little aside until there are as many as asked
for, are followed over 20 frames at ten places. Ours is the pipeline as it comes, its detector replaced by
one that knows the truth; the pictures are there already. ByteTrack (roboflow/trackers) is given the boxes of
every frame and sees no picture; a detector on every frame is not in its time. CPU time, all ways in turn at
each place; where a look is, its time without the detector is in.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from mot_sequences import Sequence, open_sequence
from numpy.typing import NDArray
from propagation import TIMED_FRAMES, TIMED_PLACES, WARM_UP_S, Truth, crowd

from detectors import Detections, Frame
from tracker.compose import build_pipeline
from tracker.config import Settings
from tracker.types import SourceInfo

WAYS = ("dcf", "kalman", "dlib", "ByteTrack")
SCORE = 0.9


@dataclass(frozen=True, slots=True)
class Given:
    """Some frames, and what is on each: a source and a detector in one."""

    name: str
    rate_fps: float
    frames: list[Frame]
    seen: dict[int, Detections]
    class_names: tuple[str, ...] = ("object",)
    warnings: tuple[str, ...] = ()

    @property
    def info(self) -> SourceInfo:
        """Name, size and rate."""
        return SourceInfo(self.name, self.frames[0].width, self.frames[0].height, self.rate_fps)

    def __enter__(self) -> Given:
        """Open nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames."""
        return iter(self.frames)

    def detect(self, frames: list[Frame]) -> list[Detections]:
        """Return what is there."""
        return [self.seen[frame.index] for frame in frames]


Way = Callable[[Given], tuple[float, float]]  # -> CPU seconds, looks


def ours(propagator: str) -> Way:
    """Return the pipeline with a propagator, else as it comes."""
    settings = Settings(video="given.mp4", propagate=propagator)

    def run(given: Given) -> tuple[float, float]:
        pipeline = replace(build_pipeline(settings, given), source=given)
        began = time.process_time()
        looks = sum(result.reason is not None for result in pipeline.run())
        return time.process_time() - began, looks

    return run


def byte_track(given: Given) -> tuple[float, float]:
    """Run ByteTrack on the boxes of every frame."""
    import supervision as sv
    from trackers import ByteTrackTracker

    tracker = ByteTrackTracker(frame_rate=given.rate_fps)
    told = [
        sv.Detections(seen.boxes.copy(), confidence=seen.scores.copy(), class_id=seen.labels.copy())
        for seen in (given.seen[frame.index] for frame in given.frames)
    ]
    began = time.process_time()
    for seen in told:
        tracker.update(seen)
    return time.process_time() - began, len(told)


def places(sequence: Sequence, number: int) -> Iterator[Given]:
    """Yield what is to be followed at each place."""
    before = round(max(WARM_UP_S) * sequence.rate_fps)
    last = sequence.length - 1 - TIMED_FRAMES
    firsts = np.linspace(before, last, min(TIMED_PLACES, last // TIMED_FRAMES)).astype(int).tolist()
    truth = sequence.truth()
    wanted = {first + ahead for first in firsts for ahead in range(-before, TIMED_FRAMES + 1)}
    frames = {frame.index: frame for frame in sequence.frames() if frame.index in wanted}
    for first in firsts:
        crowded = crowd(truth, first, before, number)
        shown = [frames[index] for index in sorted(crowded)]
        yield Given(sequence.name, sequence.rate_fps, shown, detections_of(crowded))


def detections_of(truth: Truth) -> dict[int, Detections]:
    """Return the boxes of every frame as a detector would say them."""
    return {index: _detections(list(boxes.values())) for index, boxes in truth.items()}


def _detections(boxes: list[NDArray[np.float32]]) -> Detections:
    number = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(number, SCORE, np.float32),
        np.zeros(number, np.int64),
    )


def compare(sequence: Sequence, number: int, ways: dict[str, Way]) -> None:
    """Print the milliseconds a frame of each way."""
    ms: dict[str, list[float]] = {name: [] for name in ways}
    share: dict[str, list[float]] = {name: [] for name in ways}
    for given in places(sequence, number):
        for name, way in ways.items():
            cpu_s, looks = way(given)
            ms[name].append(1000 * cpu_s / len(given.frames))
            share[name].append(looks / len(given.frames))
    first = np.array(next(iter(ms.values())))
    for name, values in ms.items():
        ratio = np.median(np.array(values) / first)
        print(
            f"{sequence.name:16s} {number:4d} objects  {name:10s} {np.median(values):8.2f} ms a frame "
            f"[{min(values):.2f} to {max(values):.2f}]  {ratio:6.2f} of {next(iter(ms))}'s  "
            f"frames with boxes given {np.mean(share[name]):4.0%}",
            flush=True,
        )


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sequences", default="MOT16-09,CDNET-highway")
    parser.add_argument("--objects", default="1,10,50,100")
    parser.add_argument("--ways", default=",".join(WAYS), help=f"of {', '.join(WAYS)}")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    ways = {name: byte_track if name == "ByteTrack" else ours(name) for name in asked.ways.split(",")}
    for sequence in map(open_sequence, asked.sequences.split(",")):
        for number in map(int, asked.objects.split(",")):
            compare(sequence, number, ways)


if __name__ == "__main__":
    main()

"""Association alone: who keeps ids best, given the same detections on every frame?

    python benchmarks/tracking.py [--set associate.two_stage.min_iou=0.1] [--tuned]

KITTI cars 0000-0010 (RRC detections), the second halves of five MOT17 sequences (YOLOX-X), TUD-Stadtmitte and
PETS09-S2L1 (det_sort_frcnn.txt); one set of settings for all. HOTA by TrackEval, sums over the sequences of a
group; rows of the truth with conf 0 are left out, nothing else is. Beside the project's associators those
of roboflow/trackers with their defaults, told the frame rate, and norfair where it is installed (others.py);
with --tuned also the best of a small grid of each, by the sum of the four HOTAs. The pictures play no part.
CPU time is of the tracker's side alone; ours has the pipeline's loop in it, which the others are spared.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from given import Given, Tracker, given
from mot_sequences import DATA
from others import ROBOFLOW, has_norfair, norfair, roboflow

from detectors import Detections, Frame
from tracker.compose import build_sink
from tracker.compose.registries import ASSOCIATORS
from tracker.evaluation.hota import TrackingScore, combine, measure_tables
from tracker.evaluation.results import read_mot
from tracker.pipeline import Pipeline, record
from tracker.propagation.none import Config as NoConfig
from tracker.propagation.none import build as no_propagator
from tracker.triggers.always import Config as AlwaysConfig
from tracker.triggers.always import build as always
from tracker.types import RunInfo, SourceInfo

PICTURE_PX = (1920, 1080)
OURS = ("two_stage", "iou", "centroid")
GRIDS: dict[str, dict[str, Sequence[float]]] = {
    "SORT": {
        "minimum_consecutive_frames": (1, 2, 3),
        "minimum_iou_threshold": (0.1, 0.2, 0.3),
        "track_activation_threshold": (0.25, 0.6),
    },
    "ByteTrack": {
        "minimum_consecutive_frames": (1, 2, 3),
        "minimum_iou_threshold": (0.1, 0.2, 0.3),
        "track_activation_threshold": (0.6, 0.7),
        "high_conf_det_threshold": (0.5, 0.6),
    },
    "OC-SORT": {
        "minimum_consecutive_frames": (1, 2, 3),
        "minimum_iou_threshold": (0.1, 0.2, 0.3),
        "high_conf_det_threshold": (0.4, 0.6),
    },
    "norfair": {
        "distance_threshold": (0.5, 0.7, 0.9),
        "least_score": (0.25, 0.5),
        "hit_counter_max": (15, 30),
    },
}


def groups() -> dict[str, list[Given]]:
    """Return the sequences by group."""
    kitti = given(DATA / "kitti_noimg", "det_rrc_car.txt", "gt_car.txt")
    mot17 = given(DATA / "mot17_noimg", "det_yolox_x_ablation.txt", half=True)
    alone = {name: given(DATA / name, "det_sort_frcnn.txt") for name in ("TUD-Stadtmitte", "PETS09-S2L1")}
    return {"KITTI cars": kitti, "MOT17 halves": mot17, **alone}


class Blank:
    """A source of empty pictures at a sequence's pace, and a detector that knows what is on them."""

    class_names = ("object",)
    warnings: tuple[str, ...] = ()

    def __init__(self, sequence: Given) -> None:
        """Make one picture for all."""
        self._sequence = sequence
        self._picture = np.zeros((PICTURE_PX[1], PICTURE_PX[0], 3), np.uint8)
        self.info = SourceInfo(sequence.name, *PICTURE_PX, sequence.rate_fps, len(sequence.detections))

    def __enter__(self) -> Blank:
        """Open nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames with their times."""
        for index in range(len(self._sequence.detections)):
            yield Frame(self._picture, index, index / self._sequence.rate_fps)

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return what is seen."""
        return [self._sequence.detections[frame.index] for frame in frames]


def ours(name: str, options: dict[str, str]) -> Tracker:
    """Return the pipeline with one of the project's associators, a look on every frame."""

    def run(sequence: Given, path: Path) -> None:
        blank = Blank(sequence)
        associator = ASSOCIATORS.build(name, options)
        looking, still = [always(AlwaysConfig())], no_propagator(NoConfig())
        pipeline = Pipeline(blank, blank, still, looking, associator)
        info = RunInfo(blank.info, blank.class_names, {}, datetime.now(UTC))
        for _ in record(pipeline.run(), [build_sink("mot", {"path": str(path)})], info):
            pass

    return run


def measure(tracker: Tracker, sequences: list[Given]) -> tuple[TrackingScore, float]:
    """Return the score over the sequences of a group and the CPU ms a frame."""
    scores: dict[str, TrackingScore] = {}
    used_s = 0.0
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of theirs, about deprecated names
        for sequence in sequences:
            path = Path(folder, f"{sequence.name}.txt")
            began = time.process_time()
            tracker(sequence, path)
            used_s += time.process_time() - began
            result = read_mot(path, sequence.rate_fps)
            scores[sequence.name] = measure_tables(sequence.truth, result, len(sequence.detections))
    return combine(scores), 1000 * used_s / sum(len(sequence.detections) for sequence in sequences)


def row(label: str, tracker: Tracker, data: dict[str, list[Given]]) -> float:
    """Print a tracker's row; return the sum of its HOTAs."""
    cells, total = [], 0.0
    for sequences in data.values():
        score, ms = measure(tracker, sequences)
        figures = score.figures
        total += figures["HOTA"]
        shares = " ".join(f"{100 * figures[name]:5.1f}" for name in ("HOTA", "DetA", "AssA"))
        cells.append(f"{shares} {figures['IDSW']:5.0f} {ms:5.2f}")
    print(f"{label:46s} | " + " | ".join(cells), flush=True)
    return total


def named(name: str, options: dict[str, float]) -> Tracker:
    """Return one of what users would take instead."""
    return roboflow(name, options) if name in ROBOFLOW else norfair(options)


def best(name: str, data: dict[str, list[Given]]) -> dict[str, float]:
    """Return the options of a grid with the largest sum of HOTAs."""
    grid = GRIDS[name]

    def total(options: dict[str, float]) -> float:
        tracker = named(name, options)
        return sum(measure(tracker, sequences)[0].figures["HOTA"] for sequences in data.values())

    choices = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    return max(choices, key=total)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", action="append", default=[], metavar="associate.NAME.KEY=VALUE")
    parser.add_argument("--tuned", action="store_true", help="theirs also with the best of a grid (an hour)")
    asked = parser.parse_args()
    data = groups()
    print(f"{'':46s} | " + " | ".join(f"{name:30s}" for name in data))
    print(f"{'':46s} | " + " | ".join([" HOTA  DetA  AssA  IDSW    ms"] * len(data)))
    for name in OURS:
        mine = [
            text.removeprefix(f"associate.{name}.")
            for text in asked.set
            if text.startswith(f"associate.{name}.")
        ]
        row(" ".join([name, *mine]), ours(name, dict(text.split("=", 1) for text in mine)), data)
    there = [name for name in GRIDS if name in ROBOFLOW or has_norfair()]
    if len(there) < len(GRIDS):
        print("norfair is not installed: pip install --no-deps norfair filterpy")
    for name in there:
        row(f"{name} (roboflow/trackers)" if name in ROBOFLOW else name, named(name, {}), data)
    for name in there if asked.tuned else ():
        options = best(name, data)
        print(f"{name} tuned: {options}")
        row(f"{name} tuned", named(name, options), data)


if __name__ == "__main__":
    main()

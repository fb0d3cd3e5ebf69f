"""Do the confidences that ``track calibrate`` fitted hold against tracking ground truth?

    python benchmarks/calibration.py
    python benchmarks/calibration.py --detector smaller_vgg_rep_small_int8 --propagate kalman

Nothing was fitted to these sequences. The detector's looks start and correct the tracks, three of them 0.2 s
apart and then none for 0.3 or 1 s, as in ``track calibrate``. By the detector: a carried box is right with an
IoU of at least 0.5 with a detection of the same frame; one with no detection near it is left out. By the
truth: of the tracks whose last detection had an IoU of at least 0.5 with somebody of the truth, those are
right that still have it, with the same one; others say nothing about what the propagator did.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import numpy as np
from mot_sequences import open_sequence
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from detectors import Frame
from detectors.boxes import iou
from tracker.compose import build_detector, weights_of
from tracker.compose.registries import ASSOCIATORS, PROPAGATORS
from tracker.confidence import find_fit
from tracker.config import Settings
from tracker.lab.fitting import Quality, quality
from tracker.lab.sampling import PAUSES_S, RIGHT_IOU, Examiner, Flags, Remembered, Samples, judged, of_one
from tracker.pipeline import Pipeline
from tracker.types import Origin, SourceInfo, Track

SEQUENCES = "CDNET-highway,TUD-Stadtmitte,PETS09-S2L1"
Boxes = dict[int, NDArray[np.float32]]


class Followed:
    """Judges carried boxes by the truth: they are right while they are with whom they were detected.

    Args:
        truth: boxes by frame and id.
    """

    def __init__(self, truth: dict[int, Boxes]) -> None:
        """Begin with nobody."""
        self._truth = truth
        self._whom: dict[int, int | None] = {}

    def looked(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Remember whom each detected track is with."""
        here = self._truth.get(frame.index, {})
        boxes = np.array(list(here.values()), np.float32).reshape(-1, 4)
        for track in tracks:
            if track.origin is Origin.DETECTED:
                overlap = iou(track.box, boxes)[0] if here else np.zeros(1)
                best = int(overlap.argmax())
                self._whom[track.id] = list(here)[best] if overlap[best] >= RIGHT_IOU else None

    def __call__(self, frame: Frame, carried: Sequence[Track]) -> tuple[Flags, Flags]:
        """Return which are right, and of which that is known."""
        here = self._truth.get(frame.index, {})
        whom = [here.get(-1 if (w := self._whom.get(t.id)) is None else w) for t in carried]
        known = np.array([box is not None for box in whom], np.bool_)
        overlaps = [0.0 if b is None else iou(t.box, b)[0, 0] for t, b in zip(carried, whom, strict=True)]
        return np.array(overlaps) >= RIGHT_IOU, known


class Pictures:
    """The frames of a sequence as a source."""

    warnings: Sequence[str] = ()

    def __init__(self, frames: Sequence[Frame]) -> None:
        self._frames = frames
        self.info = SourceInfo("", frames[0].width, frames[0].height, None, len(frames), None, False)
        self.health = None

    def __enter__(self) -> Pictures:
        return self

    def __exit__(self, *exc: object) -> None: ...

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)


def samples_of(name: str, settings: Settings, detector: Remembered) -> tuple[Samples, Samples]:
    """Return the carried boxes of a sequence as the detector judges them, and as the truth does."""
    sequence = open_sequence(name)
    frames, truth = list(sequence.frames()), sequence.truth()

    def by_itself(frame: Frame, carried: Sequence[Track]) -> tuple[Flags, Flags]:
        boxes = np.array([track.box for track in carried], np.float32)
        return judged(boxes, detector.detect([frame])[0].boxes)

    born = {"born_score": detector.born_score}
    both: tuple[list[Samples], list[Samples]] = ([], [])
    for pause_s in PAUSES_S:
        for samples, judge in zip(both, (by_itself, Followed(truth)), strict=True):
            examiner = Examiner(judge, pause_s)
            pipeline = Pipeline(
                Pictures(frames),  # type: ignore[arg-type]
                detector,
                PROPAGATORS.build(settings.propagate),
                [examiner],
                ASSOCIATORS.build(settings.associate, born),
            )
            for result in pipeline.run():
                if isinstance(judge, Followed) and result.detections is not None:
                    judge.looked(result.frame, result.tracks)
            samples.append(examiner.samples(name))
    return of_one(both[0], name), of_one(both[1], name)


def cells(found: Quality) -> list[str]:
    """Return a row of the table."""
    figures = (found.ece, found.brier_gain, found.auroc)
    return [str(found.boxes), f"{found.right:.3f}", *(f"{figure:.3f}" for figure in figures)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--detector", default=Settings().detector)
    parser.add_argument("--propagate", default=Settings().propagate)
    parser.add_argument("--sequences", default=SEQUENCES)
    asked = parser.parse_args()
    settings = Settings(detector=asked.detector, propagate=asked.propagate)
    detector = build_detector(settings)
    calibration, _ = find_fit("auto", *weights_of(detector), settings.propagate)
    if calibration is None:
        parser.error(f"nothing was fitted to {asked.detector} with {asked.propagate}: track calibrate")
    table = Table("sequence", "judged by", "boxes", "right", "ECE", "Brier gain", "AUROC")
    for name in asked.sequences.split(","):
        samples = samples_of(name, settings, Remembered(detector, {}))
        for one, judge in zip(samples, ("the detector", "the truth"), strict=True):
            table.add_row(name, judge, *cells(quality(calibration.probability(one.evidence), one.right)))
    Console().print(table)


if __name__ == "__main__":
    main()

"""Detections that are given, and what is true: sequences without their pictures, for association alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectors import Detections
from detectors.zoo.replay import unit_scores
from tracker.evaluation.results import TrackTable, read_mot
from tracker.evaluation.sequences import find_sequences


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A sequence: what is seen on each frame, and what is true.

    Attributes:
        name: of the folder.
        rate_fps: frames a second.
        detections: of each frame, best first.
        truth: with frames from 0.
    """

    name: str
    rate_fps: float
    detections: list[Detections]
    truth: TrackTable


Tracker = Callable[[Given, Path], None]  # writes MOTChallenge rows


def given(folder: Path, detections: str, truth: str = "gt.txt", half: bool = False) -> list[Given]:
    """Read the sequences of a folder, or the second half of each."""
    found = []
    for sequence in find_sequences(folder, truth):
        assert sequence.frames is not None
        first = sequence.frames // 2 if half else 0
        table = read_mot(sequence.truth, sequence.rate_fps, truth=True)
        kept = np.flatnonzero(table.frames >= first)
        shown = TrackTable.sort(
            table.frames[kept] - first,
            table.times_s[kept],
            table.ids[kept],
            table.boxes[kept],
            ("",) * len(kept),
        )
        seen = read_detections(sequence.truth.parents[1] / "det" / detections, sequence.frames)
        found.append(Given(sequence.name, sequence.rate_fps, seen[first:], shown))
    return found


def read_detections(path: Path, frames: int) -> list[Detections]:
    """Return the detections of every frame, best first, as ``replay`` reads them."""
    table = np.loadtxt(path, delimiter=",", ndmin=2)
    index, scores = table[:, 0].astype(int) - 1, unit_scores(table[:, 6])
    boxes = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1).astype(np.float32)
    whole = Detections(boxes, scores, np.zeros(len(boxes), np.int64))
    places = [np.flatnonzero(index == frame) for frame in range(frames)]
    return [whole.select(rows[np.argsort(-scores[rows], kind="stable")]) for rows in places]

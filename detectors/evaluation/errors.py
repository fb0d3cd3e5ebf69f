"""What a detector gets wrong as it is used, and in which way.

The limits are those of TIDE (Bolya et al., ECCV 2020): from IoU 0.5 on an answer is at its object, under 0.1
it is at nothing. Matching follows the rules of the average precision beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors import boxes as boxlib
from detectors.dataset import UNKNOWN_VEHICLE, Picture
from detectors.detections import Detections
from detectors.evaluation.kinds import Error, Kind, Other, Tally
from detectors.evaluation.precision import Target, answers_of, targets_of, truth_of

HIT_IOU = 0.5
NEAR_IOU = 0.1
_FALSE, _IGNORED = -1, -2


def find_errors(
    pictures: Sequence[Picture],
    answers: Sequence[Detections],
    doubtful: Sequence[Detections],
    class_names: Sequence[str],
) -> tuple[dict[str, Tally], list[Error]]:
    """Return a tally by class name and of ``any_vehicle``, and every error of the single classes.

    Args:
        pictures: labelled; their labels are indices into ``class_names``.
        answers: on each of them, of the detector as it is used.
        doubtful: on each of them, down to a low score: they tell what was seen but not believed.
        class_names: of the labels.
    """
    tallies = {target.name: Tally() for target in targets_of(class_names)}
    errors = []
    for picture, sure, seen in zip(pictures, answers, doubtful, strict=True):
        for target in targets_of(class_names):
            look = _Look.of(picture, sure, seen, target, class_names)
            if look is None:
                continue
            wrong = [*look.misses(), *look.false_alarms()]
            _count(tallies[target.name], look, wrong)
            errors += [] if target.group else wrong
    return tallies, errors


def match(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    truth: NDArray[np.float32],
    ignore: NDArray[np.float32],
) -> NDArray[np.int64]:
    """Return for each answer (K,) the row of the box it finds, -1 for a false alarm, -2 for an ignored one.

    Best scores choose first; an answer of which half lies in an ignore region is ignored (COCO's rules).
    """
    result = np.full(len(boxes), _FALSE, np.int64)
    overlaps = boxlib.iou(boxes, truth)
    hidden = ignored_by(boxes, ignore)
    free = np.ones(len(truth), bool)
    for row in np.argsort(-scores, kind="stable"):
        best = int(np.where(free, overlaps[row], -1).argmax()) if len(truth) else 0
        if len(truth) and free[best] and overlaps[row, best] >= HIT_IOU:
            result[row], free[best] = best, False
        elif hidden[row]:
            result[row] = _IGNORED
    return result


def ignored_by(boxes: NDArray[np.float32], ignore: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return bool (K,): half of the box (K, 4) or more lies in one of the regions (M, 4) (COCO's rule)."""
    area = np.maximum(boxlib.areas(boxes), 1e-9)
    shares = boxlib.intersections(boxes, ignore) / area[:, None]
    return np.asarray(shares.max(1, initial=0) >= HIT_IOU, np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """One picture as one target sees it: what was to be found, the answers, and what ``match`` says."""

    picture: Picture
    target: Target
    names: tuple[str, ...]
    truth: NDArray[np.float32]
    answers: Detections
    matched: NDArray[np.int64]
    others: Detections  # answers of other classes
    doubtful: Detections  # of the target, also those that are no answers

    @classmethod
    def of(
        cls, picture: Picture, sure: Detections, seen: Detections, target: Target, class_names: Sequence[str]
    ) -> _Look | None:
        """Return it; None where the target was not annotated."""
        truth = truth_of(picture, target)
        if truth is None:
            return None
        answers = answers_of(sure, target)
        others = sure.select(~np.isin(sure.labels, target.labels))
        doubtful = seen.select(np.isin(seen.labels, target.labels))
        names = (*class_names, UNKNOWN_VEHICLE)
        matched = match(answers.boxes, answers.scores, *truth)
        return cls(picture, target, names, truth[0], answers, matched, others, doubtful)

    def misses(self) -> Iterator[Error]:
        """Find out of every missed box what stands there instead."""
        for row in np.setdiff1d(np.arange(len(self.truth)), self.matched):
            kind, other = self._instead(self.truth[row])
            name = self.target.name
            yield Error(self.picture, name, self.truth[row], kind, other=other)

    def _instead(self, box: NDArray[np.float32]) -> tuple[Kind, Other | None]:
        stray, hits = self.answers.select(self.matched == _FALSE), self.answers.select(self.matched >= 0)
        for kind, answers, least_iou in (
            (Kind.OTHER_CLASS, self.others, HIT_IOU),
            (Kind.POOR_BOX, stray, NEAR_IOU),
            (Kind.CROWDED, hits, HIT_IOU),
            (Kind.UNSURE, self.doubtful, HIT_IOU),
        ):
            overlaps = boxlib.iou(box, answers.boxes)[0]
            if overlaps.max(initial=0) >= least_iou:
                best = int(np.where(overlaps >= least_iou, answers.scores, -1).argmax())
                score, name = float(answers.scores[best]), self.names[answers.labels[best]]
                return kind, Other(name, answers.boxes[best], float(overlaps[best]), score)
        return Kind.NOTHING, None

    def false_alarms(self) -> Iterator[Error]:
        """Find out of every false alarm what is labelled there."""
        for row in np.flatnonzero(self.matched == _FALSE):
            kind, other = self._labelled(self.answers.boxes[row])
            yield Error(
                self.picture,
                self.target.name,
                self.answers.boxes[row],
                kind,
                float(self.answers.scores[row]),
                other,
            )

    def _labelled(self, box: NDArray[np.float32]) -> tuple[Kind, Other | None]:
        own = np.isin(self.picture.labels, self.target.labels)
        if self.target.group:
            own |= self.picture.labels == self.target.unknown
        for kind, rows, least in (
            (Kind.DUPLICATE, own, HIT_IOU),
            (Kind.OTHER_CLASS, ~own, HIT_IOU),
            (Kind.POOR_BOX, own, NEAR_IOU),
            (Kind.BOTH, ~own, NEAR_IOU),
        ):
            overlaps = boxlib.iou(box, self.picture.boxes[rows])[0]
            if overlaps.max(initial=0) >= least:
                best = int(overlaps.argmax())
                place = int(np.flatnonzero(rows)[best])
                name = self.names[self.picture.labels[place]]
                return kind, Other(name, self.picture.boxes[place], float(overlaps[best]))
        return Kind.BACKGROUND, None


def _count(tally: Tally, look: _Look, wrong: Sequence[Error]) -> None:
    tally.hits += int((look.matched >= 0).sum())
    tally.misses.update(error.kind for error in wrong if error.missed)
    tally.false_alarms.update(error.kind for error in wrong if not error.missed)

"""Carried boxes and whether they are right: the CNN runs on every frame, but the tracker may not see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import centres, iou
from detectors.detections import Detections
from detectors.errors import UsageError
from detectors.frame import Frame
from detectors.protocol import Detector
from tracker.compose import build_pipeline
from tracker.confidence import EVIDENCE, Evidence
from tracker.config import Settings
from tracker.types import Origin, Reason, Track

#: A box is right with at least this overlap.
RIGHT_IOU = 0.5
#: Three looks one behind the other (seconds), so that a track is confirmed and has a velocity; then none for
#: as long as each of the passes says.
_LOOKS, _APART_S = 3, 0.2
PAUSES_S = (0.3, 1.0)

Flags = NDArray[np.bool_]
#: Tells which of some carried tracks are right on a frame, and of which that is known: bool (N,) each.
Judge = Callable[[Frame, Sequence[Track]], tuple[Flags, Flags]]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """N carried boxes of which is known whether they were right.

    Attributes:
        name: where they are from.
        evidence: float64 (N, len(EVIDENCE)).
        right: bool (N,).
        unknown: number of boxes beside these of which it is not known.
    """

    name: str
    evidence: NDArray[np.float64]
    right: Flags
    unknown: int = 0


@dataclass(slots=True)
class Remembered:
    """A detector that looks at each frame of a video once, however often it is asked.

    Attributes:
        detector: that looks.
        seen: what it found, by the frame's index.
    """

    detector: Detector
    seen: dict[int, Detections]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The detector's classes."""
        return self.detector.class_names

    @property
    def born_score(self) -> float | None:
        """The detector's score from which a detection may start a track."""
        score: float | None = getattr(self.detector, "born_score", None)
        return score

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return what the detector finds or has found."""
        for frame in frames:
            if frame.index not in self.seen:
                self.seen[frame.index] = self.detector.detect([frame])[0]
        return [self.seen[frame.index] for frame in frames]


class Examiner:
    """A trigger that wants a few looks and then none for a while, and examines every carried box meanwhile.

    Args:
        judge: decides what is right.
        pause_s: time without looks that the tracker sees.

    Attributes:
        rows: evidence of the boxes of which it is known, frame by frame.
        right: whether they were right.
        unknown: number of the others.
    """

    def __init__(self, judge: Judge, pause_s: float) -> None:
        """Begin with no samples."""
        self._judge, self._pause_s = judge, pause_s
        self._evidence = Evidence()
        self._looks, self._looked_s = 0, float("-inf")
        self.cause: int | None = None
        self.region: NDArray[np.float32] | None = None
        self.rows: list[NDArray[np.float64]] = []
        self.right: list[Flags] = []
        self.unknown = 0

    def reason(self, frame: Frame, tracks: Sequence[Track]) -> Reason | None:
        """Examine the tracks as they were carried; ask for a look where one is due."""
        carried = [t for t in tracks if t.origin is Origin.PROPAGATED and t.confidence > 0]
        if carried:
            right, known = self._judge(frame, carried)
            self.rows.append(self._evidence.of(frame, carried)[known])
            self.right.append(right[known])
            self.unknown += int((~known).sum())
        if frame.cut or frame.gap_s > 0:
            return Reason.CUT if frame.cut else Reason.GAP
        wait_s = self._pause_s if self._looks % _LOOKS == 0 else _APART_S
        return Reason.INTERVAL if frame.time_s - self._looked_s + 5e-4 >= wait_s else None

    def looked(
        self, frame: Frame, result: Sequence[Track], looked_at: NDArray[np.float32] | None = None
    ) -> None:
        """Count the time from here; the tracks that were found begin anew."""
        self._looked_s, self._looks = frame.time_s, self._looks + 1
        self._evidence.restart(track.id for track in result if track.origin is Origin.DETECTED)

    def samples(self, name: str) -> Samples:
        """Return what was examined."""
        return Samples(
            name,
            np.concatenate([np.zeros((0, len(EVIDENCE))), *self.rows]),
            np.concatenate([np.zeros(0, np.bool_), *self.right]),
            self.unknown,
        )


def sample(
    settings: Settings, detector: Detector, each: Callable[[int], None] = lambda index: None
) -> Samples:
    """Return the carried boxes of a video, from one pass for each of ``PAUSES_S``.

    Args:
        settings: which video, propagator and associator.
        detector: that looks.
        each: told the index of every frame, in every pass.

    Raises:
        UsageError: it is a live stream, of which there is no second pass.
        SourceError: it cannot be read.
    """
    remembered = Remembered(detector, {})

    def judge(frame: Frame, carried: Sequence[Track]) -> tuple[Flags, Flags]:
        boxes = np.array([track.box for track in carried], np.float32)
        return judged(boxes, remembered.detect([frame])[0].boxes)

    examiners = []
    for pause_s in PAUSES_S:
        examiner = Examiner(judge, pause_s)
        with build_pipeline(settings, remembered) as pipeline:
            if pipeline.source.info.live:
                raise UsageError(f"{settings.video} is live and cannot be watched twice: record it first")
            pipeline.triggers = [examiner]
            for result in pipeline.run():
                each(result.frame.index)
        examiners.append(examiner)
    return of_one([examiner.samples(settings.video) for examiner in examiners], settings.video)


def judged(boxes: NDArray[np.float32], found: NDArray[np.float32]) -> tuple[Flags, Flags]:
    """Return which boxes (N, 4) are right, and of which that is known (bool (N,) each).

    Right is who overlaps with a detection by ``RIGHT_IOU``. Who does not, but has one within its own size, is
    wrong; where there is none, the CNN may just not have seen it.
    """
    if not len(found):
        return np.zeros(len(boxes), np.bool_), np.zeros(len(boxes), np.bool_)
    right: Flags = iou(boxes, found).max(axis=1) >= RIGHT_IOU
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
    distance = np.linalg.norm(centres(boxes)[:, None] - centres(found)[None], axis=2).min(axis=1)
    return right, right | (distance < np.sqrt(sides.prod(axis=1)))


def of_one(samples: Sequence[Samples], name: str) -> Samples:
    """Return several samples as one."""
    return replace(
        samples[0],
        name=name,
        evidence=np.concatenate([s.evidence for s in samples]),
        right=np.concatenate([s.right for s in samples]),
        unknown=sum(s.unknown for s in samples),
    )

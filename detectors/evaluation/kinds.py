"""The ways in which a detector goes wrong, and how often it does.

The kinds follow TIDE (Bolya et al., ECCV 2020).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from detectors.dataset import Picture


class Kind(StrEnum):
    """In which way something was missed, or an answer is false."""

    OTHER_CLASS = "other class"  # at the object, but called something else
    POOR_BOX = "poor box"  # right class, IoU 0.1 to 0.5
    BOTH = "both"  # false alarms: IoU 0.1 to 0.5, with an object of another class alone
    DUPLICATE = "duplicate"  # false alarms: the object was found already
    BACKGROUND = "background"  # false alarms: nothing is labelled there
    CROWDED = "crowded"  # misses: the answer at this object is the hit of its neighbour
    UNSURE = "unsure"  # misses: the right answer had too low a score, or gave way to another one
    NOTHING = "nothing"  # misses: no answer at all


MISSES = (Kind.OTHER_CLASS, Kind.POOR_BOX, Kind.CROWDED, Kind.UNSURE, Kind.NOTHING)
FALSE_ALARMS = (Kind.OTHER_CLASS, Kind.POOR_BOX, Kind.BOTH, Kind.DUPLICATE, Kind.BACKGROUND)


@dataclass(frozen=True, slots=True, eq=False)
class Other:
    """What stands at the place of an error: an answer where something was missed, else a labelled box.

    Attributes:
        name: its class.
        box: float32 (4,) xyxy.
        iou: with the box of the error.
        score: of an answer; None for a label.
    """

    name: str
    box: NDArray[np.float32]
    iou: float
    score: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Error:
    """One box that was missed, or one false alarm.

    Attributes:
        picture: on which.
        name: class of the label that was missed, or that the false answer gives.
        box: float32 (4,) xyxy in pixels of the picture.
        kind: in which way.
        score: of the false answer; None where something was missed.
        other: what stands there instead, if anything does.
    """

    picture: Picture
    name: str
    box: NDArray[np.float32]
    kind: Kind
    score: float | None = None
    other: Other | None = None

    @property
    def missed(self) -> bool:
        """Whether this is a miss, not a false alarm."""
        return self.score is None


@dataclass(slots=True)
class Tally:
    """How often a class was found, missed and seen where it is not.

    Attributes:
        hits: boxes that were found.
        misses: boxes that were not, by kind.
        false_alarms: answers that are not at a box of their own, by kind.
    """

    hits: int = 0
    misses: Counter[Kind] = field(default_factory=Counter)
    false_alarms: Counter[Kind] = field(default_factory=Counter)

    @property
    def boxes(self) -> int:
        """Number of boxes that had to be found."""
        return self.hits + self.misses.total()

    @property
    def recall(self) -> float:
        """Share of the boxes that were found; nan without boxes."""
        return self.hits / self.boxes if self.boxes else float("nan")

    @property
    def precision(self) -> float:
        """Share of the answers that are right; nan without answers."""
        answers = self.hits + self.false_alarms.total()
        return self.hits / answers if answers else float("nan")


def counts(tallies: Mapping[str, Tally]) -> dict[str, object]:
    """Return the tallies in plain, rounded numbers."""
    return {
        name: {
            "boxes": tally.boxes,
            "found": tally.hits,
            "recall": round(tally.recall, 3) if tally.boxes else None,
            "precision": None if np.isnan(tally.precision) else round(tally.precision, 3),
            "misses": {kind.value: tally.misses[kind] for kind in MISSES},
            "false_alarms": {kind.value: tally.false_alarms[kind] for kind in FALSE_ALARMS},
        }
        for name, tally in tallies.items()
        if tally.boxes or tally.false_alarms
    }

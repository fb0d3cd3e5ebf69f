"""A limit on how often the CNN looks, whoever asks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame
from tracker.protocols import Trigger
from tracker.types import Reason, Track

#: Sums of shares that should be 1 are a little less.
_EXACT = 1e-9


class Budgeted:
    """Triggers whose looks are a share of the frames at most, the first frame apart.

    Every frame adds the share to a purse that holds one look. So looks are as far apart as they would be at
    fixed intervals, or farther, and any stretch of frames has its share of them and one more at most. Saving
    up for a burst gains nothing: with budgets of 0.16 to 0.2 and a purse of three looks HOTA was 51.3, 37.9
    and 33.7 on TUD-Stadtmitte, PETS09-S2L1 and MOT16-09, with one look 51.7, 37.9 and 33.4 (means of
    ``benchmarks/hota.py``; single runs scatter by 2 to 3).
    What is refused is not put off: a reason that lasts is there on the next frame too.

    Args:
        triggers: asked in turn; the first reason counts.
        share: in (0, 1].
        whole: every look is at the whole frame. Where looks are what is short, one at a part counts as much
            and tells less: with budgets of 0.16 to 0.2 HOTA on MOT16-09 is 34.3 in the mean, 32.2 with parts.

    Attributes:
        share: may be changed while it is in use.
    """

    def __init__(self, triggers: Sequence[Trigger], share: float, whole: bool = False) -> None:
        """Begin with an empty purse; the first look is free."""
        self._triggers, self.share, self._whole = triggers, share, whole
        self.cause: int | None = None
        self.region: NDArray[np.float32] | None = None
        self._saved = 0.0
        self._begun = False

    def reason(self, frame: Frame, tracks: Sequence[Track]) -> Reason | None:
        """Return the first reason of the triggers, if there is a look left for it."""
        asked = ((t.reason(frame, tracks), t) for t in self._triggers)
        nobody = (None, None, None)
        reason, self.cause, region = next(((r, t.cause, t.region) for r, t in asked if r), nobody)
        self.region = None if self._whole else region
        if not self._begun:
            return reason
        # what is over a whole look counts for the next one only if this one is taken at once
        self._saved = 1.0 if self._saved >= 1 - _EXACT else self._saved + self.share
        return reason if self._saved >= 1 - _EXACT else None

    def looked(
        self, frame: Frame, result: Sequence[Track], looked_at: NDArray[np.float32] | None = None
    ) -> None:
        """Spend a look."""
        if self._begun:
            self._saved -= 1
        self._begun = True
        for trigger in self._triggers:
            trigger.looked(frame, result, looked_at)

"""The CNN on every frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame
from tracker.types import Reason, Track


@dataclass(frozen=True, slots=True)
class Config:
    """There is nothing to set."""


class Always:
    """Looks at every frame."""

    cause: int | None = None
    region: NDArray[np.float32] | None = None

    def reason(self, frame: Frame, tracks: Sequence[Track]) -> Reason | None:
        """Return ALWAYS."""
        return Reason.ALWAYS

    def looked(
        self, frame: Frame, result: Sequence[Track], looked_at: NDArray[np.float32] | None = None
    ) -> None:
        """Nothing needs to be remembered."""


def build(config: Config) -> Always:
    """Build the trigger."""
    return Always()

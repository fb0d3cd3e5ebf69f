"""Nothing is carried: for runs in which the CNN looks at every frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from detectors.frame import Frame
from tracker.propagation._carried import unknown
from tracker.types import Track


@dataclass(frozen=True, slots=True)
class Config:
    """There is nothing to set."""


class NoPropagation:
    """Leaves every box where it was, with confidence 0; the associator predicts by itself."""

    def start(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Learn nothing."""

    def step(self, frame: Frame, tracks: Sequence[Track]) -> list[Track]:
        """Return the tracks at their old places, origin PREDICTED."""
        return [unknown(track) for track in tracks]

    def stop(self, ids: Iterable[int]) -> None:
        """Forget nothing."""


def build(config: Config) -> NoPropagation:
    """Build the propagator."""
    return NoPropagation()

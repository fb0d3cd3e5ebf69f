"""What a detector saw on one frame, as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N boxes with scores and labels.

    Attributes:
        boxes: float32 (N, 4), xyxy in pixels of the source frame.
        scores: float32 (N,), in [0, 1].
        labels: int64 (N,), index into the detector's ``class_names``.
        embeddings: float32 (N, D) appearance vectors, or None.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    embeddings: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """Check shapes, types and values once, where detections enter.

        Raises:
            ValueError: a shape, dtype or value is not as documented.
        """
        n = len(self.boxes)
        _expect("boxes", self.boxes, np.float32, (n, 4))
        _expect("scores", self.scores, np.float32, (n,))
        _expect("labels", self.labels, np.int64, (n,))
        if self.embeddings is not None:
            _expect("embeddings", self.embeddings, np.float32, (n, self.embeddings.shape[-1]))
        if not np.isfinite(self.boxes).all():
            raise ValueError("boxes must be finite")
        if n and not (self.scores.min() >= 0.0 and self.scores.max() <= 1.0):
            raise ValueError("scores must lie in [0, 1]")

    def __len__(self) -> int:
        """Return the number of boxes."""
        return len(self.boxes)

    def select(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Detections:
        """Return the rows that ``keep`` (mask or indices) names, in that order."""
        embeddings = None if self.embeddings is None else self.embeddings[keep]
        return Detections(self.boxes[keep], self.scores[keep], self.labels[keep], embeddings)

    @classmethod
    def empty(cls) -> Detections:
        """Return no boxes: *we looked and saw nothing*."""
        return cls(np.zeros((0, 4), np.float32), np.zeros((0,), np.float32), np.zeros((0,), np.int64))


def _expect(name: str, array: NDArray[np.generic], dtype: type, shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{name} must be {np.dtype(dtype)} {shape}, not {array.dtype} {array.shape}")

"""Labelled pictures and answers in a line each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors import Detections
from detectors.dataset import Picture

Row = tuple[list[float], int]
Answer = tuple[list[float], int, float]


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Picture]:
    """Return a maker of pictures, 300x300 pixels and on disk, of boxes with labels of three classes."""

    def made(
        *rows: Row, annotated: tuple[bool, ...] = (True,) * 3, ignore: list[float] | None = None
    ) -> Picture:
        path = tmp_path / "made_1.png"
        cv2.imwrite(str(path), np.full((300, 300, 3), 90, np.uint8))
        boxes = np.array([box for box, _ in rows], np.float32).reshape(-1, 4)
        labels = np.array([label for _, label in rows], np.int64)
        hidden = np.array([ignore] if ignore else [], np.float32).reshape(-1, 4)
        return Picture(path, "made", (300, 300), boxes, labels, hidden, np.array(annotated))

    return made


@pytest.fixture
def answers() -> Callable[..., Detections]:
    """Return a maker of detections of boxes, labels and scores."""

    def made(*rows: Answer) -> Detections:
        boxes = np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4)
        scores = np.array([score for _, _, score in rows], np.float32)
        return Detections(boxes, scores, np.array([label for _, label, _ in rows], np.int64))

    return made

"""Small pictures, drawn for each test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

Draw = Callable[..., Path]


def noise(seed: int, width: int = 64, height: int = 48) -> np.ndarray:
    """Draw coarse patches: every seed looks unlike every other one."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Return a function that writes a picture below the test's folder, one seed one look."""
    seeds = iter(range(1000, 10000))

    def write(name: str, seed: int | None = None, brighter: int = 0) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = noise(next(seeds) if seed is None else seed)
        assert cv2.imwrite(str(path), cv2.add(image, (brighter, brighter, brighter, 0)))
        return path

    return write


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that writes a text file below the test's folder."""

    def text(name: str, content: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    return text

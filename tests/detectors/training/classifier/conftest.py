"""Folders of small pictures of simple shapes, a folder a class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

SHAPES = ("disc", "frame", "stripes")
Shapes = Callable[..., Path]


def draw(shape: str, seed: int, side: int = 32) -> np.ndarray:
    """Draw a shape somewhere on noise, light on dark."""
    rng = np.random.default_rng((SHAPES.index(shape), seed))
    image = rng.integers(0, 90, (side, side, 3), np.uint8)
    colour = tuple(map(int, rng.integers(150, 256, 3)))
    x, y = (int(value) for value in rng.integers(11, side - 11, 2))
    if shape == "disc":
        cv2.circle(image, (x, y), 8, colour, -1)
    elif shape == "frame":
        cv2.rectangle(image, (x - 8, y - 8), (x + 8, y + 8), colour, 3)
    else:
        for row in range(y - 9, y + 9, 5):
            cv2.line(image, (x - 9, row), (x + 9, row), colour, 2)
    return image


@pytest.fixture
def shapes(tmp_path: Path) -> Shapes:
    """Return a function that writes ``count`` pictures of every shape below ``tmp_path / name``."""

    def make(name: str = "shapes", count: int = 12, first: int = 0) -> Path:
        for shape in SHAPES:
            folder = tmp_path / name / shape
            folder.mkdir(parents=True)
            for number in range(first, first + count):
                cv2.imwrite(str(folder / f"{number}.png"), draw(shape, number))
        return tmp_path / name

    return make

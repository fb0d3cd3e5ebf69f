"""``track model summary`` and ``track model show``."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

Track = Callable[..., Any]


def test_summary_prints_the_table_and_writes_it(track: Track, tmp_path: Path) -> None:
    done = track("model", "summary", "lenet5", "--csv", "new/table.csv")
    assert done.code == 0, done.err
    assert "61,706 trainable" in done.out
    rows = list(csv.DictReader((tmp_path / "new" / "table.csv").open(newline="")))
    assert sum(int(row["trainable"]) for row in rows) == 61_706
    assert len(rows) == 14
    again = track("model", "summary", "lenet5", "--csv", "new/table.csv")
    assert again.code == 2
    assert "--overwrite" in again.complaint


def test_classes_and_input(track: Track) -> None:
    done = track("model", "summary", "lenet5", "--input", "3x32x32", "--classes", "5")
    assert "3x32x32" in done.out
    assert f"{456 + 2416 + 576 * 120 + 120 + 10_164 + 425:,} trainable" in done.out


def test_show_writes_a_sheet(track: Track, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "road.png"), np.full((60, 80, 3), 90, np.uint8))
    words = ("model", "show", "lenet5", "--image", "road.png", "--out", "sheet.png", "--layer", "features.2")
    done = track(*words)
    assert done.code == 0, done.err
    assert "random weights" in done.out
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None
    assert track(*words).code == 2
    assert track(*words, "--overwrite", "--class", "3").out.startswith("sheet.png; random")


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--image", "gone.png"), 1, "gone.png cannot be read"),
        (("--image", "text.png"), 1, "text.png is no picture"),
    ],
)
def test_show_without_a_picture(
    track: Track, tmp_path: Path, more: tuple[str, ...], code: int, words: str
) -> None:
    (tmp_path / "text.png").write_text("mine")
    done = track("model", "show", "lenet5", "--out", "sheet.png", *more)
    assert done.code == code
    assert words in done.complaint
    assert not (tmp_path / "sheet.png").exists()

"""The bar: how far a run is, also where the container does not say how many frames it has."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from rich.console import Console

from detectors import Frame
from tracker.cli.progress import shown_progress
from tracker.types import FrameResult, SourceInfo


def results(number: int) -> Iterator[FrameResult]:
    image = np.zeros((8, 8, 3), np.uint8)
    for index in range(number):
        yield FrameResult(Frame(image, index, index / 25), None, None, ())


def last_line(source: SourceInfo, number: int) -> str:
    """Return what the bar shows at last, after ``number`` frames."""
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, color_system=None, width=120)
    assert len(list(shown_progress(results(number), source, console))) == number
    return [line for line in shown.getvalue().splitlines() if "frames" in line][-1]


@pytest.mark.parametrize(
    ("source", "counted", "is_known"),
    [
        (SourceInfo("a.mp4", 8, 8, 25.0, 100, 4.0), "20/100 frames", True),
        (SourceInfo("a.mkv", 8, 8, 25.0, None, 4.0), "20/? frames", True),
        (SourceInfo("a.mkv", 8, 8, None, None, 4.0), "20/? frames", True),
        (SourceInfo("camera 0", 8, 8, 25.0, None, None, True), "20/? frames", False),
    ],
    ids=["frames", "length", "length without a rate", "camera"],
)
def test_the_time_left_is_shown_where_the_end_is_known(
    source: SourceInfo, counted: str, is_known: bool
) -> None:
    line = last_line(source, 20)
    assert counted in line
    assert ("left 0:00:0" in line) is is_known


def test_a_bar_by_time_is_as_far_as_one_by_frames() -> None:
    by_time = last_line(SourceInfo("a.mkv", 8, 8, 25.0, None, 4.0), 51).count("━")
    by_frames = last_line(SourceInfo("a.mp4", 8, 8, 25.0, 100, 4.0), 50).count("━")
    assert by_time == by_frames > 0


@pytest.mark.parametrize(
    "source", [SourceInfo("a.mkv", 8, 8, None, None, 4.0), SourceInfo("a", 8, 8, 25.0, 100)]
)
def test_nothing_is_shown_where_nobody_looks(source: SourceInfo) -> None:
    shown = io.StringIO()
    assert len(list(shown_progress(results(20), source, Console(file=shown)))) == 20
    assert shown.getvalue().strip() == ""

"""Times of looks, by stage where a detector tells."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest

from detectors import Detections, Frame
from detectors.dataset import Picture, read_picture
from detectors.evaluation.timing import LOOKS, WARM_UP, time_looks

Pictures = Callable[..., Picture]


class Quiet:
    """Sees nothing, in 2 ms."""

    class_names = ("car",)

    def __init__(self) -> None:
        self.looks = 0

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        self.looks += len(frames)
        time.sleep(0.002)
        return [Detections.empty() for _ in frames]


class Staged(Quiet):
    """Says where its time went: the first looks are much slower."""

    def __init__(self) -> None:
        super().__init__()
        self.stage_s = {"letterbox": 0.0, "network": 7.0, "boxes": 0.0}

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        self.stage_s["letterbox"] += 0.001
        self.stage_s["network"] += 1.0 if self.looks < WARM_UP else 0.004
        self.stage_s["boxes"] += 0.0005
        return super().detect(frames)


def test_stages_are_those_of_each_look(picture: Pictures) -> None:
    times = time_looks(Staged(), [picture()] * 5, read_picture)
    assert times.stage_ms == pytest.approx({"letterbox": 1.0, "network": 4.0, "boxes": 0.5})
    assert list(times.stage_ms) == ["letterbox", "network", "boxes"]
    assert times.looks == 5


def test_without_stages_the_whole_look_alone(picture: Pictures) -> None:
    def slow(picture: Picture):  # type: ignore[no-untyped-def]
        time.sleep(0.05)  # reading is not counted
        return read_picture(picture)

    times = time_looks(Quiet(), [picture()], slow)
    assert times.stage_ms == {}
    assert times.looks == 1
    assert 2 <= times.total_ms < 50


def test_many_pictures_are_sampled(picture: Pictures) -> None:
    detector, look = Quiet(), picture()
    assert time_looks(detector, [look] * 100, read_picture).looks == LOOKS
    assert detector.looks == LOOKS + WARM_UP

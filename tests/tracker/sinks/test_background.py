"""``background.jpg``: the road without who drove on it, from a run of any length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tracker.errors import SinkError
from tracker.sinks._still import Sample, empty_road
from tracker.sinks.background import BackgroundSink, Config, build
from tracker.types import FrameResult, RunInfo, Track

Make = Callable[..., Track]
Result = Callable[..., FrameResult]
Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]


def road(size: int = 96) -> Image:
    """Return something with a pattern that JPEG keeps: large tiles."""
    tiles = np.random.default_rng(0).integers(60, 120, (size // 16, size // 16, 3), np.uint8)
    return np.kron(tiles, np.ones((16, 16, 1), np.uint8))


def with_vehicle(result: FrameResult, box: Box | None, plain: Image) -> FrameResult:
    """Put a striped vehicle on the road."""
    image = plain.copy()
    if box is not None:
        x1, y1, x2, y2 = box
        image[y1:y2, x1:x2] = 250
        image[y1:y2, x1:x2:4] = image[y1:y2, x1 + 1 : x2 : 4] = 5
    return replace(result, frame=replace(result.frame, image=image))


def opened(path: Path, run: RunInfo, **options: object) -> BackgroundSink:
    sink = build(Config(str(path), **options))  # type: ignore[arg-type]
    sink.open(run)
    return sink


def picture(path: Path) -> NDArray[np.int64]:
    image = cv2.imread(str(path))
    assert image is not None
    return np.asarray(image, np.int64)


def test_who_stood_most_of_the_time_is_gone(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    """A median alone would show the vehicle: it is there on three frames of four."""
    sink = opened(tmp_path / "b.jpg", run_info)
    box = (20, 30, 60, 70)
    for index in range(300):
        there = index < 225
        tracks = [make_track(1, box=box)] if there else []
        sink.write(with_vehicle(make_result(index, *tracks), box if there else None, road()))
    sink.close(True)
    assert np.abs(picture(tmp_path / "b.jpg") - road()).max() < 60
    assert np.abs(picture(tmp_path / "b.jpg") - road()).mean() < 3
    assert [path.name for path in tmp_path.iterdir()] == ["b.jpg"]


def test_who_was_never_found_but_drove_on_is_gone_too(
    tmp_path: Path, run_info: RunInfo, make_result: Result
) -> None:
    sink = opened(tmp_path / "b.jpg", run_info)
    for index in range(250):
        x = index // 4
        sink.write(with_vehicle(make_result(index), (x, 30, x + 20, 60), road()))
    sink.close(False)
    assert np.abs(picture(tmp_path / "b.jpg") - road()).max() < 60


@pytest.mark.parametrize("blur", [False, True])
def test_who_stands_all_the_time_stays_or_is_hidden(
    blur: bool, tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    sink = opened(tmp_path / "b.jpg", run_info, blur=blur)
    box = (20, 30, 60, 70)
    for index in range(200):
        tracks = [make_track(1, box=box, label=5)] if index % 60 < 55 else []
        sink.write(with_vehicle(make_result(index, *tracks), box, road()))
    sink.close(True)
    image = picture(tmp_path / "b.jpg")
    stripes = np.abs(np.diff(image[35:65, 25:55, 0], axis=1)).mean()
    assert (stripes < 10) if blur else (stripes > 40)
    assert np.abs(image - road())[:, 76:].mean() < 3


def test_with_blur_a_road_that_got_free_is_not_hidden(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    sink = opened(tmp_path / "b.jpg", run_info, blur=True)
    for index in range(300):
        x = index // 6
        box = (x, 30, x + 30, 60)
        sink.write(with_vehicle(make_result(index, make_track(1, box=box)), box, road()))
    sink.close(True)
    assert np.abs(picture(tmp_path / "b.jpg") - road()).mean() < 3


def test_the_longer_shot_counts(tmp_path: Path, run_info: RunInfo, make_result: Result) -> None:
    sink = opened(tmp_path / "b.jpg", run_info)
    greys = [50] * 20 + [150] * 60 + [220] * 30
    for index, grey in enumerate(greys):
        result = make_result(index, grey=grey)
        cut = index in (20, 80)
        sink.write(replace(result, frame=replace(result.frame, cut=cut)))
    sink.close(True)
    assert abs(picture(tmp_path / "b.jpg").mean() - 150) < 2


def test_another_size_begins_anew(tmp_path: Path, run_info: RunInfo, make_result: Result) -> None:
    sink = opened(tmp_path / "b.jpg", run_info)
    for index in range(60):
        sink.write(make_result(index, size=(64, 48) if index < 20 else (67, 131)))
    sink.close(True)
    assert picture(tmp_path / "b.jpg").shape == (131, 67, 3)


def test_samples_are_spread_over_a_run_of_any_length(
    tmp_path: Path, run_info: RunInfo, make_result: Result
) -> None:
    sink = opened(tmp_path / "b.jpg", run_info)
    for index in range(2000):
        sink.write(make_result(index, time_s=index / 4, grey=round(index / 2000 * 250), size=(16, 16)))
    assert sink._shot is not None
    greys = [float(sample.image().mean()) for sample in sink._shot.samples]
    assert 12 <= len(greys) <= 25
    steps = np.diff(greys)
    assert steps.max() < 1.5 * steps.min() + 4
    assert greys[0] < 5
    assert greys[-1] > 220


def test_no_frames_no_picture(tmp_path: Path, run_info: RunInfo) -> None:
    sink = opened(tmp_path / "b.jpg", run_info)
    sink.close(True)
    sink.close(True)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, run_info: RunInfo, make_result: Result, small_disk: Callable[[int], None]
) -> None:
    sink = opened(tmp_path / "b.jpg", run_info)
    sink.write(make_result(0))
    small_disk(50)
    with pytest.raises(SinkError, match=r"cannot write .*b\.jpg: File too large"):
        sink.close(True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [1, 2, 3, 7, 8, 25])
def test_the_median_is_the_sorted_middle(number: int) -> None:
    rng = np.random.default_rng(number)
    greys = rng.integers(0, 256, number)
    samples = [Sample.of(np.full((70, 9, 3), grey, np.uint8), [], ()) for grey in greys]
    expected = np.sort(greys)[(number - 1) // 2]
    assert np.abs(empty_road(samples).astype(int) - expected).max() <= 1

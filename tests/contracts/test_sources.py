"""What every source promises, whatever it reads; a new file in ``tracker/sources`` must be added here."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from detectors.frame import Frame
from detectors.registry import Registry
from tracker.errors import SourceError
from tracker.protocols import FrameSource
from tracker.types import SourceInfo

FRAMES = 40
SIZE = (64, 96)


def pictures() -> list[np.ndarray]:
    """Draw a square that moves over a soft background."""
    background = cv2.resize(np.random.default_rng(0).integers(60, 200, (4, 6, 3), dtype=np.uint8), SIZE[::-1])
    drawn = []
    for i in range(FRAMES):
        image = background.copy()
        image[20:32, 2 * i : 2 * i + 12] = 255
        drawn.append(image)
    return drawn


def a_video(folder: Path) -> str:
    path = folder / "road.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.height, stream.width = SIZE
        for image in pictures():
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        file.mux(stream.encode(None))
    return str(path)


def a_folder(folder: Path) -> str:
    for i, image in enumerate(pictures()):
        cv2.imwrite(str(folder / f"{i}.png"), image)
    return str(folder)


# name of the component: its option, what to give it, whether two passes give the same times
KINDS: dict[str, tuple[str, Callable[[Path], str], bool]] = {
    "camera": ("device", a_video, False),
    "images": ("path", a_folder, True),
    "video": ("path", a_video, True),
}
REGISTRY = Registry("tracker.sources", "source")


def same(one: Sequence[Frame], two: Sequence[Frame]) -> bool:
    pairs = zip(one, two, strict=True)
    return all(a.index == b.index and np.array_equal(a.image, b.image) for a, b in pairs)


def readers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "read-ahead"]


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def source(kind: str, tmp_path: Path) -> Any:
    option, make, _ = KINDS[kind]
    module = REGISTRY.load(kind)
    return module.build(module.Config(**{option: make(tmp_path)}))


def test_every_source_is_covered_here():
    assert set(REGISTRY.names()) == set(KINDS)


def test_it_is_a_frame_source(source):
    with source:  # Python 3.11 reads every property for this, and info is there only once entered
        assert isinstance(source, FrameSource)


def test_info_is_there_once_entered(source):
    with pytest.raises(SourceError):
        _ = source.info
    with source as entered:
        assert entered is source
        assert isinstance(source.info, SourceInfo)
        assert (source.info.height, source.info.width) == SIZE
        assert source.info.name


def test_frames_are_in_order_and_as_described(source):
    with source:
        frames = list(source)
        info = source.info
    assert len(frames) == FRAMES
    assert frames[0].time_s == 0.0
    assert not frames[0].cut
    for frame in frames:
        assert frame.image.shape == (info.height, info.width, 3)
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert frame.gap_s >= 0
    for one, two in itertools.pairwise(frames):
        assert two.index > one.index
        assert two.time_s >= one.time_s
    assert np.abs(frames[5].image.astype(int) - pictures()[5]).mean() < 6


def test_warnings_are_a_sequence(source):
    with source:
        assert list(source.warnings) == []
        list(source)
        assert isinstance(source.warnings, Sequence)
        assert list(source.warnings) == []


def test_entered_again_it_starts_anew(source, kind):
    with source:
        one = list(source)
    with source:
        two = list(source)
    assert same(one, two)
    if KINDS[kind][2]:
        assert [f.time_s for f in one] == [f.time_s for f in two]


def test_frames_handed_out_are_never_written_again(source):
    with source:
        frames = [(frame, frame.image.copy()) for frame in source]
    assert all(np.array_equal(frame.image, copy) for frame, copy in frames)


def test_leaving_early_ends_the_reader(source):
    with source:
        for frame in source:
            if frame.index == 3:
                break
        assert readers()
    assert not readers()
    with source:  # left before the first frame
        pass
    with source:  # the iterator outlives the source
        frames = iter(source)
        next(frames)
    assert len(list(frames)) < FRAMES
    assert not readers()


def test_an_error_in_the_loop_ends_the_reader(source):
    def broken() -> None:
        with source:
            for _ in source:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert not readers()


def test_it_can_be_read_only_once_and_only_inside_with(source):
    with pytest.raises(SourceError, match="not open"):
        iter(source)
    with source:
        list(source)
        with pytest.raises(SourceError, match="only once"):
            iter(source)
    with pytest.raises(SourceError, match="not open"):
        iter(source)


def test_nothing_there_is_a_source_error(kind, tmp_path):
    module = REGISTRY.load(kind)
    source = module.build(module.Config(**{KINDS[kind][0]: str(tmp_path / "missing")}))
    with pytest.raises(SourceError, match="missing"), source:
        pass
    assert not readers()

"""Frames of a labelled video as labelled pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.bank.cvat_xml import CvatImage, CvatTask, CvatTrack
from detectors.bank.keyframes import Keyframe
from detectors.bank.labels import Box, Labelled
from detectors.errors import DataError, UsageError
from tracker.lab.cvat_frames import labelled_frames, split_by_time

BOX = (10.0, 10.0, 30.0, 20.0)
STAYING = CvatTrack("car", (Keyframe(0, BOX),))
PASSING = CvatTrack("bus", (Keyframe(12, BOX), Keyframe(33, BOX, outside=True)))


def task(*tracks: CvatTrack, **more: object) -> CvatTask:
    return CvatTask(**{"labels": ("car", "bus"), "size": (160, 120), "tracks": tracks, **more})  # type: ignore[arg-type]


def numbers(found: list[Labelled]) -> list[int]:
    return [int(one.name.removeprefix("tiny_").removesuffix(".jpg")) for one in found]


def test_one_frame_now_and_then_and_where_objects_come_or_go(tmp_path: Path, tiny_video: Path) -> None:
    found = labelled_frames(task(STAYING, PASSING), str(tiny_video), 0.8, tmp_path)
    assert numbers(found) == [0, 12, 32]  # and no 20: 12 was taken 0.32 s before
    assert all(one.path.parent == tmp_path and one.path.is_file() for one in found)
    assert [len(one.boxes) for one in found] == [1, 2, 2]
    # 12 is too near to 10
    assert numbers(labelled_frames(task(PASSING), str(tiny_video), 0.4, tmp_path)) == [0, 10, 20, 30, 40]


def test_only_frames_of_the_task(tmp_path: Path, tiny_video: Path) -> None:
    part = task(STAYING, frames=range(5, 30, 6))
    assert numbers(labelled_frames(part, str(tiny_video), 0.2, tmp_path)) == [5, 11, 17, 23, 29]
    images = (
        CvatImage("frame_000007", (160, 120), (("bus", BOX, False),)),
        CvatImage("frame_000040", None, ()),
    )
    found = labelled_frames(task(images=images), str(tiny_video), 0.04, tmp_path)
    assert numbers(found) == [7, 40]
    assert [one.boxes for one in found] == [(Box("bus", BOX),), ()]


@pytest.mark.parametrize(
    ("tracks", "more", "words"),
    [
        ((CvatTrack("car", (Keyframe(50, BOX),)),), {}, "frame 50 is labelled, but .* has 50 frames"),
        ((STAYING,), {"size": (640, 360)}, "the labels are for 640x360 pixels, .* has 160x120"),
        ((STAYING,), {"frames": range(60, 70)}, "has none of the task's frames"),
        (
            (),
            {"images": (CvatImage("day/a.jpg", None, ()),)},
            r"the picture day/a\.jpg is no frame of a video",
        ),
        ((), {"images": (CvatImage("frame_000099", None, ()),)}, "frame 99 is labelled"),
    ],
)
def test_labels_of_another_video(
    tmp_path: Path, tiny_video: Path, tracks: tuple[CvatTrack, ...], more: dict[str, object], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        labelled_frames(task(*tracks, **more), str(tiny_video), 1.0, tmp_path)


def test_wrong_requests(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--every is a time in seconds"):
        labelled_frames(task(STAYING), "road.mp4", 0.0, tmp_path)
    with pytest.raises(UsageError, match="rtsp://camera is live"):
        labelled_frames(task(STAYING), "rtsp://camera", 1.0, tmp_path)


def test_the_last_part_is_for_validation(tmp_path: Path) -> None:
    frames = [Labelled(tmp_path / f"{n}.jpg", f"{n}.jpg", ()) for n in range(10)]
    assert [one.split for one in split_by_time(frames, 0.2)] == ["train"] * 8 + ["val"] * 2
    assert {one.split for one in split_by_time(frames, 0.0)} == {"train"}
    with pytest.raises(UsageError, match="--val must lie in"):
        split_by_time(frames, 1.0)

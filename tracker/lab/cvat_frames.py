"""Frames of a video that was labelled in CVAT, as labelled pictures: some, not 25 alike a second."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from detectors.bank.cvat import image_boxes, labels_at
from detectors.bank.cvat_xml import CvatTask
from detectors.bank.keyframes import visible_spans
from detectors.bank.labels import Labelled
from detectors.errors import DataError, UsageError
from detectors.frame import Frame
from tracker.lab.reading import open_recording, write_jpeg
from tracker.types import SourceInfo

#: Where an object comes or goes, a frame is taken this share of the usual time behind the last one.
CHANGE_SHARE = 0.25
_ROUNDING_S = 5e-4


def labelled_frames(
    task: CvatTask, video: str, every_s: float, folder: Path, each: Callable[[int], None] = lambda index: None
) -> list[Labelled]:
    """Return frames of a video with what a task says of them, in their order.

    Args:
        task: of CVAT's, of either kind.
        video: that was labelled.
        every_s: so much time lies between two frames; less where an object comes or goes.
        folder: to write the frames into.
        each: told the index of every frame that is read.

    Raises:
        DataError: the task is of another video, or has no frame of it.
        UsageError: ``every_s`` is no time, or the video is live.
        SourceError: the video cannot be read.
    """
    if not 0 < every_s < float("inf"):
        raise UsageError(f"--every is a time in seconds, above 0, not {every_s:g}")
    boxes = image_boxes(task)
    labelled: Container[int] = boxes if task.images else task.frames or range(2**62)
    last = max(boxes) if task.images else _last_labelled(task)
    pace = _Pace(every_s, _changes(task))
    found: list[Labelled] = []
    with open_recording(video) as source:
        _check_size(task, source.info, video)
        index = -1
        for frame in source:
            index = frame.index
            each(index)
            if index in labelled and pace.is_due(frame):
                path = folder / f"{Path(video).stem}_{index:06d}.jpg"
                write_jpeg(path, frame.image)
                found.append(Labelled(path, path.name, boxes.get(index, labels_at(task, index))))
    if index < last:
        raise DataError(f"frame {last} is labelled, but {video} has {index + 1} frames: is it another video?")
    if not found:
        raise DataError(f"{video} has none of the task's frames")
    return found


def split_by_time(labelled: Sequence[Labelled], val_share: float) -> list[Labelled]:
    """Return frames of a video with the last of them for validation: neighbours look alike.

    Args:
        labelled: in the order of time.
        val_share: share of the frames, in [0, 1).

    Raises:
        UsageError: it is no share.
    """
    if not 0 <= val_share < 1:
        raise UsageError(f"--val must lie in [0, 1), not {val_share:g}")
    train = len(labelled) - round(len(labelled) * val_share)
    return [replace(one, split="train" if n < train else "val") for n, one in enumerate(labelled)]


@dataclass(slots=True)
class _Pace:
    """Tells which frames are taken."""

    every_s: float
    changes: frozenset[int]
    taken_s: float = float("-inf")

    def is_due(self, frame: Frame) -> bool:
        """Return whether to take a frame, and remember it if so."""
        share = CHANGE_SHARE if frame.index in self.changes else 1.0
        if frame.time_s - self.taken_s + _ROUNDING_S < share * self.every_s:
            return False
        self.taken_s = frame.time_s
        return True


def _changes(task: CvatTask) -> frozenset[int]:
    """Return the first and the last frame of every time that an object is in the picture."""
    spans = [span for track in task.tracks for span in visible_spans(track.keyframes)]
    return frozenset(frame for span in spans for frame in span if frame is not None)


def _last_labelled(task: CvatTask) -> int:
    """Return the last frame that a keyframe shows an object on; 0 where none does."""
    return max((k.frame for track in task.tracks for k in track.keyframes if not k.outside), default=0)


def _check_size(task: CvatTask, info: SourceInfo, video: str) -> None:
    seen = (info.width, info.height)
    sizes = [task.size, *(image.size for image in task.images)]
    other = next((size for size in sizes if size is not None and size != seen), None)
    if other is not None:
        raise DataError(
            f"the labels are for {other[0]}x{other[1]} pixels, {video} has {seen[0]}x{seen[1]}: "
            "is it another video?"
        )

"""Pictures that were labelled in CVAT, or frames of a video that were."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from detectors.bank.cvat_xml import Corners, CvatImage, CvatTask, read_task
from detectors.bank.entries import Entry, agreed
from detectors.bank.keyframes import at_frame
from detectors.bank.labels import Box, Labelled
from detectors.bank.pictures import find_pictures, place, split_named
from detectors.errors import DataError

#: What CVAT calls the frames of a video, which it exports as ``frame_000123.PNG``.
FRAME_NAME = "frame_{:06d}"
_FRAME = re.compile(r"frame_(\d{6,})")


def read_cvat(file: Path, pictures: Path | None = None) -> list[Labelled]:
    """Read the labels of "CVAT for images 1.1" or "CVAT for video 1.1".

    Args:
        file: CVAT's ``annotations.xml``.
        pictures: folder of the pictures, or of those frames of a video that are wanted, named as CVAT exports
            them (``frame_000123.PNG``, of any format); without it, ``images`` beside the file, or the folder
            that it is in.

    Returns:
        Every picture of the file, or every frame of the task of which there is a picture.

    Raises:
        DataError: the file is not CVAT's or is damaged, or a picture is missing, damaged or of another size.
    """
    task = read_task(file)
    beside = [file.parent / "images", file.parent] if pictures is None else [pictures, pictures / "images"]
    folders = [folder for folder in beside if folder.is_dir()]
    if not folders:
        raise DataError(f"{pictures} is no folder with the pictures of {file}")
    if task.images:
        return agreed([_of_image(image, folders, file) for image in task.images])
    entries = _of_frames(task, folders, file)
    if not entries:
        raise DataError(
            f"no frame of {file} in {folders[0]}: they are named {FRAME_NAME.format(0)} and so on"
        )
    return agreed(entries)


def frame_number(name: str) -> int | None:
    """Return the number in the name of a video's frame, such as ``frame_000123``; None where it is none."""
    match = _FRAME.fullmatch(PurePosixPath(name).name.partition(".")[0])
    return int(match[1]) if match else None


def labels_at(task: CvatTask, frame: int) -> tuple[Box, ...]:
    """Return the objects that a task's tracks show on a frame of its video."""
    found = ((track.label, at_frame(track.keyframes, frame)) for track in task.tracks)
    return _boxes([(label, at.xyxy) for label, at in found if at is not None])


def image_boxes(task: CvatTask) -> dict[int, tuple[Box, ...]]:
    """Return the objects of a task's pictures by the numbers of frames that are their names.

    Raises:
        DataError: a picture is not called as CVAT calls a frame.
    """
    found = {}
    for image in task.images:
        number = frame_number(image.name)
        if number is None:
            raise DataError(
                f"the picture {image.name} is no frame of a video ({FRAME_NAME.format(0)}, ...): "
                "give the folder of the pictures"
            )
        found[number] = _boxes([(label, corners) for label, corners, _ in image.boxes])
    return found


def _of_image(image: CvatImage, folders: Sequence[Path], file: Path) -> Entry:
    name = PurePosixPath(image.name)
    if name.is_absolute() or ".." in name.parts:
        raise DataError(f"{file}: the picture {image.name} does not lie in a folder of pictures")
    below = [folder / image.subset for folder in folders if image.subset]
    found = place(
        image.name, [*below, *folders], image.name if frame_number(image.name) is not None else None
    )
    path = found or folders[0] / image.name
    boxes = _boxes([(label, corners) for label, corners, _ in image.boxes])
    split = split_named([image.subset]) if image.subset else None
    named = Labelled(path, name.with_name(path.name).as_posix(), boxes, split)
    return Entry(named, image.size, str(file))


def _of_frames(task: CvatTask, folders: Sequence[Path], file: Path) -> list[Entry]:
    found = {frame_number(path.name): path for path in find_pictures(folders[0])}
    frames = sorted(n for n in found if n is not None and (task.frames is None or n in task.frames))
    return [
        Entry(Labelled(found[n], found[n].name, labels_at(task, n)), task.size, str(file)) for n in frames
    ]


def _boxes(found: Sequence[tuple[str, Corners]]) -> tuple[Box, ...]:
    return tuple(Box(label, xyxy) for label, xyxy in found if xyxy[2] > xyxy[0] and xyxy[3] > xyxy[1])

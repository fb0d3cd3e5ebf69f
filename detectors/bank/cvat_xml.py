"""CVAT's own XML, version 1.1, read: "for images" and "for video".

Read is what CVAT's import reads of it: of a track the keyframes alone, since what lies between them follows
from them. The frames of a track, and the numbers in names such as ``frame_000123``, are those of the video
file, also where a task leaves some out.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from detectors.bank.keyframes import Keyframe
from detectors.errors import DataError

Corners = tuple[float, float, float, float]
#: Shapes of which no box is known, and that CVAT can draw.
_OTHER_SHAPES = ("ellipse", "polyline", "points", "cuboid", "mask", "skeleton")
_NO_BOX = "of which no box is read: make it a rectangle in CVAT, or remove it"


@dataclass(frozen=True, slots=True)
class CvatTrack:
    """One object of a video.

    Attributes:
        label: name of its class.
        keyframes: sorted by frame, at least one.
    """

    label: str
    keyframes: tuple[Keyframe, ...]


@dataclass(frozen=True, slots=True)
class CvatImage:
    """One picture.

    Attributes:
        name: of the file, with folders; frames of a video have no suffix.
        size: width and height in pixels; None where the file does not say it.
        boxes: label, corners in pixels, and whether it is hidden.
        subset: such as "Train"; None where the file says none.
    """

    name: str
    size: tuple[int, int] | None
    boxes: tuple[tuple[str, Corners, bool], ...]
    subset: str | None = None


@dataclass(frozen=True, slots=True)
class CvatTask:
    """What one file of CVAT's says.

    Attributes:
        labels: names of the classes that can be given.
        source: name of the video; "" where the file says none.
        size: of the video's frames, width and height in pixels; None where the file does not say it.
        frames: of the video, that the task has; None where the file does not say it.
        tracks: objects of a video.
        images: pictures, where it is of the kind "for images".
    """

    labels: tuple[str, ...]
    source: str = ""
    size: tuple[int, int] | None = None
    frames: range | None = None
    tracks: tuple[CvatTrack, ...] = ()
    images: tuple[CvatImage, ...] = ()


@dataclass(slots=True)
class _Reading:
    file: Path
    meta: ET.Element | None = None
    tracks: list[CvatTrack] = field(default_factory=list)
    images: list[CvatImage] = field(default_factory=list)


def is_cvat(file: Path) -> bool:
    """Whether an XML file looks like CVAT's: those of other tools have another root."""
    try:
        with file.open("rb") as stream:
            return bool(next(element.tag for _, element in ET.iterparse(stream, ["start"])) == "annotations")
    except (OSError, ET.ParseError, StopIteration):
        return False


def read_task(file: Path) -> CvatTask:
    """Read one of CVAT's XML files.

    Raises:
        DataError: it cannot be read, is not CVAT's, is damaged, or has what has no box.
    """
    reading = _Reading(file)
    take: dict[str, Callable[[ET.Element], None]] = {
        "meta": lambda element: setattr(reading, "meta", element),
        "track": lambda element: reading.tracks.append(_track(element, len(reading.tracks))),
        "image": lambda element: reading.images.append(_image(element)),
    }
    try:
        with file.open("rb") as stream:
            _check_head(file, stream)
            for element in _ends(file, stream):
                if element.tag in take:
                    take[element.tag](element)
                    if element.tag != "meta":
                        element.clear()  # an export of a long video has millions of boxes
        return _task(reading)
    except ET.ParseError as exc:
        raise DataError(f"{file} is not CVAT's XML, or is damaged: {exc}") from exc
    except OSError as exc:
        raise DataError(f"cannot read {file}: {exc.strerror}") from exc
    except KeyError as exc:
        raise DataError(f"{file}: something lacks its {exc}: it is damaged, or not CVAT's XML 1.1") from exc
    except ValueError as exc:
        raise DataError(f"{file}: {exc}") from exc


def _check_head(file: Path, stream: BinaryIO) -> None:
    if stream.read(4) == b"PK\x03\x04":
        raise DataError(f"{file} is a ZIP: unpack it, and name the annotations.xml in it")
    stream.seek(0)


def _ends(file: Path, stream: BinaryIO) -> Iterator[ET.Element]:
    """Yield every element that is complete, if the first one is CVAT's."""
    events = ET.iterparse(stream, events=("start", "end"))
    root = next(events)[1]
    if root.tag != "annotations":
        raise DataError(f"{file} is not CVAT's XML: it begins with <{root.tag}>, CVAT's with <annotations>")
    yield from (element for event, element in events if event == "end")


def _task(reading: _Reading) -> CvatTask:
    meta = reading.meta
    if meta is None:
        raise DataError(f"{reading.file} is not CVAT's XML 1.1: it has no <meta>")
    if reading.tracks and reading.images:
        raise DataError(f"{reading.file} has both pictures and tracks: export one format of CVAT's")
    if reading.tracks and len(meta.findall("project/tasks/task")) > 1:
        raise DataError(f"{reading.file} is a project of several videos: export its tasks one by one")
    labels = tuple(dict.fromkeys(name.text or "" for name in meta.iterfind(".//labels/label/name")))
    _check_labels(reading, labels)
    size = meta.find(".//original_size")
    return CvatTask(
        labels=labels,
        source=meta.findtext(".//source") or "",
        size=None if size is None else (int(size.findtext("width", "")), int(size.findtext("height", ""))),
        frames=_frames(meta),
        tracks=tuple(reading.tracks),
        images=tuple(reading.images),
    )


def _check_labels(reading: _Reading, labels: Sequence[str]) -> None:
    if not labels:
        raise DataError(f"{reading.file}: its <meta> lists no labels")
    used = [track.label for track in reading.tracks]
    used += [label for image in reading.images for label, *_ in image.boxes]
    unknown = next((label for label in used if label not in set(labels)), None)
    if unknown is not None:
        raise DataError(
            f"{reading.file}: the label '{unknown}' is not in its list of labels ({', '.join(labels)})"
        )


def _frames(meta: ET.Element) -> range | None:
    start, stop = meta.findtext(".//start_frame"), meta.findtext(".//stop_frame")
    if not start or not stop:
        return None
    step = (meta.findtext(".//frame_filter") or "").replace(" ", "").removeprefix("step=")
    return range(int(start), int(stop) + 1, int(step or 1))


def _track(element: ET.Element, number: int) -> CvatTrack:
    name = f"track {element.get('id', number)}"
    shapes = [shape for shape in element if shape.tag in ("box", "polygon", *_OTHER_SHAPES)]
    # of polygons all are taken: how CVAT goes from one to the next is no straight line
    wanted = [shape for shape in shapes if shape.tag != "box" or shape.get("keyframe", "1") == "1"]
    keyframes = {int(shape.attrib["frame"]): _keyframe(shape, name) for shape in wanted}
    if not keyframes:
        raise ValueError(f"{name} has no keyframe")
    if min(keyframes) < 0:
        raise ValueError(f"{name} has the frame {min(keyframes)}")
    return CvatTrack(element.attrib["label"], tuple(keyframes[frame] for frame in sorted(keyframes)))


def _keyframe(shape: ET.Element, where: str) -> Keyframe:
    frame, corners = int(shape.attrib["frame"]), _corners(shape, where)
    return Keyframe(frame, corners, _is_on(shape, "outside"), _is_on(shape, "occluded"))


def _image(element: ET.Element) -> CvatImage:
    name, width, height = element.attrib["name"], element.get("width"), element.get("height")
    return CvatImage(
        name=name,
        size=(int(width), int(height)) if width and height else None,
        boxes=tuple(
            (shape.attrib["label"], _corners(shape, name), _is_on(shape, "occluded"))
            for shape in element
            if shape.tag in ("box", "polygon", *_OTHER_SHAPES)
        ),
        subset=element.get("subset"),
    )


def _is_on(shape: ET.Element, name: str) -> bool:
    return shape.get(name, "0") == "1"


def _corners(shape: ET.Element, where: str) -> Corners:
    """Return the upright rectangle around a shape."""
    if shape.tag in _OTHER_SHAPES:
        raise ValueError(f"{where} has a {shape.tag}, {_NO_BOX}")
    if shape.tag == "polygon":
        points = [pair.split(",") for pair in shape.attrib["points"].split(";")]
        xs, ys = [float(x) for x, _ in points], [float(y) for _, y in points]
        corners = (min(xs), min(ys), max(xs), max(ys))
    else:
        x1, y1, x2, y2 = (float(shape.attrib[name]) for name in ("xtl", "ytl", "xbr", "ybr"))
        corners = _around((x1, y1, x2, y2), math.radians(float(shape.get("rotation", 0))))
    if not all(map(math.isfinite, corners)) or corners[2] < corners[0] or corners[3] < corners[1]:
        raise ValueError(f"{where} has a box that is none: {corners}")
    return corners


def _around(box: Corners, angle: float) -> Corners:
    """Return the upright rectangle around one that is turned about its middle by ``angle`` (radians)."""
    if not angle:
        return box
    x, y, width, height = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    half_x, half_y = (width * cos + height * sin) / 2, (width * sin + height * cos) / 2
    return (x - half_x, y - half_y, x + half_x, y + half_y)

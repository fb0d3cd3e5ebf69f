"""A labelled picture on its way into a set, whatever format it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Box:
    """One labelled object.

    Attributes:
        label: name of its class.
        xyxy: corners in pixels of the picture.
        ignore: neither a hit nor a false alarm here: a crowd, "difficult", "DontCare".
    """

    label: str
    xyxy: tuple[float, float, float, float]
    ignore: bool = False


@dataclass(frozen=True, slots=True)
class Labelled:
    """One picture with its objects.

    Attributes:
        path: of the picture file.
        name: of the picture in its set, unique there, such as ``day1/000017.jpg``.
        boxes: its objects; none where it was looked at and is empty.
        split: the split that the format says, such as "val"; None where it says none.
    """

    path: Path
    name: str
    boxes: tuple[Box, ...]
    split: str | None = None

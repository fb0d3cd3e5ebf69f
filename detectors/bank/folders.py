"""A folder for each class, as for ImageNet: what a classifier learns from."""

from __future__ import annotations

from pathlib import Path

from detectors.bank.entries import Entry, agreed
from detectors.bank.labels import Box, Labelled
from detectors.bank.pictures import Look, find_pictures, look_all, split_named
from detectors.errors import DataError


def read_folders(path: Path, pictures: Path | None) -> list[Labelled]:
    """Read ``CLASS/*.jpg`` or ``train/CLASS/*.jpg``: each picture gets one box that covers all of it.

    Args:
        path: of the folder above.
        pictures: has no meaning here.

    Raises:
        DataError: a picture lies in no class folder or is damaged, or there is none.
    """
    if pictures is not None:
        raise DataError("class folders hold their pictures themselves: leave --pictures out")
    return agreed(entries(path))


def entries(path: Path) -> list[Entry]:
    """Return what the folders say; a picture that is damaged has no box.

    Raises:
        DataError: a picture lies in no class folder, or there is none.
    """
    files = find_pictures(path)
    if not files:
        raise DataError(f"no picture in or below {path}")
    found = []
    for file, seen in zip(files, look_all(files), strict=True):
        parts = file.relative_to(path).parts
        split = split_named(parts[:1]) if len(parts) > 1 else None
        inside = parts[1:] if split else parts
        if len(inside) < 2:
            raise DataError(f"{file} lies in no class folder, such as {path / 'car'}")
        boxes = (Box(inside[0], (0.0, 0.0, *map(float, seen.size))),) if isinstance(seen, Look) else ()  # type: ignore[arg-type]
        found.append(Entry(Labelled(file, "/".join(parts), boxes, split), None, str(path)))
    return found

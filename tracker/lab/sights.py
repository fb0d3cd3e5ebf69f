"""What the tracks of a run look like: a few sights of each, cut out, as vectors; kept beside the run."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.classifiers.looks import Looks, looks_of
from detectors.classifiers.models import Built
from detectors.opencv import load_cv2
from tracker.errors import ResultError, SinkError
from tracker.lab.reading import open_recording
from tracker.lab.run_rows import DETECTED, RunRows
from tracker.track_rows import Piece

#: Beside a run's tracks; it holds small pictures of people and vehicles, and goes with its other pictures.
INDEX = "lookalikes.npz"
#: Sights of a track, spread over its time: it turns, and light changes.
SIGHTS = 3
#: What is smaller shows too little; a track that never is larger has its largest box.
_SMALLEST_PX = 16
_THUMB = (128, 128)
_QUALITY = 85
_BATCH = 32

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Sights:
    """Sights of the tracks of a run.

    Attributes:
        ids: int64 (N,) of the tracks.
        frames: int64 (N,), 0-based.
        times_s: float64 (N,) of these.
        labels: names of the tracks' classes, N.
        looks: what they look like.
        thumbs: JPEG of each, at most 128 pixels wide and high.
    """

    ids: NDArray[np.int64]
    frames: NDArray[np.int64]
    times_s: NDArray[np.float64]
    labels: tuple[str, ...]
    looks: Looks
    thumbs: tuple[bytes, ...]


def sights_of(run: RunRows, built: Built, digest: str, told: Progress = lambda index: None) -> Sights:
    """Return the sights of a run: from the file beside it, or from its video, and then that file is written.

    Args:
        run: whose.
        built: network whose features are taken.
        digest: of its weights: sights of other ones are not taken.
        told: the frame in hand.

    Raises:
        ResultError: the video is another one.
        SourceError: the video cannot be read.
        UsageError: it was a camera.
    """
    file = run.folder / INDEX
    key = _key(run, digest)
    known = _read(file, key)
    if known is not None:
        return known
    made = _made(run, built, told)
    _write(file, key, made)
    return made


def _key(run: RunRows, digest: str) -> str:
    rows = hashlib.sha256(run.rows.tobytes()).hexdigest()[:16]
    return f"1 {digest} {rows}"


def _chosen(run: RunRows) -> dict[int, list[tuple[Piece, NDArray[np.float64]]]]:
    """Return by frame the rows and boxes that are to be cut out: of each part of a track the largest."""
    found: dict[int, list[tuple[Piece, NDArray[np.float64]]]] = {}
    for track in run.of_track():
        seen = track[track["origin"] == DETECTED]
        rows = seen if len(seen) else track
        boxes = run.boxes(rows)
        width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        # what the border cuts shows a part of it
        inside = (boxes[:, :2] > 1).all(1) & (boxes[:, 2:] < np.array(run.size) - 1).all(1)
        worth = width * height * np.where(inside, 1.0, 0.3)
        parts = np.array_split(np.arange(len(rows)), min(SIGHTS, len(rows)))
        best = [int(part[worth[part].argmax()]) for part in parts]
        large = [row for row in best if min(width[row], height[row]) >= _SMALLEST_PX]
        for row in large or [int(worth.argmax())]:
            if min(width[row], height[row]) >= 1:
                found.setdefault(int(rows["frame"][row]), []).append((rows[row], boxes[row]))
    return found


def _made(run: RunRows, built: Built, told: Progress) -> Sights:
    chosen = _chosen(run)
    rows: list[tuple[int, int, float, str]] = []
    parts, crops, thumbs = [], [], []
    for row, time_s, crop in _crops(run, chosen, told):
        rows.append((int(row["track_id"]), int(row["frame"]), time_s, run.names[int(row["class"])]))
        crops.append(crop)
        thumbs.append(_thumb(crop))
        if len(crops) == _BATCH:  # a video of hours has more than memory
            parts.append(looks_of(crops, built))
            crops = []
    if crops:
        parts.append(looks_of(crops, built))
    if not rows:
        raise ResultError(f"{run.folder} has no box that could be cut out of {run.video}")
    ids, frames, times, labels = zip(*rows, strict=True)
    colours, features = (
        np.concatenate([getattr(part, n) for part in parts]) for n in ("colours", "features")
    )
    # to the digits that are kept: the second answer is to be the first
    looks = Looks(colours.astype(np.float16).astype(np.float32), features)
    return Sights(np.array(ids), np.array(frames), np.array(times), labels, looks, tuple(thumbs))


def _crops(
    run: RunRows, chosen: dict[int, list[tuple[Piece, NDArray[np.float64]]]], told: Progress
) -> Iterator[tuple[Piece, float, NDArray[np.uint8]]]:
    last = max(chosen, default=-1)
    with open_recording(run.video) as source:
        if (source.info.width, source.info.height) != run.size:
            raise ResultError(f"{run.video} is not the video of {run.folder}: it has another size")
        for frame in source:
            told(frame.index)
            for row, box in chosen.pop(frame.index, ()):
                left, top = np.floor(box[:2]).astype(int)
                right, bottom = np.ceil(box[2:]).astype(int)
                crop = np.ascontiguousarray(frame.image[top:bottom, left:right])
                yield row, frame.time_s, crop
            if frame.index >= last:
                break
    if chosen:
        raise ResultError(f"{run.video} is not the video of {run.folder}: it has fewer frames")


def _thumb(crop: NDArray[np.uint8]) -> bytes:
    cv2 = load_cv2()
    scale = min(_THUMB[0] / crop.shape[1], _THUMB[1] / crop.shape[0], 1.0)
    size = max(round(crop.shape[1] * scale), 1), max(round(crop.shape[0] * scale), 1)
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes())


def _write(file: Path, key: str, sights: Sights) -> None:
    part = file.with_name(file.name + ".part")
    sizes = np.array([len(thumb) for thumb in sights.thumbs])
    try:
        with part.open("wb") as stream:
            np.savez(
                stream,
                key=np.array(key),
                ids=sights.ids,
                frames=sights.frames,
                times_s=sights.times_s,
                labels=np.array(sights.labels),
                colours=sights.looks.colours.astype(np.float16),
                features=sights.looks.features,
                sizes=sizes,
                thumbs=np.frombuffer(b"".join(sights.thumbs), np.uint8),
            )
        part.replace(file)
    except OSError as exc:
        raise SinkError(f"cannot write {file}: {exc.strerror}") from exc


def _read(file: Path, key: str) -> Sights | None:
    """Return what the file holds; None where it is of other tracks or weights, or damaged."""
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            if str(stored["key"]) != key:
                return None
            ends = np.cumsum(stored["sizes"])
            pictures = stored["thumbs"].tobytes()
            thumbs = [pictures[end - size : end] for size, end in zip(stored["sizes"], ends, strict=True)]
            looks = Looks(stored["colours"].astype(np.float32), stored["features"])
            return Sights(
                stored["ids"],
                stored["frames"],
                stored["times_s"],
                tuple(map(str, stored["labels"])),
                looks,
                tuple(thumbs),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def without(sights: Sights, track_id: int) -> Sights:
    """Return the sights of all tracks but one."""
    return _some(sights, sights.ids != track_id)


def only(sights: Sights, track_id: int) -> Sights:
    """Return the sights of one track.

    Raises:
        ResultError: it has none.
    """
    if not (sights.ids == track_id).any():
        raise ResultError(f"there is no track {track_id} that was ever seen")
    return _some(sights, sights.ids == track_id)


def _some(sights: Sights, chosen: NDArray[np.bool_]) -> Sights:
    rows = np.flatnonzero(chosen)
    return replace(
        sights,
        ids=sights.ids[rows],
        frames=sights.frames[rows],
        times_s=sights.times_s[rows],
        labels=tuple(sights.labels[row] for row in rows),
        looks=Looks(sights.looks.colours[rows], sights.looks.features[rows]),
        thumbs=tuple(sights.thumbs[row] for row in rows),
    )

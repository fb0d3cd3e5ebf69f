"""Tracks that look like a picture, or like another track: in one run or in several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.classifiers.looks import Looks, similarities
from detectors.opencv import load_cv2
from detectors.tiles import contact_sheet
from tracker.lab.sights import Sights

_TILE = (160, 128)
_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Hit:
    """A track that looks alike.

    Attributes:
        run: folder of its run.
        track_id: its number there.
        label: name of its class.
        similarity: of its likest sight, at most 1.
        frame: of that sight, 0-based.
        time_s: of that sight.
        thumb: JPEG of that sight.
    """

    run: Path
    track_id: int
    label: str
    similarity: float
    frame: int
    time_s: float
    thumb: bytes


def find(
    query: Looks, runs: Sequence[tuple[Path, Sights]], count: int, classes: Sequence[str] = ()
) -> list[Hit]:
    """Return the tracks that look most like a query, the likest first.

    Args:
        query: one sight or several of one object.
        runs: folder and sights of each run.
        count: of tracks, at most.
        classes: names of those that are looked for; all without any.
    """
    known = Looks(
        np.concatenate([sights.looks.colours for _, sights in runs]),
        np.concatenate([sights.looks.features for _, sights in runs]),
    )
    like = similarities(query, known).max(0)
    hits: dict[tuple[Path, int], Hit] = {}
    start = 0
    for folder, sights in runs:
        for row in range(len(sights.ids)):
            hit = _hit(folder, sights, row, float(like[start + row]))
            best = hits.get((folder, hit.track_id))
            if (not classes or hit.label in classes) and (best is None or hit.similarity > best.similarity):
                hits[folder, hit.track_id] = hit
        start += len(sights.ids)
    return sorted(hits.values(), key=lambda hit: -hit.similarity)[:count]


def _hit(folder: Path, sights: Sights, row: int, similarity: float) -> Hit:
    return Hit(
        folder,
        int(sights.ids[row]),
        sights.labels[row],
        similarity,
        int(sights.frames[row]),
        float(sights.times_s[row]),
        sights.thumbs[row],
    )


def sheet_of(query: NDArray[np.uint8], hits: Sequence[Hit], title: str) -> NDArray[np.uint8]:
    """Return a contact sheet, uint8 (H, W, 3) BGR: what was asked for, then what was found."""
    cv2 = load_cv2()
    tiles, captions = [_tile(query)], [["asked for", "", ""]]
    for hit in hits:
        image = cv2.imdecode(np.frombuffer(hit.thumb, np.uint8), cv2.IMREAD_COLOR)
        tiles.append(_tile(np.asarray(image, np.uint8)))
        captions.append(
            [f"{hit.label} {hit.track_id}, {hit.similarity:.2f}", f"{hit.time_s:.1f} s", hit.run.name]
        )
    return contact_sheet(tiles, captions, title, _COLUMNS, _TILE)


def _tile(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    cv2 = load_cv2()
    scale = min(_TILE[0] / image.shape[1], _TILE[1] / image.shape[0])
    size = max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    tile = np.full((_TILE[1], _TILE[0], 3), 235, np.uint8)
    left, top = (_TILE[0] - size[0]) // 2, (_TILE[1] - size[1]) // 2
    tile[top : top + size[1], left : left + size[0]] = small
    return tile

"""The tracks of a run as a task of CVAT's, with few keyframes, so that a person has little to correct."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.bank.cvat_xml import Corners, CvatImage, CvatTask, CvatTrack
from detectors.bank.keyframes import Keyframe, thinned
from detectors.errors import UsageError
from tracker.lab.run_rows import PREDICTED, RunRows
from tracker.track_rows import Piece


def tracks_of(run: RunRows, tolerance_px: float, share: float = 0.0) -> CvatTask:
    """Return the tracks of a run between keyframes.

    Where a track was predicted it is ``occluded``.

    Args:
        run: of a video.
        tolerance_px: how far a side of a box may be from the run's.
        share: of the box's size, the root of its area, where that is more.

    Raises:
        UsageError: a limit is negative, or the run's frames cannot be found again.
    """
    if not 0 <= tolerance_px < float("inf"):
        raise UsageError(f"--tolerance is in pixels, 0 at least, not {tolerance_px:g}")
    if not 0 <= share < 1:
        raise UsageError(f"--share is a share of a box's size in [0, 1), not {share:g}")
    if run.live:
        raise UsageError(f"{run.folder} is a run of a live stream: CVAT needs a video file with those frames")
    tracks = [_track(run, rows, tolerance_px, share) for rows in run.of_track()]
    return CvatTask(
        labels=run.names,
        source=Path(run.video).name,
        size=run.size,
        frames=range(run.frames),
        tracks=tuple(track for track in tracks if track is not None),
    )


def _track(run: RunRows, rows: Piece, tolerance_px: float, share: float) -> CvatTrack | None:
    boxes = run.boxes(rows)
    # what is beyond the border has no area
    visible = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
    if not len(visible):
        return None
    every = [
        Keyframe(int(rows["frame"][i]), corners_of(boxes[i]), occluded=bool(rows["origin"][i] == PREDICTED))
        for i in visible
    ]
    keyframes = thinned(every, tolerance_px, run.frames - 1, share)
    return CvatTrack(run.names[rows["class"][0]], tuple(keyframes))


def corners_of(box: NDArray[np.float64]) -> Corners:
    """Return a box, float64 (4,) xyxy, as plain numbers."""
    x1, y1, x2, y2 = box.tolist()
    return (x1, y1, x2, y2)


def frames_of(run: RunRows, frames: Sequence[int], names: Sequence[str]) -> list[CvatImage]:
    """Return single frames of a run as pictures with its boxes.

    Args:
        run: that has them.
        frames: numbers of the frames.
        names: of their files.
    """
    rows = np.concatenate(run.of_track())
    found = []
    for frame, name in zip(frames, names, strict=True):
        here = rows[rows["frame"] == frame]
        boxes = [
            (run.names[row["class"]], corners_of(box), bool(row["origin"] == PREDICTED))
            for row, box in zip(here, run.boxes(here), strict=True)
            if box[2] > box[0] and box[3] > box[1]
        ]
        found.append(CvatImage(name, run.size, tuple(boxes)))
    return found

"""What users would take instead, on detections that are given: roboflow/trackers, and norfair.

norfair 2.3.0 asks for NumPy below 2 but works with it: ``pip install --no-deps norfair filterpy``.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from given import Given, Tracker

ROBOFLOW = {"SORT": "SORTTracker", "ByteTrack": "ByteTrackTracker", "OC-SORT": "OCSORTTracker"}
#: As in its own demonstration with YOLO and boxes: norfair has no defaults of its own for these.
NORFAIR = {"distance_threshold": 0.7, "least_score": 0.25}


def roboflow(name: str, options: dict[str, float]) -> Tracker:
    """Return one of roboflow/trackers, told the frame rate."""
    import supervision as sv
    import trackers

    def run(sequence: Given, path: Path) -> None:
        tracker: Any = getattr(trackers, ROBOFLOW[name])(frame_rate=sequence.rate_fps, **options)
        with path.open("w") as file:
            for index, seen in enumerate(sequence.detections):
                told = sv.Detections(
                    seen.boxes.copy(), confidence=seen.scores.copy(), class_id=seen.labels.copy()
                )
                found = tracker.update(told)
                for (x1, y1, x2, y2), who in zip(found.xyxy.tolist(), found.tracker_id, strict=True):
                    if who >= 0:
                        file.write(f"{index + 1},{who + 1},{x1},{y1},{x2 - x1},{y2 - y1},1\n")

    return run


def has_norfair() -> bool:
    """Return whether norfair is installed."""
    return find_spec("norfair") is not None


def norfair(options: dict[str, float], period: int = 1) -> Tracker:
    """Return norfair, which is shown the detections of every ``period``-th frame and told so."""
    from norfair import Detection
    from norfair import Tracker as Norfair

    chosen = {**NORFAIR, **options}
    least = chosen.pop("least_score")

    def run(sequence: Given, path: Path) -> None:
        tracker = Norfair(distance_function="iou", **chosen)
        with path.open("w") as file:
            for index, seen in enumerate(sequence.detections):
                if index % period:
                    tracked = tracker.update()
                else:
                    kept = seen.select(seen.scores >= least)
                    told = [
                        Detection(box.reshape(2, 2).astype(float), scores=np.repeat(score, 2))
                        for box, score in zip(kept.boxes, kept.scores, strict=True)
                    ]
                    tracked = tracker.update(told, period=period)
                for track in tracked:
                    (x1, y1), (x2, y2) = track.estimate.tolist()
                    file.write(f"{index + 1},{track.id},{x1},{y1},{x2 - x1},{y2 - y1},1\n")

    return run

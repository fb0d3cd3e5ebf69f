"""What every detector that looks at pictures has: checked thresholds, and where its time goes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.detections import Detections
from detectors.frame import Frame
from detectors.runtimes.choice import MOST_THREADS
from detectors.zoo._letterbox import check_input_width, part_of

#: Before, in and behind the network.
STAGES = ("letterbox", "network", "boxes")


def check_settings(score: float | None, nms_iou: float | None, input_width: int | None, threads: int) -> None:
    """Raise ValueError for a threshold that cannot be, an input that is no picture's, or too many threads."""
    if score is not None and not 0 <= score <= 1:
        raise ValueError("score must lie in [0, 1]")
    if nms_iou is not None and not 0 < nms_iou <= 1:
        raise ValueError("nms_iou must lie in (0, 1]")
    check_input_width(input_width)
    if not 0 <= threads <= MOST_THREADS:
        raise ValueError(f"threads must lie in 0..{MOST_THREADS}")


def look_within(
    frame: Frame,
    region: NDArray[np.float32],
    size: tuple[int, int],
    look: Callable[[Sequence[Frame], tuple[int, int]], list[Detections]],
) -> tuple[Detections, NDArray[np.float32] | None]:
    """Look at a part of a frame; see ``detectors.protocol.PartDetector``.

    Args:
        frame: the whole.
        region: float32 (4,) xyxy in pixels.
        size: width and height of the network's input for the whole frame.
        look: takes pictures and the size of the input, returns what is on each.
    """
    part, own = part_of(frame, region, size)
    if own == size:
        return look([frame], size)[0], None
    x1, y1, x2, y2 = part.tolist()
    found = look([Frame(frame.image[y1:y2, x1:x2])], own)[0]
    moved = found.boxes + np.tile(part[:2], 2).astype(np.float32)
    return replace(found, boxes=moved), part.astype(np.float32)


def add_times(stage_s: dict[str, float], times_s: Sequence[float]) -> None:
    """Add a look to the seconds by stage.

    Args:
        stage_s: seconds so far, by ``STAGES``; it is changed.
        times_s: when the look began, and when each stage ended.
    """
    for stage, (began, ended) in zip(STAGES, itertools.pairwise(times_s), strict=True):
        stage_s[stage] += ended - began

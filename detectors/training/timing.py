"""How long a look of new weights takes on this machine."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from detectors.catalog import load_detector
from detectors.dataset import Picture, read_picture
from detectors.frame import Frame
from detectors.opencv import load_cv2

cv2 = load_cv2()

LOOKS = 15
FRAME_SIZE = (640, 360)


def time_a_look(weights: Path, device: str, pictures: Sequence[Picture]) -> dict[str, object]:
    """Return ``ms``, the median time of a look at a frame of 640x360 pixels, and on what it was measured.

    The detector is used as it comes, with its own score threshold. It looks at ``LOOKS`` of the pictures,
    evenly spread, because how many objects are found has its part in the time; what they are is of no
    account, and so they are stretched.

    Returns:
        ``ms``; ``processor``, the name of the processor or, on CUDA, of the card; ``threads`` of torch.

    Raises:
        DataError: a picture cannot be read.
        WeightsError: the weights cannot be read.
    """
    detector = load_detector(str(weights), device=device)
    places = np.linspace(0, len(pictures) - 1, LOOKS).round().astype(int)
    frames = [_frame(pictures[place]) for place in places]
    detector.detect(frames[:1])  # the first look is slower: memory is set aside, kernels are chosen
    times_s = []
    for frame in frames:
        began = time.perf_counter()
        detector.detect([frame])
        times_s.append(time.perf_counter() - began)
    cuda = device != "cpu" and torch.cuda.is_available()
    return {
        "ms": round(1000 * statistics.median(times_s), 1),
        "processor": torch.cuda.get_device_name() if cuda else _processor(),
        "threads": torch.get_num_threads(),
    }


def _frame(picture: Picture) -> Frame:
    image = cv2.resize(read_picture(picture), FRAME_SIZE, interpolation=cv2.INTER_AREA)
    return Frame(np.asarray(image, np.uint8))


def _processor() -> str:
    """Return the processor's name; Linux says it in a file alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())

"""How long a look takes, by detector, runtime and number format.

    python benchmarks/runtimes.py
    python benchmarks/runtimes.py --detector weights/mine.pt --detector ../shared/peers/yolox_nano_coco.onnx

Looks at a frame of the sample in 640x360, all ways in turn in one process, with what stands before and
behind the network. Prints the median of the looks in ms, where the time goes, the ratio to the first row, and
how far the boxes are from those of torch in fp32 (the largest distance of a side, in pixels of the frame, of
the boxes that are there with a score of 0.1 above the threshold). Ways that this machine cannot go are left
out.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import av
import numpy as np
from rich.console import Console
from rich.table import Table

from detectors import DEFAULT_DETECTOR, Detections, Frame, load_detector
from detectors.errors import ProjectError
from detectors.runtimes import processor

SAMPLE = Path(__file__).resolve().parents[1] / "sample_videos" / "road.mp4"
SAMPLE_S = 5.0
WAYS = (
    ("torch", "fp32"),
    ("torch", "bf16"),
    ("onnxruntime", "fp32"),
    ("openvino", "fp32"),
    ("openvino", "bf16"),
)
MARGIN = 0.1


def sample_frame() -> Frame:
    """Return the sample's frame ``SAMPLE_S`` seconds from its start, in 640x360."""
    with av.open(str(SAMPLE)) as video:
        picture = next(frame for frame in video.decode(video=0) if (frame.time or 0) >= SAMPLE_S)
    return Frame(picture.to_ndarray(width=640, height=360, interpolation="AREA", format="bgr24"))


def ways(names: list[str], threads: int) -> dict[tuple[str, str, str], Any]:
    """Return the detectors by name, runtime and number format."""
    found = {}
    for name in names:
        for runtime, precision in WAYS:
            options = {"runtime": runtime, "precision": precision, "threads": threads}
            try:
                found[name, runtime, precision] = load_detector(name, **options)
            except ProjectError as exc:
                Console(stderr=True).print(f"left out: {name} on {runtime} in {precision}: {exc}")
    return found


def apart(answer: Detections, wanted: Detections, score: float) -> float:
    """Return the largest distance in pixels between boxes that must be the same."""
    sure = wanted.select(wanted.scores > score + MARGIN)
    if not len(sure):
        return 0.0
    if not len(answer):
        return float("inf")
    distances = np.abs(answer.boxes[None] - sure.boxes[:, None]).max(2)
    return float(distances.min(1).max())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--detector", action="append", help="name or file; may be given again")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--looks", type=int, default=40)
    args = parser.parse_args()
    frame = sample_frame()
    detectors = ways(args.detector or [DEFAULT_DETECTOR], args.threads)
    answers = {way: detector.detect([frame])[0] for way, detector in detectors.items()}
    times, stages = defaultdict(list), defaultdict(list)
    for _ in range(args.looks):
        for way, detector in detectors.items():
            before, began = dict(detector.stage_s), time.perf_counter()
            detector.detect([frame])
            times[way].append(1000 * (time.perf_counter() - began))
            stages[way].append([1000 * (detector.stage_s[stage] - before[stage]) for stage in before])
    table = Table(title=f"A look at 640x360; {processor.name()}, {args.threads} threads")
    for column in ("detector", "runtime", "", "ms", "before", "network", "behind", "ratio", "px"):
        table.add_column(column, no_wrap=True)
    first = statistics.median(next(iter(times.values())))
    for way, values in times.items():
        ms = statistics.median(values)
        parts = [f"{statistics.median(column):.1f}" for column in zip(*stages[way], strict=True)]
        plain = answers.get((way[0], "torch", "fp32"))
        distance = "" if plain is None else f"{apart(answers[way], plain, detectors[way].score):.2f}"
        table.add_row(*way, f"{ms:.1f}", *parts, f"{ms / first:.2f}", distance)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()

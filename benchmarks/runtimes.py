"""How long a look takes, by detector, runtime and number format.

    python benchmarks/runtimes.py
    python benchmarks/runtimes.py --detector weights/mine.pt --detector mine.onnx

Looks at a frame of the sample in 640x360, all ways in one process, with what stands before and behind the
network (``looking.py``: the median of the fastest block of looks). Prints where the time goes, the ratio to
the first row, and how far the boxes are from those of torch in fp32 (the largest distance of a side, in
pixels of the frame, of the boxes that are there with a score of 0.1 above the threshold). Ways that this
machine cannot go are left out; weights in eight bits stay so, whatever the number format.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from looking import fastest_blocks, sample_frame
from rich.console import Console
from rich.table import Table

from detectors import DEFAULT_DETECTOR, Detections, load_detector
from detectors.errors import ProjectError
from detectors.runtimes import processor

WAYS = (
    ("torch", "fp32"),
    ("torch", "bf16"),
    ("onnxruntime", "fp32"),
    ("openvino", "fp32"),
    ("openvino", "bf16"),
)
MARGIN = 0.1


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
    args = parser.parse_args()
    frame = sample_frame()
    detectors = ways(args.detector or [DEFAULT_DETECTOR], args.threads)
    answers = {way: detector.detect([frame])[0] for way, detector in detectors.items()}
    times = fastest_blocks(detectors, frame)
    table = Table(title=f"A look at 640x360; {processor.name()}, {args.threads} threads")
    for column in ("detector", "runtime", "", "ms", "before", "network", "behind", "ratio", "px"):
        table.add_column(column, no_wrap=True)
    first = next(iter(times.values())).ms
    for way, looks in times.items():
        parts = [f"{ms:.1f}" for ms in looks.stages_ms]
        plain = answers.get((way[0], "torch", "fp32"))
        distance = "" if plain is None else f"{apart(answers[way], plain, detectors[way].score):.2f}"
        table.add_row(*way, f"{looks.ms:.1f}", *parts, f"{looks.ms / first:.2f}", distance)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()

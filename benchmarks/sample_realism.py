"""How real the sample looks: the share of its vehicles that a detector finds which never saw it.

YOLOX-Nano, trained on COCO, reads frames of ``sample_videos/road.mp4``. A vehicle counts as found when a
box of any vehicle class with a score of at least 0.3 overlaps its true box by an IoU of at least 0.5; each
box finds one vehicle. Vehicles: car, bus, truck, motorbike, higher than 30 px, more than half visible.

    python benchmarks/sample_realism.py [--video sample_videos/road.mp4] [--every 5]
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from yolox_nano import MODEL, load_yolox

from detectors import Frame
from detectors.boxes import iou
from detectors.protocol import Detector

HERE = Path(__file__).resolve().parent.parent
#: Which vehicle it is called does not matter here.
VEHICLES_COCO = dict.fromkeys((2, 3, 5, 7), "vehicle")
NAMES = {1: "car", 2: "bus", 3: "truck", 4: "motorbike"}
Boxes = NDArray[np.float32]


def matched(truth: Boxes, found: Boxes) -> NDArray[np.bool_]:
    """Return which true boxes (N,) have a box of their own, best overlaps first."""
    overlap = iou(truth, found)
    hit = np.zeros(len(truth), bool)
    while overlap.size and overlap.max() >= 0.5:
        row, column = np.unravel_index(overlap.argmax(), overlap.shape)
        hit[row] = True
        overlap[row], overlap[:, column] = 0, 0
    return hit


def read_truth(path: Path) -> dict[int, list[tuple[str, list[float]]]]:
    """Return class and box of the vehicles to be found by frame (0-based)."""
    frames: dict[int, list[tuple[str, list[float]]]] = defaultdict(list)
    for frame, _, x, y, w, h, _, label, visibility in np.loadtxt(path, delimiter=","):
        if int(label) in NAMES and h > 30 and visibility > 0.5:
            frames[int(frame) - 1].append((NAMES[int(label)], [x, y, x + w, y + h]))
    return frames


def measure(video: Path, detector: Detector, every: int) -> dict[str, list[bool]]:
    """Return for every vehicle on the frames read whether it was found, by class."""
    truth, hits = read_truth(video.with_suffix(".gt.txt")), defaultdict(list)
    with av.open(str(video)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % every or not truth[number]:
                continue
            found = detector.detect([Frame(frame.to_ndarray(format="bgr24"))])[0].boxes
            names, boxes = zip(*truth[number], strict=True)
            for name, hit in zip(names, matched(np.array(boxes, np.float32), found), strict=True):
                hits[name].append(bool(hit))
    return hits


def main() -> int:
    """Print the share found and the number looked at, over all and by class."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--video", type=Path, default=HERE / "sample_videos" / "road.mp4")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--every", type=int, default=5, help="read every so many frames")
    args = parser.parse_args()
    if not args.model.is_file():
        print(f"skipped: {args.model} is not here; the sample's realism is measured with YOLOX-Nano (COCO)")
        return 0
    detector = load_yolox(VEHICLES_COCO, args.model, score=0.3, nms_iou=0.5)
    hits = measure(args.video, detector, args.every)
    every_one = [hit for group in hits.values() for hit in group]
    print(
        f"found {np.mean(every_one):.3f} of n = {len(every_one)} vehicles higher than 30 px, visibility > 0.5"
    )
    for name, group in hits.items():
        print(f"  {name}: {np.mean(group):.3f} of {len(group)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

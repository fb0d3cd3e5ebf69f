"""Detectors side by side: average precision on real road pictures, and the time of a look.

    python benchmarks/accuracy.py
    python benchmarks/accuracy.py --detector smaller_vgg --detector weights/mine.pt --no-peer
    python benchmarks/accuracy.py --held-out bangkok_cctv --detector weights/trained_without_it.pt

AP50 of any vehicle (car, bus and truck as one class) and the mean of the six classes, on the val split of
three groups of sets: five with traffic cameras and fog, the eight of part one, and all twenty; and of any
vehicle alone in two views from above and in the dark (a mean value of the picture under 60 of 255). A class
is scored on the sets that label it; boxes with a short side under 6 px are left out. The peer is a YOLOX-Nano
trained on COCO at 416 pixels, in ONNX Runtime as it is usually run, and on the default runtime too. Times are
of looks at a frame of the sample in 640x360 with each detector's own score threshold, in the same process,
with what stands before and behind the network (``looking.py``: the median of the fastest block of looks);
beside them their ratio to the first detector's.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from looking import fastest_blocks, sample_frame
from rich.console import Console
from rich.progress import track
from rich.table import Table
from yolox_nano import load_yolox

from detectors import DEFAULT_DETECTOR, Detections, Frame, load_detector
from detectors.dataset import ROAD_USERS, Picture, read_picture, read_sets
from detectors.evaluation import ANY_VEHICLE, evaluate, mean_ap50
from detectors.protocol import Detector
from detectors.runtimes import processor

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "detection"
FIVE = ("highway_cams", "manaus_cams", "atl_cams", "india_junctions", "dawn_fog")
EIGHT = (*FIVE, "dhaka_roads", "nepal_street", "indonesia_street")
ABOVE = ("topdown_madison", "steep_minsk")
DARK = 60
#: Groups whose pictures hold few classes: any vehicle alone is told.
ONE_FIGURE = ("from above", "dark")
LEAST_SCORE = 0.01
NMS_IOU = 0.6


def in_our_order(detections: Detections, class_names: tuple[str, ...]) -> Detections:
    """Return detections whose labels are places in ``ROAD_USERS``; of other classes they are left out."""
    places = np.array([ROAD_USERS.index(name) if name in ROAD_USERS else -1 for name in class_names])
    labels = places[detections.labels].astype(np.int64)
    return replace(detections, labels=labels).select(labels >= 0)


def look_at_all(name: str, detector: Detector, pictures: list[Picture]) -> list[Detections]:
    """Return what the detector sees on every picture, one by one as in use."""
    shown = track(pictures, name, console=Console(stderr=True))
    return [
        in_our_order(detector.detect([Frame(read_picture(picture))])[0], detector.class_names)
        for picture in shown
    ]


def figures(pictures: list[Picture], found: list[Detections], rows: list[int], classes: bool = True) -> str:
    """Return AP50 of any vehicle, and mean AP50 of the classes, on some of the pictures."""
    result = evaluate([pictures[i] for i in rows], [found[i] for i in rows], ROAD_USERS)
    vehicles = f"{result[ANY_VEHICLE].ap50:.3f}"
    return f"{vehicles} / {mean_ap50(result, ROAD_USERS):.3f}" if classes else vehicles


def groups(pictures: list[Picture]) -> dict[str, list[int]]:
    """Return the places of the pictures of each group."""
    every = range(len(pictures))
    by_set = {"five sets": FIVE, "eight sets": EIGHT, "from above": ABOVE}
    found = {name: [i for i in every if pictures[i].set_name in sets] for name, sets in by_set.items()}
    dark = [i for i in every if read_picture(pictures[i]).mean() < DARK]
    return {**found, "dark": dark, "all": list(every)}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--detector", action="append", help="name or weight file; may be given again")
    parser.add_argument("--no-peer", action="store_true", help="without YOLOX-Nano")
    parser.add_argument("--held-out", metavar="SET", help="on the train split of this set alone")
    args = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"skipped: {DATA} is not here")
    if args.held_out:
        pictures = read_sets([DATA / args.held_out], "train")
        parts = {args.held_out: list(range(len(pictures)))}
    else:
        pictures = read_sets([DATA], "val")
        parts = groups(pictures)
    names = args.detector or [DEFAULT_DETECTOR]
    peers = {} if args.no_peer else {"YOLOX-Nano": {"runtime": "onnxruntime"}, "YOLOX-Nano, OpenVINO": {}}
    timed = {name: load_yolox(**options) for name, options in peers.items()}
    timed |= {name: load_detector(name) for name in names}
    times = {name: looks.ms for name, looks in fastest_blocks(timed, sample_frame()).items()}
    detectors = {} if args.no_peer else {"YOLOX-Nano": load_yolox(score=LEAST_SCORE)}
    for name in names:
        detectors[name] = load_detector(name, score=LEAST_SCORE, nms_iou=NMS_IOU, one_class_a_place=False)
    table = Table(
        title=f"AP50 any vehicle / mean of the classes, {len(pictures)} pictures",
        caption=f"time: a look, as ratio and in ms; {processor.name()}, {processor.cores()} cores",
    )
    for column in ("", *(f"{name} ({len(rows)})" for name, rows in parts.items()), "time", "ms"):
        table.add_column(column)
    first = next(iter(times.values()))
    for name, ms in times.items():
        cells = [""] * len(parts)
        if name in detectors:
            found = look_at_all(name, detectors[name], pictures)
            cells = [figures(pictures, found, rows, part not in ONE_FIGURE) for part, rows in parts.items()]
        table.add_row(name, *cells, f"{ms / first:.2f}", f"{ms:.0f}")
    Console(width=130).print(table)


if __name__ == "__main__":
    main()

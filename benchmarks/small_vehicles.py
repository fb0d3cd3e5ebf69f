"""How small a vehicle the detector finds, at several widths of the network's input.

    OMP_NUM_THREADS=1 python benchmarks/small_vehicles.py
    OMP_NUM_THREADS=1 python benchmarks/small_vehicles.py --detector my.pt --widths 512,1280 --only dawn_fog
    python benchmarks/small_vehicles.py --widths 512 --without dhaka_roads

On the val pictures of the sets that label cars. A vehicle (car, bus, truck, or one of unknown class) is found
when a detection of any of the three classes has IoU 0.5 or more with it, one detection for one vehicle, the
surest first. Recall is given by the width of the vehicle's box in the source and at the network. A false
detection is one that found no vehicle and does not lie by half in an ignore region; counted on pictures
whose set labels all three classes. AP50 is ``detectors.evaluation``'s, of any vehicle, from score 0.05 on.
Times are of the processor, as ratios to the first width, all widths picture by picture in the same process.
No picture is wider than 640 pixels: what a source of 1280 pixels would gain is not shown here. The detector
enlarges a picture 1.5 times at most (512 pixels to 768 also where 960 is asked for): --enlarge lifts that.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from detectors import DEFAULT_DETECTOR, Detections, Frame, load_detector
from detectors.boxes import areas, intersections, iou
from detectors.dataset import ROAD_USERS, VEHICLES, Picture, read_sets
from detectors.evaluation import ANY_VEHICLE, evaluate
from detectors.zoo import _letterbox

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "detection"
CLASSES = [ROAD_USERS.index(name) for name in VEHICLES]
UNKNOWN = len(ROAD_USERS)
BINS = ("under 6", "6-10", "10-15", "15-20", "20-30", "30-60", "60+", "all")
EDGES_PX = (6, 10, 15, 20, 30, 60)
LEAST_SCORE = 0.05
#: The second of the scores at which is told what is found; the first is the detector's own.
LOW_SCORE = 0.1


@dataclass(slots=True)
class Tally:
    """What one input width came to.

    Attributes:
        vehicles: of every vehicle its width in source pixels and at the network, and the score that found it
            (0 where none did).
        false: scores of the false detections on fully labelled pictures.
        found: all detections, picture by picture.
        seconds: of the processor.
    """

    vehicles: list[tuple[float, float, float]] = field(default_factory=list)
    false: list[float] = field(default_factory=list)
    found: list[Detections] = field(default_factory=list)
    seconds: float = 0.0


def match(truth: NDArray[np.float32], found: Detections) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the score that found each of the boxes (N, 4), and bool (K,): the detections that found one.

    The surest chooses first: a higher threshold then only takes matches away.
    """
    overlap = iou(found.boxes, truth)
    scores, hit = np.zeros(len(truth), np.float32), np.zeros(len(found), bool)
    for row in np.argsort(-found.scores, kind="stable") if len(truth) else ():
        best = int(overlap[row].argmax())
        if overlap[row, best] >= 0.5:
            scores[best], hit[row] = found.scores[row], True
            overlap[:, best] = 0
    return scores, hit


def add(tally: Tally, picture: Picture, found: Detections, scale: float) -> None:
    """Enter one picture; ``scale`` is from source pixels to the network's."""
    tally.found.append(found)
    truth = picture.boxes[np.isin(picture.labels, [*CLASSES, UNKNOWN])]
    mine = found.select(np.isin(found.labels, CLASSES))
    scores, hit = match(truth, mine)
    widths = truth[:, 2] - truth[:, 0]
    tally.vehicles += zip(widths.tolist(), (widths * scale).tolist(), scores.tolist(), strict=True)
    if picture.annotated[CLASSES].all():
        inside = intersections(mine.boxes, picture.ignore).max(1, initial=0) >= 0.5 * areas(mine.boxes)
        tally.false += mine.scores[~hit & ~inside].tolist()


def measure(pictures: list[Picture], detectors: dict[int, Any]) -> dict[int, Tally]:
    """Show every picture to every detector."""
    tallies = {width: Tally() for width in detectors}
    for picture in track(pictures, "looking"):
        frame = Frame(np.asarray(cv2.imread(str(picture.path)), np.uint8))
        for width, detector in detectors.items():
            began = time.process_time()
            found = detector.detect([frame])[0]
            tallies[width].seconds += time.process_time() - began
            across, down = detector.input_size(frame)
            add(tallies[width], picture, found, min(across / frame.width, down / frame.height))
    return tallies


def recall_cells(widths_px: NDArray[np.float64], found: NDArray[np.bool_]) -> list[str]:
    """Return recall and number in each bin, and of all."""
    bins = np.digitize(widths_px, EDGES_PX)
    inside = [bins == number for number in range(len(BINS) - 1)] + [bins >= 0]
    return [f"{found[own].mean():.2f} ({own.sum()})" if own.any() else "-" for own in inside]


def recall_table(title: str, column: int, tallies: dict[int, Tally], score: float) -> Table:
    """Lay recall out: an input width a row, a bin of the vehicle's width a column."""
    table = Table("input", *BINS, title=title)
    for width, tally in tallies.items():
        rows = np.array(tally.vehicles)
        table.add_row(str(width), *recall_cells(rows[:, column], rows[:, 2] >= score))
    return table


def summary(pictures: list[Picture], tallies: dict[int, Tally], scores: list[float]) -> Table:
    """Lay out false detections a picture, AP50 and the time of a look."""
    full = sum(bool(p.annotated[CLASSES].all()) for p in pictures)
    table = Table("input", *(f"false a picture at {s} ({full})" for s in scores), "AP50", "time")
    first = next(iter(tallies.values())).seconds
    for width, tally in tallies.items():
        false = (f"{np.sum(np.array(tally.false) >= score) / max(full, 1):.2f}" for score in scores)
        ap50 = evaluate(pictures, tally.found, ROAD_USERS)[ANY_VEHICLE].ap50
        table.add_row(str(width), *false, f"{ap50:.3f}", f"{tally.seconds / first:.2f}")
    return table


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--detector", default=DEFAULT_DETECTOR, help="name of released weights, or a .pt file"
    )
    parser.add_argument("--widths", default="512,640,768,960", help="of the network's input")
    parser.add_argument("--only", default="", help="only sets with this in their name")
    parser.add_argument("--without", help="not the set of this name (Dhaka's small vehicles have gaps)")
    parser.add_argument(
        "--enlarge", type=float, default=_letterbox.MAX_ENLARGEMENT, help="at most so many times"
    )
    args = parser.parse_args()
    _letterbox.MAX_ENLARGEMENT = args.enlarge
    if not DATA.is_dir():
        raise SystemExit(f"skipped: {DATA} is not here")
    pictures = [p for p in read_sets([DATA], "val") if p.annotated[0] and args.only in p.set_name]
    pictures = [p for p in pictures if p.set_name != args.without]
    detectors = {}
    for width in map(int, args.widths.split(",")):
        detectors[width] = load_detector(args.detector, input_width=width, score=LEAST_SCORE)
    tallies = measure(pictures, detectors)
    console = Console(width=120)
    scores = [load_detector(args.detector).score, LOW_SCORE]  # type: ignore[attr-defined]
    for score in scores:
        for column, where in enumerate(("in source pixels", "at the network")):
            title = f"recall (vehicles) at score {score}, by width {where}"
            console.print(recall_table(title, column, tallies, score))
    console.print(summary(pictures, tallies, scores))


if __name__ == "__main__":
    main()

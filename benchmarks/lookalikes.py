"""Does ``track find`` find the same object again? On objects whose tracks are known.

    python benchmarks/lookalikes.py
    python benchmarks/lookalikes.py --backbones weights/smaller_vgg_rep_medium.pt --shares 0,0.5,1

Each true track is cut into four parts in time; of each the largest box is one sight. How often, of all other
sights of the sequence, the likest one is of the same object (first number); and of the last sights of all
objects, the likest one to an object's first sight is its own (second number, with what chance would do).
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from mot_sequences import Sequence, open_sequence
from numpy.typing import NDArray

from detectors.classifiers.looks import FEATURE_SHARE, backbone, looks_of, similarities

PARTS, SMALLEST_PX = 4, 16


def sights(sequence: Sequence) -> tuple[list[NDArray[np.uint8]], NDArray[np.int64]]:
    """Return cut-out objects, in the order of their times, and whose they are."""
    known: dict[int, list[tuple[int, NDArray[np.float32]]]] = {}
    for index, boxes in sequence.truth().items():
        for track_id, box in boxes.items():
            if min(box[2] - box[0], box[3] - box[1]) >= SMALLEST_PX:
                known.setdefault(track_id, []).append((index, box))
    wanted: dict[int, list[tuple[int, NDArray[np.float32]]]] = {}
    for track_id, seen in known.items():
        if len(seen) < PARTS * PARTS:
            continue
        seen.sort(key=lambda one: one[0])
        for part in np.array_split(np.arange(len(seen)), PARTS):
            largest = max(part, key=lambda n: float(np.prod(seen[n][1][2:] - seen[n][1][:2])))
            wanted.setdefault(seen[largest][0], []).append((track_id, seen[largest][1]))
    crops, ids = [], []
    for frame in sequence.frames():
        for track_id, box in wanted.get(frame.index, ()):
            left, top, right, bottom = np.clip(box, 0, 10_000).round().astype(int)
            crop = frame.image[top:bottom, left:right]
            if crop.size:
                crops.append(np.ascontiguousarray(crop))
                ids.append(track_id)
    return crops, np.array(ids)


def rates(like: NDArray[np.float32], ids: NDArray[np.int64]) -> tuple[float, float, int]:
    """Return both rates, and the number of objects."""
    others = like.copy()
    np.fill_diagonal(others, -np.inf)
    any_sight = float((ids[others.argmax(1)] == ids).mean())
    places = [np.flatnonzero(ids == one) for one in np.unique(ids)]
    first = np.array([own[0] for own in places if len(own) > 1])
    last = np.array([own[-1] for own in places if len(own) > 1])
    far = like[np.ix_(first, last)].argmax(1) == np.arange(len(first))
    return any_sight, float(far.mean()), len(first)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sequences", default="CDNET-highway,TUD-Stadtmitte,PETS09-S2L1,MOT16-09")
    parser.add_argument("--backbones", default="weights/smaller_vgg_rep_small.pt")
    parser.add_argument(
        "--shares", default=f"0,{FEATURE_SHARE},1", help="of the features, the rest is colours"
    )
    args = parser.parse_args()
    for name in args.sequences.split(","):
        crops, ids = sights(open_sequence(name))
        for path in args.backbones.split(","):
            began = time.process_time()
            looks = looks_of(crops, backbone(path))
            spent_ms = 1000 * (time.process_time() - began) / max(len(crops), 1)
            found = []
            for share in args.shares.split(","):
                near, far, objects = rates(similarities(looks, looks, float(share)), ids)
                found.append(f"{share}: {near:.2f}, {far:.2f}")
            chance = f"{objects} objects, {len(ids)} sights, chance {1 / objects:.2f}"
            print(
                f"{name}  {path}  {'   '.join(found)}   ({chance}; {spent_ms:.0f} ms of CPU a sight)",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""Do embeddings know an object again, and does that bring back the ids of who was hidden?

    python benchmarks/appearance.py
    python benchmarks/appearance.py --hidden 0.7 --sequences TUD-Stadtmitte --parts colours,features,both
    python benchmarks/appearance.py --cost odc_stuttgart     # of a look, on a frame of a clip

The boxes are those of the truth, trembling by 3 % of their sides; the embeddings are those of a detector at
these boxes on the real pictures, every fifth of a second. First: how often, of all on the picture some time
later, the same object is the likest (nobody of whom nearer ones hide more than 0.3). Second: half of the
objects, drawn anew in each of ten rounds, vanish once for some time; afterwards they have their id back, a
new one, or somebody else's.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from mot_sequences import open_sequence
from numpy.typing import NDArray

from detectors import Detections, Frame, load_detector
from detectors.boxes import clip, hidden_shares, iou
from detectors.zoo._appearance import embeddings
from tracker.compose import build_source
from tracker.compose.registries import ASSOCIATORS
from tracker.config import Settings
from tracker.types import Track, TrackState

STEP_S, TREMBLE, ROUNDS, SCORE = 0.2, 0.03, 10, 0.9
#: Seen for this long before and behind, to be hidden at all; and how long after it the id is read.
AROUND_S, AFTER_S = 0.6, 0.6
MOST_HIDDEN = 0.3
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
COST_LOOKS = 30
COLOURS = 384  #: first numbers of an embedding


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What is true on one frame, and what it looks like.

    Attributes:
        frame: with a black picture of the real one's size.
        ids: int (N,).
        boxes: float32 (N, 4).
        embeddings: float32 (N, D).
    """

    frame: Frame
    ids: NDArray[np.int64]
    boxes: NDArray[np.float32]
    embeddings: NDArray[np.float32]


def looks_of(name: str, detector: Any, seed: int = 0) -> list[Look]:
    """Return the looks of a sequence."""
    sequence, rng = open_sequence(name), np.random.default_rng(seed)
    truth, step = sequence.truth(), max(1, round(STEP_S * sequence.rate_fps))
    looks = []
    for frame in sequence.frames():
        here = truth.get(frame.index, {})
        if frame.index % step or not here:
            continue
        boxes = np.array([here[who] for who in sorted(here)], np.float32)
        size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        boxes = clip(boxes + rng.normal(0, TREMBLE, boxes.shape) * size, frame.width, frame.height)
        inside = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) > 2
        batch, places = detector._input.batch([frame], detector.input_size(frame))
        returned = detector._session(batch)
        features = returned[detector._session.output_names.index(detector._features)][0]
        vectors = embeddings(frame.image, boxes[inside], features, detector._stride, places[0])
        black = replace(frame, image=np.zeros_like(frame.image))
        looks.append(Look(black, np.array(sorted(here))[inside], boxes[inside], vectors))
    return looks


def part_of(looks: Sequence[Look], part: str) -> list[Look]:
    """Return the looks with a part of the embeddings alone, of unit length; "none": all look the same."""
    if part == "none":
        same = [np.full_like(look.embeddings, look.embeddings.shape[1] ** -0.5) for look in looks]
        return [replace(look, embeddings=vectors) for look, vectors in zip(looks, same, strict=True)]
    columns = {"colours": slice(COLOURS), "features": slice(COLOURS, None), "both": slice(None)}[part]
    cut = [look.embeddings[:, columns] for look in looks]
    unit = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in cut]
    return [replace(look, embeddings=vectors) for look, vectors in zip(looks, unit, strict=True)]


def likest(looks: Sequence[Look], later_s: float) -> tuple[int, int]:
    """Return how many are the likest of the picture to themselves, and of how many."""
    right = asked = 0
    for look in looks:
        other = min(looks, key=lambda o: abs(o.frame.time_s - look.frame.time_s - later_s))
        if abs(other.frame.time_s - look.frame.time_s - later_s) > STEP_S / 2:
            continue
        clear, there = hidden_shares(look.boxes) <= MOST_HIDDEN, hidden_shares(other.boxes) <= MOST_HIDDEN
        ids = other.ids[there]
        cosines = look.embeddings @ other.embeddings[there].T
        for row in np.flatnonzero(clear & np.isin(look.ids, ids)):
            if len(ids) > 1:
                asked += 1
                right += int(ids[cosines[row].argmax()] == look.ids[row])
    return right, asked


def hidden_times(looks: Sequence[Look], hidden_s: float, rng: np.random.Generator) -> dict[int, float]:
    """Return who vanishes, and when: half of those that are there long enough."""
    times: dict[int, float] = {}
    for who in np.unique(np.concatenate([look.ids for look in looks])).tolist():
        seen = [look.frame.time_s for look in looks if who in look.ids]
        free = seen[-1] - seen[0] - hidden_s - 2 * AROUND_S
        if free >= 0 and rng.random() < 0.5:
            times[who] = seen[0] + AROUND_S + rng.random() * free
    return times


def follow(
    looks: Sequence[Look], times: dict[int, float], hidden_s: float, options: dict[str, float]
) -> Counter:
    """Return what became of those that vanished: "back", "new", "another's", or "unseen"."""
    associator = ASSOCIATORS.build("two_stage", options)
    live: list[Track] = []
    before: dict[int, int] = {}
    after: dict[int, int] = {}
    owners: dict[int, int] = {}
    for look in looks:
        now = look.frame.time_s
        gone = np.array([times.get(w, np.inf) <= now < times.get(w, np.inf) + hidden_s for w in look.ids])
        ids, boxes = look.ids[~gone], look.boxes[~gone]
        number = len(ids)
        seen = Detections(
            boxes, np.full(number, SCORE, np.float32), np.zeros(number, np.int64), look.embeddings[~gone]
        )
        tracks = associator.update(look.frame, live, seen)
        live = [track for track in tracks if track.state is not TrackState.REMOVED]
        shown = [track for track in live if track.state is TrackState.CONFIRMED]
        if not shown or not number:
            continue
        overlap = iou(boxes, np.array([track.box for track in shown], np.float32))
        for who, own in zip(ids.tolist(), overlap, strict=True):
            if own.max() < 0.99:
                continue
            track = shown[int(own.argmax())].id
            start = times.get(who, np.inf)
            if now < start:
                before[who] = track
                owners.setdefault(track, who)
            elif who not in after and now <= start + hidden_s + AFTER_S:
                after[who] = track
    outcomes: Counter[str] = Counter()
    for who in times:
        if who not in before or who not in after:
            outcomes["unseen"] += 1
        elif after[who] == before[who]:
            outcomes["back"] += 1
        else:
            outcomes["another's" if owners.get(after[who], who) != who else "new"] += 1
    return outcomes


def read_frames(video: Path) -> Iterator[Frame]:
    """Yield the frames of a clip."""
    with build_source(Settings(video=str(video))) as source:
        yield from source


def cost(detector: str, clip: str) -> None:
    """Print the CPU time of a look with embeddings beside one without, and at a quarter; all in turn."""
    video = next(path for path in sorted((DATA / "video").iterdir()) if clip in path.name)
    frame = next(islice(read_frames(video), 100, None))
    plain, telling = (load_detector(detector, embeddings=tells) for tells in (False, True))
    size = np.array([frame.width, frame.height], np.float32)
    looks: dict[str, Callable[[], Detections]] = {
        "whole": lambda: plain.detect([frame])[0],
        "whole, embeddings": lambda: telling.detect([frame])[0],
        "a quarter": lambda: plain.detect_within(frame, np.concatenate([size / 4, 3 * size / 4]))[0],
    }
    for look in looks.values():  # compiles
        look()
    times: dict[str, list[float]] = {name: [] for name in looks}
    for _ in range(COST_LOOKS):
        for name, look in looks.items():
            began = time.process_time()
            look()
            times[name].append(time.process_time() - began)
    for name, look in looks.items():
        ratio = np.median(np.array(times[name]) / times["whole"])
        ms = 1000 * np.median(times[name])
        print(f"{name:18s} {ms:6.1f} ms, {ratio:.2f} of the whole, {len(look())} boxes on {video.name}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sequences", default="CDNET-highway,TUD-Stadtmitte,PETS09-S2L1,MOT16-09")
    parser.add_argument("--detector", default="smaller_vgg_rep_medium_int8")
    parser.add_argument("--parts", default="both")
    parser.add_argument("--hidden", default="0.8,1.5", help="seconds")
    parser.add_argument("--appearance", default="0,0.7", help="least cosines; 0 is without")
    parser.add_argument("--missing", default="1,2.5", help="max_missing_s")
    parser.add_argument("--cost", metavar="CLIP", help="see above")
    asked = parser.parse_args()
    if asked.cost:
        cost(asked.detector, asked.cost)
        return
    detector = load_detector(asked.detector, embeddings=True)
    numbers = [
        [float(x) for x in text.split(",")] for text in (asked.hidden, asked.missing, asked.appearance)
    ]
    for name in asked.sequences.split(","):
        whole = looks_of(name, detector)
        for part in asked.parts.split(","):
            looks = part_of(whole, part)
            shares = [(s, *likest(looks, s)) for s in (0.6, 1.0, 2.0)]
            said = ", ".join(f"{s} s {right / max(n, 1):.2f} of {n}" for s, right, n in shares)
            print(f"{name} {part}: likest after {said}", flush=True)
            for hidden_s, missing_s, least in product(*numbers):
                if missing_s + 0.3 < hidden_s and least > 0:
                    continue
                total: Counter[str] = Counter()
                for round_ in range(ROUNDS):
                    times = hidden_times(looks, hidden_s, np.random.default_rng(round_))
                    options = {"max_missing_s": missing_s, "appearance": least}
                    total += follow(looks, times, hidden_s, options)
                known = sum(total.values()) - total["unseen"]
                shown = " ".join(f"{k} {total[k] / max(known, 1):.3f}" for k in ("back", "new", "another's"))
                print(
                    f"  hidden {hidden_s} s, kept {missing_s} s, appearance {least}: {shown} of {known}",
                    flush=True,
                )


if __name__ == "__main__":
    main()

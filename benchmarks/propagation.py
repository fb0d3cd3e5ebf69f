"""How long do propagators keep to the ground truth, when nothing corrects them? And what do they cost?

From every ``--every``-th frame on, all boxes of at least 8 px are followed for two seconds, and compared
where their id has a box one second and two seconds later, also if it had none for a while in between. Before,
the propagator is started on each of them three times, 0.2 s apart and shaken a little, as detections are, so
that it may know the velocity; the last box is exact. In the first 0.4 s of a sequence, or of an object, there
are fewer such looks.

Figures are means over boxes; "both" takes those of both horizons together. An object gives many boxes that
go right and wrong together, so each 95 % interval is a bootstrap that draws whole objects; with ten of them
it is still a little narrow. "more than" is the mean difference of IoU to the propagator named first, on the
same boxes. Times are CPU time of ``step``.

With ``--time``, N objects are followed side by side for 20 frames at several places of a sequence: its own
boxes, and copies a little to the side where it has fewer. The propagators take turns on every frame, and what
a frame costs once (converting the picture, say) is shared out among its objects.

    python benchmarks/propagation.py --propagators dlib,dcf,kalman --every 5
    python benchmarks/propagation.py --propagators dlib --every 12 --set dlib.color=rgb --calibration
    python benchmarks/propagation.py --propagators dlib,dcf --sequences MOT16-09 --time 1,10,50,100

OpenCV's trackers other than MIL are in opencv-contrib-python, which must not be installed beside
opencv-python: they need an environment of their own, with PYTHONPATH set to the repository.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from mot_sequences import Sequence, open_sequence
from numpy.typing import ArrayLike, NDArray

from detectors import Frame
from detectors import boxes as boxlib
from detectors.registry import Registry
from tracker.motion import KalmanBank
from tracker.protocols import Propagator
from tracker.types import Origin, Track, TrackState

SEQUENCES = "CDNET-highway,TUD-Stadtmitte,PETS09-S2L1,MOT16-09"
LEAST_SIDE_PX = 8.0
HORIZONS_S = (1.0, 2.0)
WARM_UP_S = (0.4, 0.2, 0.0)
SHAKE = 0.04  # standard deviation of a side's place in the warm-up, in box sizes
PROPAGATED_NOISE = 2.0
RESAMPLES = 1000
TIMED_FRAMES = 20
TIMED_PLACES = 10
ASIDE = 0.3  # standard deviation of a copy's place around the original, in box sizes
Boxes = dict[int, NDArray[np.float32]]
Truth = dict[int, Boxes]


class Score(NamedTuple):
    """How one box was carried, on one frame.

    Attributes:
        who: sequence and id of the object.
        first: frame at which it was started.
        horizon_s: the one of ``HORIZONS_S`` that this frame is at, or 0.
        iou: with the truth.
        confidence: the propagator's.
    """

    who: str
    first: int
    horizon_s: float
    iou: float
    confidence: float


@dataclass(slots=True)
class Episode:
    """One propagator that follows the boxes of one frame.

    Attributes:
        propagator: carries the tracks.
        motion: knows their velocities, which the propagator is told.
        tracks: as they are now.
        time_s: of the frame that they are on.
    """

    propagator: Propagator
    motion: KalmanBank
    tracks: list[Track]
    time_s: float

    def move_on(self, frame: Frame) -> None:
        """Predict the motion up to ``frame``."""
        self.motion.predict(frame.time_s - self.time_s)
        self.time_s = frame.time_s


class Contest:
    """Some propagators that take turns on every frame of a sequence, each on the same boxes.

    Attributes:
        scores: by propagator; those of all propagators are of the same boxes.
        costs: by propagator and first frame, CPU seconds and the number of times that a track was carried.
    """

    def __init__(self, sequence: Sequence, truth: Truth, propagators: Mapping[str, dict[str, str]]) -> None:
        """Prepare.

        Args:
            sequence: gives the pictures.
            truth: the boxes to follow; they may be others than the sequence's own.
            propagators: their options by name.
        """
        self._sequence, self._truth, self._options = sequence, truth, propagators
        self._last = {track_id: index for index in sorted(truth) for track_id in truth[index]}
        self._horizons = {round(horizon * sequence.rate_fps): horizon for horizon in HORIZONS_S}
        self._rngs = {name: np.random.default_rng(0) for name in propagators}
        self._registry = Registry("tracker.propagation", "propagator")
        self.scores: dict[str, list[Score]] = {name: [] for name in propagators}
        self.costs: dict[str, dict[int, NDArray[np.float64]]] = {name: {} for name in propagators}
        self._episodes: dict[tuple[str, int], Episode] = {}

    def run(self, firsts: Collection[int], frames: int) -> None:
        """Follow all boxes of each of the ``firsts`` for that many frames."""
        back = [round(back_s * self._sequence.rate_fps) for back_s in WARM_UP_S]
        for frame in self._sequence.frames():
            following = [first for first in firsts if first < frame.index <= first + frames]
            to_start = [frame.index + ahead for ahead in back if frame.index + ahead in firsts]
            for name in self._options:
                for first in following:
                    self._advance(name, first, frame)
                for first in to_start:
                    self._show(name, first, frame)
                self._episodes.pop((name, frame.index - frames), None)

    def _show(self, name: str, first: int, frame: Frame) -> None:
        """Show the boxes of ``frame`` as detections; shaken if it is before the first."""
        if (name, first) not in self._episodes:
            propagator = self._registry.build(name, self._options[name])
            self._episodes[name, first] = Episode(propagator, KalmanBank(), [], frame.time_s)
        episode, rng = self._episodes[name, first], self._rngs[name]
        episode.move_on(frame)
        episode.tracks = []
        for track_id, box in self._truth.get(frame.index, {}).items():
            width, height = box[2:] - box[:2]
            if min(width, height) < LEAST_SIDE_PX:
                continue
            spread = SHAKE if frame.index < first else 0.0
            seen = (box + rng.normal(0, spread, 4) * [width, height, width, height]).astype(np.float32)
            correct = episode.motion.update if track_id in episode.motion else episode.motion.start
            correct([track_id], [seen])
            velocity = episode.motion.velocities([track_id])[0]
            episode.tracks.append(new_track(track_id, seen, velocity, frame.time_s))
        episode.propagator.start(frame, episode.tracks)

    def _advance(self, name: str, first: int, frame: Frame) -> None:
        """Carry the tracks on; those that the truth has no more boxes of are dropped."""
        episode = self._episodes[name, first]
        over = {track.id for track in episode.tracks if self._last[track.id] < frame.index}
        tracks = [track for track in episode.tracks if track.id not in over]
        episode.propagator.stop(over)
        if not tracks:
            return
        began = time.process_time()
        carried = episode.propagator.step(frame, tracks)
        cpu_s = time.process_time() - began
        self.costs[name][first] = self.costs[name].get(first, np.zeros(2)) + np.array((cpu_s, len(tracks)))
        ids = [track.id for track in carried]
        episode.move_on(frame)
        episode.motion.update(ids, np.array([t.box for t in carried]), PROPAGATED_NOISE)
        velocities = episode.motion.velocities(ids)
        episode.tracks = [replace(t, velocity=v) for t, v in zip(carried, velocities, strict=True)]
        self._compare(name, first, frame, carried)

    def _compare(self, name: str, first: int, frame: Frame, carried: list[Track]) -> None:
        boxes = self._truth.get(frame.index, {})
        horizon_s = self._horizons.get(frame.index - first, 0.0)
        for track in (track for track in carried if track.id in boxes):
            right = boxlib.clip(boxes[track.id], frame.width, frame.height)
            iou = float(boxlib.iou(track.box, right)[0, 0])
            who = f"{self._sequence.name} {track.id}"
            self.scores[name].append(Score(who, first, horizon_s, iou, track.confidence))


def new_track(track_id: int, box: NDArray[np.float32], velocity: NDArray[np.float32], time_s: float) -> Track:
    """Return a track as it would be after a detection."""
    return Track(
        id=track_id,
        box=box,
        velocity=velocity,
        label=0,
        score=1.0,
        class_scores=np.ones(1, np.float32),
        state=TrackState.CONFIRMED,
        origin=Origin.DETECTED,
        confidence=1.0,
        first_seen_s=time_s,
        last_seen_s=time_s,
        last_detected_s=time_s,
    )


def with_interval(values: ArrayLike, whose: list[str], form: str) -> str:
    """Return the mean of ``values`` and its 95 % interval, when whole objects are drawn with replacement."""
    objects, at = np.unique(whose, return_inverse=True)
    sums, counts = np.bincount(at, np.asarray(values, float)), np.bincount(at)
    drawn = np.random.default_rng(0).integers(len(objects), size=(RESAMPLES, len(objects)))
    low, high = np.quantile(sums[drawn].sum(1) / counts[drawn].sum(1), (0.025, 0.975))
    return f"{sums.sum() / counts.sum():{form}} [{low:{form}}, {high:{form}}]"


def report(name: str, scores: list[Score], first_name: str, first_scores: list[Score]) -> None:
    """Print a line for each horizon and one for both."""
    base = {score[:3]: score.iou for score in first_scores}
    for label, wanted in (*((f"{h:.0f} s", (h,)) for h in HORIZONS_S), ("both", HORIZONS_S)):
        then = [score for score in scores if score.horizon_s in wanted]
        if not then:
            continue
        whose = [score.who for score in then]
        line = f"  {name:12s} {label:4s}  IoU {with_interval([s.iou for s in then], whose, '5.3f')}"
        line += f"  right {with_interval([s.iou >= 0.5 for s in then], whose, '4.0%')}"
        line += f"  n {len(then):5d} of {len(set(whose)):2d} objects"
        if name != first_name:
            more = with_interval([s.iou - base[s[:3]] for s in then], whose, "+.3f")
            line += f"  more than {first_name} {more}"
        print(line, flush=True)


def calibration(label: str, scores: list[Score]) -> None:
    """Print how often a box is right (IoU at least 0.5) by its confidence, at any age up to 2 s."""
    rows = np.array([(score.iou, score.confidence) for score in scores]).reshape(-1, 2)
    cells = []
    for low in np.arange(0, 1, 0.1):
        inside = rows[(rows[:, 1] >= low) & ((rows[:, 1] < low + 0.1) | (low > 0.85))]
        share = f"{(inside[:, 0] >= 0.5).mean():.2f}" if len(inside) > 10 else "  - "
        cells.append(f"{low:.1f}: {share} ({len(inside)})")
    print(f"  {label} right by confidence  {'  '.join(cells)}", flush=True)


def keep_to_truth(sequence: Sequence, propagators: dict[str, dict[str, str]], every: int) -> Contest:
    """Follow the boxes of a sequence, and print how well each propagator does."""
    contest = Contest(sequence, sequence.truth(), propagators)
    contest.run(range(0, sequence.length, every), round(max(HORIZONS_S) * sequence.rate_fps))
    print(f"{sequence.name}, from every {every}. frame on")
    first = next(iter(propagators))
    for name in propagators:
        report(name, contest.scores[name], first, contest.scores[first])
        cpu_s, steps = np.sum(list(contest.costs[name].values()), axis=0)
        each_ms = 1000 * cpu_s / steps
        print(f"  {name:12s} {each_ms:.3f} ms an object and frame", flush=True)
    return contest


def crowd(truth: Truth, first: int, before: int, number: int) -> Truth:
    """Return the boxes of ``number`` objects around the frame ``first``, from ``before`` it until the end."""
    rng, last = np.random.default_rng(first), first + TIMED_FRAMES
    staying = truth.get(first, {}).keys() & truth.get(last, {}).keys()
    wide = [i for i in sorted(staying) if min(truth[first][i][2:] - truth[first][i][:2]) >= LEAST_SIDE_PX]
    ids = rng.permutation(np.array(wide, int)).tolist()
    crowded: Truth = {index: {} for index in range(first - before, last + 1)}
    for copy in range(number if ids else 0):
        original = ids[copy % len(ids)]
        aside = np.float32(rng.normal(0, ASIDE, 2) if copy >= len(ids) else np.zeros(2))
        for index, boxes in crowded.items():
            box = truth.get(index, {}).get(original)
            if box is not None:
                boxes[first * number + copy] = box + np.tile(aside * (box[2:] - box[:2]), 2)
    return crowded


def race(sequence: Sequence, propagators: dict[str, dict[str, str]], number: int) -> None:
    """Print what ``number`` objects side by side cost."""
    before = round(max(WARM_UP_S) * sequence.rate_fps)
    places = min(TIMED_PLACES, (sequence.length - 1) // (before + TIMED_FRAMES + 1))
    firsts = np.linspace(before, sequence.length - 1 - TIMED_FRAMES, places).astype(int).tolist()
    truth, crowded = sequence.truth(), {}
    for first in firsts:
        crowded.update(crowd(truth, first, before, number))
    contest = Contest(sequence, crowded, propagators)
    contest.run(firsts, TIMED_FRAMES)
    each = {}
    for name, costs in contest.costs.items():
        cpu_s, steps = np.array([costs[first] for first in sorted(costs)]).T
        each[name] = 1000 * cpu_s / steps
    first_name, first_ms = next(iter(each.items()))
    for name, ms in each.items():
        line = f"  {name:12s} {np.median(ms):7.3f} ms an object and frame [{ms.min():.3f} to {ms.max():.3f}]"
        if name != first_name:
            times = first_ms / ms
            line += f"  1/{np.median(times):.1f} of {first_name}'s"
            line += f" [1/{times.min():.1f} to 1/{times.max():.1f}]"
        print(f"{line}  {number} objects of {sequence.name} at {len(ms)} places", flush=True)


def options_of(pairs: list[str], name: str) -> dict[str, str]:
    """Return the options that ``--set propagator.option=value`` has for one propagator."""
    split = (pair.split("=", 1) for pair in pairs)
    return {key.split(".", 1)[1]: value for key, value in split if key.startswith(f"{name}.")}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--propagators", default="dlib,dcf,kalman", help="others are compared with the first")
    parser.add_argument("--sequences", default=SEQUENCES)
    parser.add_argument("--every", type=int, default=5, help="follow the boxes of every N-th frame")
    parser.add_argument("--set", action="append", default=[], metavar="PROPAGATOR.OPTION=VALUE")
    parser.add_argument("--calibration", action="store_true", help="print how often each confidence is right")
    parser.add_argument("--time", metavar="N[,N...]", help="only measure what N objects side by side cost")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    propagators = {name: options_of(asked.set, name) for name in asked.propagators.split(",")}
    pooled: dict[str, list[Score]] = {name: [] for name in propagators}
    for sequence in map(open_sequence, asked.sequences.split(",")):
        if asked.time:
            for number in map(int, asked.time.split(",")):
                race(sequence, propagators, number)
            continue
        contest = keep_to_truth(sequence, propagators, asked.every)
        for name, scores in contest.scores.items():
            pooled[name].extend(scores)
            if asked.calibration:
                calibration(f"{name} {sequence.name}", scores)
    if asked.calibration:
        for name, scores in pooled.items():
            calibration(f"{name} over all", scores)


if __name__ == "__main__":
    main()

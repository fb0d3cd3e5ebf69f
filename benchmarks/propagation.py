"""How long do propagators keep to the ground truth, when nothing corrects them?

From every ``--every``-th frame on, all boxes of at least 8 px are followed for two seconds. Before, the
propagator is started on each of them three times, 0.2 s apart and shaken a little, as detections are, so
that it may know the velocity; the last box is exact. Times are CPU time of ``step``.

    python benchmarks/propagation.py --propagators dlib,kalman --every 5
    python benchmarks/propagation.py --propagators dlib --every 12 --set dlib.color=rgb --calibration
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace

import cv2
import numpy as np
from mot_sequences import Sequence, open_sequence
from numpy.typing import NDArray

from detectors import Frame
from detectors import boxes as boxlib
from detectors.registry import Registry
from tracker.motion import KalmanBank
from tracker.protocols import Propagator
from tracker.types import Origin, Track, TrackState

SEQUENCES = "CDNET-highway,TUD-Stadtmitte,PETS09-S2L1,MOT16-09"
LEAST_SIDE_PX = 8.0
FOLLOWED_S = 2.0
WARM_UP_S = (0.4, 0.2, 0.0)
SHAKE = 0.04  # standard deviation of a side's place in the warm-up, in box sizes
PROPAGATED_NOISE = 2.0
Boxes = dict[int, NDArray[np.float32]]


@dataclass(slots=True)
class Episode:
    """One propagator that follows the boxes of one frame."""

    propagator: Propagator
    motion: KalmanBank
    tracks: list[Track]
    time_s: float


@dataclass(slots=True)
class Sums:
    """What was measured: rows of (age_s, iou, confidence), and CPU time."""

    rows: list[tuple[float, float, float]]
    cpu_s: float = 0.0


def follow(sequence: Sequence, name: str, options: dict[str, str], every: int) -> Sums:
    """Follow all boxes of a sequence."""
    registry, rng = Registry("tracker.propagation", "propagator"), np.random.default_rng(0)
    truth, sums = sequence.truth(), Sums([])
    warm_up = [round(back_s * sequence.rate_fps) for back_s in WARM_UP_S]
    episodes: dict[int, Episode] = {}
    for frame in sequence.frames():
        boxes = truth.get(frame.index, {})
        for first, episode in list(episodes.items()):
            if frame.index > first + FOLLOWED_S * sequence.rate_fps:
                del episodes[first]
            elif frame.index > first:
                advance(episode, frame, boxes, sums)
        for first in (frame.index + back for back in warm_up):
            if first % every == 0:
                if first not in episodes:
                    episodes[first] = Episode(registry.build(name, options), KalmanBank(), [], frame.time_s)
                show(episodes[first], frame, boxes, None if first == frame.index else rng)
    return sums


def show(episode: Episode, frame: Frame, boxes: Boxes, rng: np.random.Generator | None) -> None:
    """Show the boxes of ``frame`` to the episode as detections; shaken if there is an ``rng``."""
    episode.motion.predict(frame.time_s - episode.time_s)
    episode.time_s = frame.time_s
    episode.tracks = []
    for track_id, box in boxes.items():
        width, height = box[2:] - box[:2]
        if min(width, height) < LEAST_SIDE_PX:
            continue
        shake = rng.normal(0, SHAKE, 4) * [width, height, width, height] if rng else np.zeros(4)
        seen = (box + shake).astype(np.float32)
        if track_id in episode.motion:
            episode.motion.update([track_id], [seen])
        else:
            episode.motion.start([track_id], [seen])
        velocity = episode.motion.velocities([track_id])[0]
        episode.tracks.append(new_track(track_id, seen, velocity, frame.time_s))
    episode.propagator.start(frame, episode.tracks)


def advance(episode: Episode, frame: Frame, boxes: Boxes, sums: Sums) -> None:
    """Carry the episode's tracks on and compare; what has left the truth is dropped."""
    tracks = [track for track in episode.tracks if track.id in boxes]
    if not tracks:
        return
    episode.propagator.stop({track.id for track in episode.tracks} - boxes.keys())
    began = time.process_time()
    carried = episode.propagator.step(frame, tracks)
    sums.cpu_s += time.process_time() - began
    ids = [track.id for track in carried]
    episode.motion.predict(frame.time_s - episode.time_s)
    episode.time_s = frame.time_s
    episode.motion.update(ids, np.array([t.box for t in carried]).reshape(-1, 4), PROPAGATED_NOISE)
    velocities = episode.motion.velocities(ids)
    episode.tracks = [replace(t, velocity=v) for t, v in zip(carried, velocities, strict=True)]
    for track in carried:
        right = boxlib.clip(boxes[track.id], frame.width, frame.height)
        age_s = frame.time_s - track.last_detected_s
        sums.rows.append((age_s, float(boxlib.iou(track.box, right)[0, 0]), track.confidence))


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


def report(label: str, sums: Sums, rate_fps: float) -> None:
    """Print one line: IoU and share right after one and two seconds, and milliseconds an object."""
    rows = np.array(sums.rows).reshape(-1, 3)
    parts = []
    for age_s in (1.0, 2.0):
        then = rows[np.abs(rows[:, 0] - age_s) < 0.51 / rate_fps]
        right = (then[:, 1] >= 0.5).mean() if len(then) else float("nan")
        overlap = then[:, 1].mean() if len(then) else float("nan")
        parts.append(f"{age_s:.0f} s: IoU {overlap:.3f}, {right:4.0%} right, n {len(then):4d}")
    each_ms = 1000 * sums.cpu_s / max(1, len(rows))
    print(f"{label:40s} {' | '.join(parts)} | {each_ms:.3f} ms an object and frame", flush=True)


def calibration(label: str, sums: Sums) -> None:
    """Print how often a box is right (IoU at least 0.5) by its confidence."""
    rows = np.array(sums.rows).reshape(-1, 3)
    cells = []
    for low in np.arange(0, 1, 0.1):
        inside = rows[(rows[:, 2] >= low) & ((rows[:, 2] < low + 0.1) | (low > 0.85))]
        share = f"{(inside[:, 1] >= 0.5).mean():.2f}" if len(inside) > 10 else "  - "
        cells.append(f"{low:.1f}: {share} ({len(inside)})")
    print(f"    {label} right by confidence  {'  '.join(cells)}", flush=True)


def options_of(pairs: list[str], name: str) -> dict[str, str]:
    """Return the options that ``--set propagator.option=value`` has for one propagator."""
    split = (pair.split("=", 1) for pair in pairs)
    return {key.split(".", 1)[1]: value for key, value in split if key.startswith(f"{name}.")}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--propagators", default="dlib,kalman")
    parser.add_argument("--sequences", default=SEQUENCES)
    parser.add_argument("--every", type=int, default=5, help="follow the boxes of every N-th frame")
    parser.add_argument("--set", action="append", default=[], metavar="PROPAGATOR.OPTION=VALUE")
    parser.add_argument("--calibration", action="store_true", help="print how often each confidence is right")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    for name in asked.propagators.split(","):
        pooled = Sums([])
        for sequence in map(open_sequence, asked.sequences.split(",")):
            sums = follow(sequence, name, options_of(asked.set, name), asked.every)
            report(f"{name} {sequence.name}", sums, sequence.rate_fps)
            if asked.calibration:
                calibration(sequence.name, sums)
            pooled.rows.extend(sums.rows)
        if asked.calibration:
            calibration(f"{name} over all", pooled)


if __name__ == "__main__":
    main()

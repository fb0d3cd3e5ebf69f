"""Line crossings against counts made by eye: F1, share of frames that the CNN saw, time a frame.

    python benchmarks/counts.py                       the default settings, clip by clip
    python benchmarks/counts.py --all                 beside other settings and what others use
    python benchmarks/counts.py --set propagate=kalman --set trigger.confidence.interval_s=0.2

Every way runs over the same clips in the same process, one after the other, writing tracks.csv and nothing
else. Times are of the processor, all threads together (the machines are shared: the clock on the wall proves
nothing), and include reading the video. What others use (YOLOX-Nano on every frame with ByteTrack of
roboflow/trackers) needs ``pip install '.[bench]'`` and ../shared/peers.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tracker.compose import build_detector, build_pipeline, build_sink, build_source, run_info
from tracker.config import Settings, read_settings
from tracker.evaluation.counts import CountScore, read_truth, score_counts
from tracker.evaluation.results import read_tracks
from tracker.pipeline import record
from tracker.sinks.csv import COLUMNS

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one way of tracking came to on one clip."""

    clip: str
    score: CountScore
    frames: int
    looks: int
    seconds: float


Way = Callable[[Path, Path], tuple[int, int]]  # video, CSV to write -> frames, looks


def our_way(settings: Settings) -> Way:
    """Return the product with these settings; the detector is loaded once."""
    detector = build_detector(settings)

    def run(video: Path, csv: Path) -> tuple[int, int]:
        chosen = replace(settings, video=str(video))
        frames = looks = 0
        with build_pipeline(chosen, detector) as pipeline:
            sink = build_sink("csv", {"path": str(csv)})
            for result in record(pipeline.run(), [sink], run_info(chosen, pipeline)):
                frames += 1
                looks += result.reason is not None
        return frames, looks

    return run


def their_way(score: float = 0.25) -> Way:
    """Return YOLOX-Nano on every frame with ByteTrack, both with their defaults."""
    import supervision as sv
    from trackers import ByteTrackTracker
    from yolox_nano import load_yolox

    detector = load_yolox(score=0.1)

    def run(video: Path, csv: Path) -> tuple[int, int]:
        frames = 0
        with build_source(Settings(video=str(video))) as source, csv.open("w") as out:
            tracker = ByteTrackTracker(frame_rate=source.info.rate_fps or 25.0)
            out.write(",".join(COLUMNS) + "\n")
            for frame in source:
                frames += 1
                found = detector.detect([frame])[0]
                tracked = tracker.update(
                    sv.Detections(found.boxes, confidence=found.scores, class_id=found.labels)
                )
                for row in range(len(tracked)):
                    track, sure = int(tracked.tracker_id[row]), float(tracked.confidence[row])
                    if track >= 0 and sure >= score:
                        name = detector.class_names[int(tracked.class_id[row])]
                        who = f"{frame.index},{frame.time_s:.3f},{track + 1},{name},{sure:.3f}"
                        place = ",".join(f"{value:.2f}" for value in tracked.xyxy[row])
                        out.write(f"{who},{place},detected,1\n")
        return frames, frames

    return run


def clips(only: list[str]) -> Iterator[tuple[Path, Path]]:
    """Yield every counted clip with its truth."""
    for truth in sorted((DATA / "counts").glob("*.json")):
        video = next((DATA / "video").glob(f"{truth.stem}.*"), None)
        if video and (not only or any(part in truth.stem for part in only)):
            yield video, truth


def measure(way: Way, only: list[str], folder: Path) -> list[Outcome]:
    """Track and score every clip."""
    outcomes = []
    for video, truth in clips(only):
        csv = folder / f"{truth.stem}.csv"
        began = time.process_time()
        frames, looks = way(video, csv)
        seconds = time.process_time() - began
        score = score_counts(read_truth(truth), read_tracks(csv))
        outcomes.append(Outcome(truth.stem, score, frames, looks, seconds))
    return outcomes


def pooled(name: str, outcomes: list[Outcome]) -> Outcome:
    """Add the clips up."""
    return Outcome(
        name,
        sum((o.score for o in outcomes), start=CountScore()),
        sum(o.frames for o in outcomes),
        sum(o.looks for o in outcomes),
        float(np.sum([o.seconds for o in outcomes])),
    )


def table(title: str, outcomes: list[Outcome]) -> Table:
    """Lay outcomes out, one a row."""
    rows = Table(title=title)
    for name in ("", "hits", "misses", "false", "F1", "CNN share", "CPU ms a frame"):
        rows.add_column(name, justify="left" if not name else "right")
    for o in outcomes:
        s = o.score
        share, ms = o.looks / o.frames, 1000 * o.seconds / o.frames
        cells = (str(s.hits), str(s.misses), str(s.false), f"{s.f1:.3f}", f"{share:.2f}", f"{ms:.1f}")
        rows.add_row(o.clip, *cells)
    return rows


THEIRS = "YOLOX-Nano on every frame + ByteTrack"
OTHERS = {
    "dcf + confidence (default)": [],
    "dlib + confidence": ["propagate=dlib"],
    "kalman + confidence": ["propagate=kalman"],
    "kalman, every 0.2 s": ["propagate=kalman", "trigger=interval"],
    "CNN on every frame": ["propagate=none", "trigger=always"],
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--all", action="store_true", help="beside other settings and what others use")
    parser.add_argument("--way", action="append", default=[], help="of --all, those with this in their name")
    parser.add_argument("--set", action="append", default=[], dest="assignments")
    parser.add_argument("--clip", action="append", default=[], help="only clips with this in their name")
    args = parser.parse_args()
    if not any(clips(args.clip)):
        raise SystemExit(f"skipped: no counted clips in {DATA}")
    console = Console(width=120)
    named = [*OTHERS, THEIRS] if args.all else [w for w in (*OTHERS, THEIRS) if any(p in w for p in args.way)]
    ways = {
        name: their_way()
        if name == THEIRS
        else our_way(read_settings(None, [*OTHERS[name], *args.assignments]))
        for name in named
    } or {"chosen settings": our_way(read_settings(None, args.assignments))}
    totals = []
    with tempfile.TemporaryDirectory() as folder:
        for name, way in ways.items():
            outcomes = measure(way, args.clip, Path(folder))
            totals.append(pooled(name, outcomes))
            console.print(table(name, [*outcomes, replace(totals[-1], clip="over all")]))
    if len(totals) > 1:
        console.print(table(f"over {len(outcomes)} clips", totals))


if __name__ == "__main__":
    main()

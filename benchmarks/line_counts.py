"""Counting lines on the counted clips: the product's own events against counts by eye, and their classes.

    python benchmarks/line_counts.py
    python benchmarks/line_counts.py --set detector=smaller_vgg --clip busroad
    python benchmarks/line_counts.py --thin 2            # every second frame
    python benchmarks/line_counts.py --drop 0.33         # a random third of the frames left out
    python benchmarks/line_counts.py --worse dark        # or fog, jpeg, blur, shake, small

One scene a clip, with the lines of the manual count; default settings otherwise. The numbers are those
that ``track --video CLIP --scene SCENE`` and ``track evaluate counts --events`` give. Of the classes of the
hits cars, vans and trucks are one. A crossing goes the wrong way where it matches an event but for its
direction.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from worse_pictures import WORSE

from detectors.frame import Frame
from detectors.protocol import Detector
from tracker.compose import build_detector, build_pipeline, watch_scene
from tracker.config import Settings, read_settings
from tracker.evaluation.counts import CountScore, CountTruth, read_truth, score_crossings
from tracker.evaluation.crossings import NOT_COUNTED, Crossing
from tracker.pipeline import Pipeline
from tracker.protocols import FrameSource
from tracker.scene import Line, Scene
from tracker.types import Event, SourceInfo

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
GROUPS = {"car": "vehicle", "van": "vehicle", "truck": "vehicle", "bus": "bus"}
TWO_WHEELS = "two-wheeler"
WINDOW_S = 1.0


@dataclass
class Altered:
    """A source whose frames are left out or changed."""

    source: FrameSource
    alter: Callable[[Iterable[Frame]], Iterator[Frame]]

    @property
    def info(self) -> SourceInfo:
        return self.source.info

    def __getattr__(self, name: str) -> object:
        return getattr(self.source, name)

    def __iter__(self) -> Iterator[Frame]:
        return self.alter(self.source)


def thinned(keep: Iterator[bool], frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yield the frames that are to be kept."""
    return (frame for frame in frames if next(keep))


def worse(name: str, frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yield the frames with worse pictures."""
    rng = np.random.default_rng(0)
    return (replace(frame, image=WORSE[name](frame.image, rng)) for frame in frames)


def every(number: int) -> Iterator[bool]:
    """Yield True for every ``number``-th frame."""
    while True:
        yield True
        yield from [False] * (number - 1)


def dropping(share: float, seed: int = 0) -> Iterator[bool]:
    """Yield False for a random share of the frames."""
    rng = np.random.default_rng(seed)
    while True:
        yield bool(rng.uniform() >= share)


def crossings_of(events: Iterable[Event], names: Sequence[str]) -> list[Crossing]:
    """Return crossings as they are scored: people are left out."""
    return [
        Crossing(e.name, e.direction, e.time_s, e.frame_index, e.track_id, names[e.label])
        for e in events
        if e.kind == "crossing" and names[e.label] != NOT_COUNTED
    ]


@contextmanager
def counting(video: Path, truth: CountTruth, settings: Settings, detector: Detector) -> Iterator[Pipeline]:
    """Open the pipeline of a clip that counts at the lines of its manual count."""
    with build_pipeline(replace(settings, video=str(video)), detector) as pipeline:
        info = pipeline.source.info
        lines = tuple(Line(line.name, (line.p1, line.p2)) for line in truth.lines)
        scene = Scene((info.width, info.height), lines)
        pipeline.observers = (watch_scene(scene, settings, detector.class_names, pipeline.source),)
        yield pipeline


def count(
    video: Path, truth: CountTruth, settings: Settings, detector: Detector, args: argparse.Namespace
) -> list[Crossing]:
    """Track a clip and count at the lines of its manual count."""
    with counting(video, truth, settings, detector) as pipeline:
        if args.thin > 1 or args.drop:
            keep = dropping(args.drop) if args.drop else every(args.thin)
            pipeline.source = Altered(pipeline.source, partial(thinned, keep))  # type: ignore[assignment]
        if args.worse:
            pipeline.source = Altered(pipeline.source, partial(worse, args.worse))  # type: ignore[assignment]
        events = [event for result in pipeline.run() for event in result.events]
    return crossings_of(events, detector.class_names)


def wrong_way(truth: CountTruth, crossings: list[Crossing], score: CountScore) -> int:
    """Return how many false crossings match a missed event but for the direction."""
    missed = [event for _, event in score.missed]
    return sum(
        any(
            e.line == c.line and e.direction != c.direction and abs(e.time_s - c.time_s) <= WINDOW_S
            for e in missed
        )
        for _, c in score.invented
    )


def group(label: str) -> str:
    """Return what a class is scored as."""
    return GROUPS.get(label, TWO_WHEELS)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--set", action="append", default=[], dest="assignments")
    parser.add_argument("--clip", action="append", default=[], help="only clips with this in their name")
    parser.add_argument("--thin", type=int, default=1, help="every N-th frame alone")
    parser.add_argument("--drop", type=float, default=0.0, help="share of the frames left out at random")
    parser.add_argument("--worse", choices=WORSE, help="what is done to the pictures")
    args = parser.parse_args()
    truths = [
        path
        for path in sorted((DATA / "counts").glob("*.json"))
        if not args.clip or any(c in path.stem for c in args.clip)
    ]
    if not truths:
        raise SystemExit(f"skipped: no counted clips in {DATA}")
    settings = read_settings(None, args.assignments)
    detector = build_detector(settings)
    table = Table(title="Crossings, as the product counts them")
    for name in ("", "hits", "misses", "false", "F1", "wrong way"):
        table.add_column(name, justify="right" if name else "left")
    total, wrong = CountScore(), 0
    for path in truths:
        truth = read_truth(path)
        video = next((DATA / "video").glob(f"{path.stem}.*"))
        crossings = count(video, truth, settings, detector, args)
        score = score_crossings(truth, crossings)
        turned = wrong_way(truth, crossings, score)
        table.add_row(
            path.stem,
            *(str(n) for n in (score.hits, score.misses, score.false)),
            f"{score.f1:.3f}",
            str(turned),
        )
        total, wrong = total + score, wrong + turned
    table.add_row(
        "over all", *(str(n) for n in (total.hits, total.misses, total.false)), f"{total.f1:.3f}", str(wrong)
    )
    classes = Table(title="Classes of the hits")
    for name in ("by eye", "counted as", "hits"):
        classes.add_column(name)
    pairs: Counter[tuple[str, str]] = Counter()
    for (true, found), number in sorted(total.confusion.items()):
        classes.add_row(true, found, str(number))
        pairs[group(true), group(found)] += number
    console = Console(width=120)
    console.print(table)
    console.print(classes)
    for kind in ("vehicle", "bus", TWO_WHEELS):
        all_of = sum(n for (true, _), n in pairs.items() if true == kind)
        console.print(f"{kind}: {pairs[kind, kind]} of {all_of} counted as such", highlight=False)


if __name__ == "__main__":
    main()

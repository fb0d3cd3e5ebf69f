"""A big CNN that looks seldom, or a small one that looks always? F1 of the counts over time a frame.

    python benchmarks/few_looks.py --plot benchmarks/few_looks.png
    python benchmarks/few_looks.py --detectors smaller_vgg --shares 1,0.2 --clip freeway

Every detector with every CNN share on the seven counted clips: 1 is the CNN on every frame and nothing else
(``--propagate none``), ``free`` the settings as they come, another number a ``--budget``. Crossings are the
product's own (as in line_counts.py). Beside it what others use, YOLOX-Nano on every frame with ByteTrack, its
crossings from its tracks (as in counts.py). Times are of the whole pipeline, reading the video included and
nothing written: CPU time of all threads, and frames a second by the clock. All take turns at each clip, so
that they share what else the machine does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import matplotlib
from counts import clips, their_way
from line_counts import counting, crossings_of
from rich.console import Console
from rich.table import Table

from detectors.catalog import Loaded
from tracker.compose import build_detector
from tracker.config import Settings
from tracker.evaluation.counts import CountScore, CountTruth, read_truth, score_counts, score_crossings
from tracker.evaluation.results import read_tracks

DETECTORS = ("smaller_vgg_rep_small_int8", "smaller_vgg_rep_medium_int8", "smaller_vgg")
SHARES = ("1", "free", "0.2", "0.1", "0.05")
TICKS_MS = (10, 20, 30, 50, 100, 200)
COLUMNS = ("hits", "misses", "false", "F1", "CNN share", "objects", "CPU ms", "frames/s", "x theirs")
THEIRS = "YOLOX-Nano, ByteTrack"


@dataclass(frozen=True, slots=True)
class Point:
    """What one way of tracking came to, on a clip or over some.

    Attributes:
        score: of its crossings.
        frames: number of them.
        looks: on which the CNN ran.
        shown: tracks that were shown, summed over the frames.
        cpu_s: seconds of all threads.
        wall_s: seconds by the clock.
    """

    score: CountScore = field(default_factory=CountScore)
    frames: int = 0
    looks: int = 0
    shown: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0

    def __add__(self, other: Point) -> Point:
        """Add two up."""
        return Point(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def ms(self) -> float:
        """CPU milliseconds a frame."""
        return 1000 * self.cpu_s / self.frames


Way = Callable[[Path, CountTruth], Point]


def our_way(detector: Loaded, settings: Settings, share: str) -> Way:
    """Return the product with a detector and a CNN share."""
    if share == "1":
        settings = replace(settings, propagate="none", trigger="always")
    elif share != "free":
        settings = replace(settings, budget=float(share))

    def run(video: Path, truth: CountTruth) -> Point:
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        frames = looks = shown = 0
        events = []
        with counting(video, truth, settings, detector) as pipeline:
            for result in pipeline.run():
                frames += 1
                looks += result.reason is not None
                shown += sum(track.shown for track in result.tracks)
                events += result.events
        cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
        score = score_crossings(truth, crossings_of(events, detector.class_names))
        return Point(score, frames, looks, shown, cpu_s, wall_s)

    return run


def others_way() -> Way:
    """Return YOLOX-Nano on every frame with ByteTrack."""
    track = their_way()

    def run(video: Path, truth: CountTruth) -> Point:
        with tempfile.TemporaryDirectory() as folder:
            csv = Path(folder, "tracks.csv")
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            frames, looks = track(video, csv)
            cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
            table = read_tracks(csv)
        return Point(score_counts(truth, table), frames, looks, len(table.frames), cpu_s, wall_s)

    return run


def tabulated(title: str, points: dict[str, Point]) -> Table:
    """Lay points out, one a row."""
    theirs = points[THEIRS]
    table = Table(title=title)
    for name in (
        "",
        "hits",
        "misses",
        "false",
        "F1",
        "CNN share",
        "objects",
        "CPU ms",
        "frames/s",
        "x theirs",
    ):
        table.add_column(name, justify="right" if name else "left")
    for name, point in points.items():
        score, rate = point.score, point.frames / point.wall_s
        cells = (f"{score.f1:.3f}", f"{point.looks / point.frames:.3f}", f"{point.shown / point.frames:.1f}")
        rest = (f"{point.ms:.1f}", f"{rate:.1f}", f"{rate * theirs.wall_s / theirs.frames:.2f}")
        table.add_row(name, *(str(n) for n in (score.hits, score.misses, score.false)), *cells, *rest)
    return table


def plot(points: dict[str, Point], path: Path) -> None:
    """Draw F1 over time a frame: a curve a detector, a dot a CNN share."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for detector in dict.fromkeys(name.split(", ")[0] for name in points if name != THEIRS):
        own = {name: point for name, point in points.items() if name.split(", ")[0] == detector}
        curve = sorted(own.values(), key=lambda point: point.ms)
        (line,) = axes.plot([p.ms for p in curve], [p.score.f1 for p in curve], "o-", label=detector)
        for point in curve:
            share = f"{100 * point.looks / point.frames:.0f} %"
            at = (point.ms, point.score.f1)
            axes.annotate(share, at, (3, 5), textcoords="offset points", color=line.get_color(), fontsize=8)
    axes.plot(points[THEIRS].ms, points[THEIRS].score.f1, "k*", markersize=12, label=f"{THEIRS}, 100 %")
    axes.set(xscale="log", xlabel="CPU ms a frame, the whole pipeline", ylabel="F1 of counts")
    axes.set_xticks(TICKS_MS, [str(ms) for ms in TICKS_MS])
    axes.minorticks_off()
    axes.set_title("Counts on seven clips by detector and share of frames that the CNN saw")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--detectors", default=",".join(DETECTORS))
    parser.add_argument("--shares", default=",".join(SHARES))
    parser.add_argument("--clip", action="append", default=[], help="only clips with this in their name")
    parser.add_argument("--plot", type=Path, help="where to draw the curves (PNG)")
    args = parser.parse_args()
    if not any(clips(args.clip)):
        raise SystemExit("skipped: no counted clips in ../shared/data")
    ways: dict[str, Way] = {}
    for settings in (Settings(detector=name) for name in args.detectors.split(",")):
        detector = build_detector(settings)
        for share in args.shares.split(","):
            ways[f"{settings.detector}, {share}"] = our_way(detector, settings, share)
    ways[THEIRS] = others_way()
    console = Console(width=130)
    total = dict.fromkeys(ways, Point())
    for video, path in clips(args.clip):
        truth = read_truth(path)
        points = {name: way(video, truth) for name, way in ways.items()}
        console.print(tabulated(path.stem, points))
        total = {name: total[name] + point for name, point in points.items()}
    console.print(tabulated("over all", total))
    if args.plot:
        plot(total, args.plot)


if __name__ == "__main__":
    main()

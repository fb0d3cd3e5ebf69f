"""HOTA and CNN share on replayed public detections: what does propagation cost, and what does it save?

    python benchmarks/hota.py
    python benchmarks/hota.py --runs none:always,dlib:confidence --detections det.txt
    python benchmarks/hota.py --every 5 --runs dcf:interval,kalman:interval,norfair

A run is ``propagator:trigger[+trigger...]``. With MOTChallenge's rows, as the sink writes them: confirmed
tracks, detected and propagated boxes, no merely predicted ones. With --every N the trigger ``interval`` looks
at every N-th frame, and ``norfair`` (others.py) is shown those alone.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from given import given
from mot_sequences import Sequence, open_sequence
from others import norfair

from tracker.compose import build_sink, open_pipeline, run_info
from tracker.config import read_settings
from tracker.evaluation.hota import score_tracking
from tracker.pipeline import record

RUNS = "none:always,kalman:confidence,dlib:confidence,kalman:interval,dlib:interval"
SHOWN = ("HOTA", "DetA", "AssA", "IDF1", "MOTA")


def measure_norfair(sequence: Sequence, detections: str, every: int) -> dict[str, float]:
    """Run norfair over a sequence, with a period, and score what it returned."""
    (whole,) = given(sequence.folder, detections)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tracks.mot.txt"
        began = time.process_time()
        norfair({}, every)(whole, path)
        cpu_s = time.process_time() - began
        score = score_tracking(sequence.folder / "gt" / "gt.txt", path, sequence.length, sequence.rate_fps)
    return score | {"share": 1 / every, "ms": 1000 * cpu_s / sequence.length}


def measure(sequence: Sequence, detections: str, run: str, assignments: list[str]) -> dict[str, float]:
    """Run a pipeline over a sequence and score what it wrote."""
    propagator, trigger = run.split(":")
    video = sequence.folder / f"{sequence.name}.mp4"
    boxes = sequence.folder / "det" / detections
    settings = read_settings(
        None,
        [
            f"video={video if video.exists() else sequence.folder / 'img1'}",
            f"detector=replay:{boxes}",
            f"propagate={propagator}",
            f"trigger={trigger.replace('+', ',')}",
            *assignments,
        ],
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tracks.mot.txt"
        frames = looks = 0
        began = time.process_time()
        with open_pipeline(settings) as pipeline:
            sinks = [build_sink("mot", {"path": str(path)})]
            for result in record(pipeline.run(), sinks, run_info(settings, pipeline)):
                frames += 1
                looks += result.reason is not None
        cpu_s = time.process_time() - began
        score = score_tracking(sequence.folder / "gt" / "gt.txt", path, sequence.length, sequence.rate_fps)
    return score | {"share": looks / frames, "ms": 1000 * cpu_s / frames}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sequences", default="TUD-Stadtmitte,PETS09-S2L1")
    parser.add_argument("--detections", default="det.txt,det_sort_frcnn.txt")
    parser.add_argument("--runs", default=RUNS)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of `track --set`")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="see above")
    asked = parser.parse_args()
    print(f"{'':62s}" + "".join(f"{name:>7s}" for name in SHOWN) + "   IDSW  CNN share  CPU ms a frame")
    for sequence in map(open_sequence, asked.sequences.split(",")):
        for detections in asked.detections.split(","):
            for run in asked.runs.split(","):
                if run == "norfair":
                    score = measure_norfair(sequence, detections, asked.every)
                else:
                    every = [f"trigger.interval.interval_s={asked.every / sequence.rate_fps}"]
                    score = measure(sequence, detections, run, every * (asked.every > 1) + asked.set)
                label = f"{sequence.name} {detections} {run}"
                shares = "".join(f"{100 * score[name]:7.1f}" for name in SHOWN)
                rest = f"{score['IDSW']:7.0f} {score['share']:10.1%} {score['ms']:10.1f}"
                print(f"{label:62s}{shares}{rest}", flush=True)


if __name__ == "__main__":
    main()

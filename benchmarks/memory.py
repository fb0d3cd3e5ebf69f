"""Resident memory over a long run: at every 2,000th frame of a looped clip, and what it grew by in all.

    python benchmarks/memory.py [--set propagate=kalman] [--frames 20000]

The clip is repeated into one long file (packets copied, nothing encoded anew) and tracked with all the sinks
that ``track --video`` has.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import av

from tracker.cli.job import Outputs, build_sinks
from tracker.compose import build_detector, build_pipeline, run_info
from tracker.config import read_settings
from tracker.pipeline import record

CLIP = Path(__file__).resolve().parents[2] / "shared" / "data" / "video" / "freeway_us_320x240.avi"
FIRST = 2_000


def looped(clip: Path, frames: int, out: Path) -> None:
    """Write the clip's packets again and again until there are ``frames`` of them."""
    written = 0
    with av.open(str(out), "w") as target:
        stream = None
        while written < frames:
            with av.open(str(clip)) as source:
                video = source.streams.video[0]
                if stream is None:
                    stream = target.add_stream_from_template(video)
                step = round(1 / (video.average_rate * video.time_base))
                shift = written * step
                for packet in source.demux(video):
                    if packet.size:
                        packet.dts += shift
                        packet.pts = packet.dts if packet.pts is None else packet.pts + shift
                        packet.stream = stream
                        target.mux(packet)
                        written += 1


def resident_mb() -> float:
    """Return this process's resident memory in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Print the memory as the run goes on, and what it grew by."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clip", type=Path, default=CLIP)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--set", action="append", default=[], dest="assignments")
    args = parser.parse_args()
    if not args.clip.is_file():
        raise SystemExit(f"skipped: {args.clip} is not here")
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "long.mkv"
        looped(args.clip, args.frames + 1, video)
        settings = read_settings(None, [f"video={video}", *args.assignments])
        seen = {}
        with build_pipeline(settings, build_detector(settings)) as pipeline:
            outputs = Outputs()
            sinks, _ = build_sinks(settings, Path(folder) / "run", outputs, pipeline)
            run = run_info(settings, pipeline, outputs.sinks)
            for count, _ in enumerate(record(pipeline.run(), sinks, run), 1):
                if count % FIRST == 0 or count == args.frames:
                    seen[count] = resident_mb()
                    print(f"frame {count}: {seen[count]:.0f} MB resident", flush=True)
        print(f"growth: {seen[args.frames] - seen[FIRST]:.1f} MB")


if __name__ == "__main__":
    main()

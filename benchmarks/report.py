"""Time and memory of ``track report`` on a day: 3 million rows of tracks of 100,000 road users.

    python benchmarks/report.py [--folder DIR] [--tracks N]

The folder is made up, the same each time, and kept where ``--folder`` names one: then a second call measures
the report alone, or its memory includes that of this process. Wall time, CPU time and the largest resident
memory of the report are printed.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from tracker.scene import Gate, Lane, Line, Scene, Zone, write_scene
from tracker.scene.model import Calibration

DAY_S, RATE_FPS, ROWS, STEP, SIZE = 86400.0, 12.5, 30, 3, (1280, 720)
CLASSES = ("car", "bus", "truck", "motorbike", "bicycle", "person")
SHARES = (0.7, 0.05, 0.12, 0.09, 0.01, 0.03)
LINES = {"North": ("inbound", "outbound"), "South": ("inbound", "outbound")}
START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
GAP_S = (40_000.0, 43_000.0)


def main() -> None:
    """Make the day and report it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--tracks", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        if not (folder / "run.json").exists():
            make_day(folder, arguments.tracks)
        measure(folder)


def measure(folder: Path) -> None:
    """Report the day in a process of its own, and print what that took."""
    began = time.perf_counter()
    subprocess.run([str(Path(sys.executable).with_name("track")), "report", str(folder)], check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{time.perf_counter() - began:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of CPU, "
        f"{used.ru_maxrss * 1024 / 1e6:.0f} MB at most"
    )


def make_day(folder: Path, tracks: int) -> None:
    """Write a run folder of a day with two rush hours and a gap of 50 minutes."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    peaks = np.concatenate(
        [rng.normal(7.5, 1.2, tracks), rng.normal(17.8, 1.6, tracks), rng.uniform(0, 24, tracks)]
    )
    starts = np.sort(rng.choice(peaks % 24, tracks) * 3600) * (DAY_S - 60) / DAY_S
    starts = np.sort(starts)
    labels = rng.choice(len(CLASSES), tracks, p=SHARES)
    inbound = rng.random(tracks) < 0.55
    write_tracks(folder / "tracks.csv", rng, starts, labels, inbound)
    write_tables(folder, rng, starts, labels, inbound)
    write_run(folder, tracks)


def write_tracks(
    path: Path, rng: np.random.Generator, starts: np.ndarray, labels: np.ndarray, inbound: np.ndarray
) -> None:
    """Write 30 rows a track, sorted by frame."""
    tracks = len(starts)
    # every third frame, the same for all, as a camera of four frames a second gives them
    frame = ((starts * RATE_FPS).astype(int)[:, None] // STEP * STEP + np.arange(ROWS) * STEP).ravel()
    id_ = np.repeat(np.arange(1, tracks + 1), ROWS)
    way = np.tile(np.linspace(0, 1, ROWS), tracks)
    upwards = np.repeat(inbound, ROWS)
    x = np.where(upwards, 350 + way * 220, 900 - way * 220) + np.repeat(rng.normal(0, 35, tracks), ROWS)
    y = np.where(upwards, 660 - way * 600, 40 + way * 600) + rng.normal(0, 1, len(frame))
    origin = np.where(rng.random(len(frame)) < 0.3, "detected", "propagated")
    order = np.lexsort((id_, frame))
    with path.open("w") as file:
        file.write("frame,time_s,track_id,class,score,x1,y1,x2,y2,origin,confidence\n")
        for piece in np.array_split(order, len(order) // 50_000 + 1):
            columns = (frame[piece], id_[piece], labels[id_[piece] - 1], x[piece], y[piece], origin[piece])
            file.writelines(
                f"{f},{f / RATE_FPS:.3f},{i},{CLASSES[k]},0.873,"
                f"{a:.2f},{b:.2f},{a + 60:.2f},{b + 40:.2f},{o},0.912\n"
                for f, i, k, a, b, o in zip(*(column.tolist() for column in columns), strict=True)
            )


def write_tables(
    folder: Path, rng: np.random.Generator, starts: np.ndarray, labels: np.ndarray, inbound: np.ndarray
) -> None:
    """Write events at two lines and in a zone, and the tables by quarters of an hour."""
    names = list(LINES)
    speeds = np.clip(rng.normal(72, 11, len(starts)), 8, 140)
    seen = (starts < GAP_S[0]) | (starts > GAP_S[1])
    events, counts = [], np.zeros((96, 2, 2, len(CLASSES)), int)
    for place in np.flatnonzero(seen).tolist():
        label, side = int(labels[place]), int(not inbound[place])
        for line in range(1 + (place % 3 == 0)):
            time_s = float(starts[place]) + 2 + 2 * line
            clock = (START + timedelta(seconds=time_s)).isoformat(timespec="milliseconds")
            known = (f"{speeds[place]:.1f}", f"{speeds[place] * 0.06:.1f}") if place % 20 else ("", "")
            origin = "predicted" if place % 97 == 0 else "propagated"
            row = (f"{time_s:.3f}", clock, int(time_s * RATE_FPS), "crossing", names[line])
            what = (
                LINES[names[line]][side],
                place + 1,
                CLASSES[label],
                0.9,
                *known,
                "",
                "",
                origin,
                1,
                1,
                2,
                2,
                "",
            )
            events.append(row + what)
            counts[min(int(time_s // 900), 95), line, side, label] += 1
    head = "time_s,clock,frame,kind,name,direction,track_id,class,class_score"
    more = "speed_kmh,speed_error_kmh,dwell_s,headway_s,origin,x1,y1,x2,y2,evidence"
    write_csv(folder / "events.csv", f"{head},{more}", events)
    write_intervals(folder, rng, counts)


def write_intervals(folder: Path, rng: np.random.Generator, counts: np.ndarray) -> None:
    """Write counts, zones and turns by quarters of an hour."""
    rows, zones, turns = [], [], []
    for quarter in range(96):
        begin, end = quarter * 900.0, quarter * 900.0 + 900
        lost = max(0.0, min(end, GAP_S[1]) - max(begin, GAP_S[0]))
        when = (begin, end, *((START + timedelta(seconds=edge)).isoformat() for edge in (begin, end)))
        coverage = f"{1 - lost / 900:.4f}"
        number = int(counts[quarter].sum())
        for line, (name, directions) in enumerate(LINES.items()):
            for side, direction in enumerate(directions):
                for label, class_name in enumerate(CLASSES):
                    n = counts[quarter, line, side, label]
                    rows.append((*when, name, direction, class_name, n, n * 1.1, coverage, "", "", ""))
        zones.append(
            (*when, "Stop line", number, number, number / 80, 9, min(1, number / 800), rng.poisson(4), 9.5)
        )
        zones[-1] += (coverage,)
        turns += [(*when, a, b, "car", number // 3) for a, b in (("N", "S"), ("S", "N"), ("N", "E"))]
    head = "start_s,end_s,start,end,"
    columns = "line,direction,class,count,pcu,coverage,speed_mean_kmh,speed_median_kmh,speed_v85_kmh"
    write_csv(folder / "counts.csv", head + columns, rows)
    columns = "zone,entered,left,mean_present,most_present,occupancy,most_queued,mean_dwell_s,coverage"
    write_csv(folder / "zones.csv", head + columns, zones)
    write_csv(folder / "turns.csv", f"{head}origin,destination,class,count", turns)


def write_csv(path: Path, head: str, rows: Iterable[Iterable[object]]) -> None:
    """Write a table."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head.split(","))
        writer.writerows(rows)


def write_run(folder: Path, tracks: int) -> None:
    """Write run.json and scene.toml."""
    frames = int(DAY_S * RATE_FPS)
    runs = {"total": frames // 5, "interval": frames // 10, "track_lost": frames // 10}
    content = {
        "source": {"name": "rtsp://camera/day", "width": SIZE[0], "height": SIZE[1]},
        "start": START.isoformat(),
        "class_names": CLASSES,
        "settings": {"propagate": "dcf", "trigger": "confidence"},
        "frames": frames,
        "cnn_runs": runs,
        "cnn_share": 0.2,
        "duration_s": DAY_S,
        "seen_s": [[0, GAP_S[0]], [GAP_S[1], DAY_S]],
        "completed": True,
        "warnings": [f"a gap of {GAP_S[1] - GAP_S[0]:.0f} s"],
        "tracks": tracks,
    }
    (folder / "run.json").write_text(json.dumps(content, indent=1))
    scene = Scene(
        size=SIZE,
        name="A day",
        start=START,
        time_zone="America/Sao_Paulo",
        lines=tuple(
            Line(name, ((200.0, 300.0 + 200 * at), (1100.0, 300.0 + 200 * at)), directions)
            for at, (name, directions) in enumerate(LINES.items())
        ),
        zones=(Zone("Stop line", ((300.0, 520.0), (700.0, 520.0), (700.0, 700.0))),),
        gates=(Gate("N", ((300.0, 60.0), (900.0, 60.0))), Gate("S", ((300.0, 690.0), (900.0, 690.0)))),
        calibration=Calibration(lanes=(Lane(((500.0, 600.0), (510.0, 400.0), (515.0, 300.0)), (0, 12, 24)),)),
    )
    (folder / "scene.toml").write_text(write_scene(scene))


if __name__ == "__main__":
    main()

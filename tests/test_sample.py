"""The committed sample: a real video, exact truth beside it, and the two agree."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "sample_videos"
FPS, WIDTH, HEIGHT = 25, 1280, 720
CLASSES = ("car", "bus", "truck", "motorbike", "bicycle", "person")
Row = dict[str, str]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with (SAMPLE / "road.truth.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def tracks(rows: list[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[int(row["track_id"])].append(row)
    return found


def box(row: Row) -> np.ndarray:
    return np.array([float(row[k]) for k in ("x1", "y1", "x2", "y2")])


def centre(row: Row) -> np.ndarray:
    return (box(row)[:2] + box(row)[2:]) / 2


def test_the_video_lasts_twenty_seconds_in_few_bytes(rows: list[Row]) -> None:
    path = SAMPLE / "road.mp4"
    assert path.stat().st_size <= 6_000_000
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        times = []
        for frame in container.decode(stream):
            assert (frame.width, frame.height) == (WIDTH, HEIGHT)
            times.append(frame.time)
    assert len(times) >= 20 * FPS
    assert np.diff(times) == pytest.approx(1 / FPS)
    assert {int(r["frame"]) for r in rows} == set(range(len(times)))


def test_the_index_comes_before_the_pictures() -> None:
    # A browser plays a file at once when moov comes before mdat (fast start).
    head = (SAMPLE / "road.mp4").read_bytes()
    assert 0 < head.find(b"moov") < head.find(b"mdat")


def test_every_box_lies_in_the_picture(rows: list[Row]) -> None:
    boxes = np.array([box(r) for r in rows])
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= [WIDTH, HEIGHT]).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert len({(r["frame"], r["track_id"]) for r in rows}) == len(rows)
    assert all(float(r["time_s"]) == pytest.approx(int(r["frame"]) / FPS, abs=1e-3) for r in rows)


def test_there_are_enough_road_users_of_enough_kinds(tracks: dict[int, list[Row]]) -> None:
    kinds = [t[0]["class"] for t in tracks.values() if max(box(r)[3] - box(r)[1] for r in t) > 30]
    vehicles = [k for k in kinds if k != "person"]
    assert len(vehicles) >= 25
    assert {"car", "bus", "truck"} < set(vehicles)
    assert {"motorbike", "bicycle"} & set(vehicles)
    assert kinds.count("person") >= 5
    assert all(len({r["class"] for r in t}) == 1 for t in tracks.values())


def test_both_truth_files_say_the_same(rows: list[Row]) -> None:
    table = np.loadtxt(SAMPLE / "road.gt.txt", delimiter=",")
    assert len(table) == len(rows)
    assert ((table[:, 8] >= 0) & (table[:, 8] <= 1)).all()
    # Occlusions: somebody is mostly hidden, and most are not.
    assert (table[:, 8] < 0.5).sum() > 50
    assert np.median(table[:, 8]) > 0.9
    named = {(int(f) - 1, int(i)): (box_, int(label)) for f, i, *box_, _, label, _ in table}
    for row in rows:
        (x, y, w, h), label = named[int(row["frame"]), int(row["track_id"])]
        assert np.allclose([x, y, x + w, y + h], box(row), atol=0.02)
        assert CLASSES[label - 1] == row["class"]


def test_the_homography_brings_positions_to_the_foot_of_the_boxes(rows: list[Row]) -> None:
    camera = json.loads((SAMPLE / "road.camera.json").read_text())
    assert camera["image_size"] == [WIDTH, HEIGHT]
    h = np.array(camera["homography"])
    whole = [r for r in rows if (box(r)[:2] > 1).all() and (box(r)[2:] < [WIDTH - 1, HEIGHT - 1]).all()]
    assert len(whole) > 1000
    ground = np.array([[float(r["x_m"]), float(r["y_m"]), 1] for r in whole]) @ h.T
    pixel = ground[:, :2] / ground[:, 2:]
    boxes = np.array([box(r) for r in whole])
    share = (pixel - boxes[:, :2]) / (boxes[:, 2:] - boxes[:, :2])
    assert ((share[:, 0] > 0) & (share[:, 0] < 1)).all()
    assert (share[:, 1] > 0.4).all()
    # Somebody's forward foot may be lifted, so that the box ends a little above the ground.
    assert (share[:, 1] < 1.06).all()


def test_speeds_are_the_change_of_position(tracks: dict[int, list[Row]]) -> None:
    gaps = []
    for track in tracks.values():
        for a, b in pairwise(track):
            if int(b["frame"]) == int(a["frame"]) + 1:
                way = np.hypot(float(b["x_m"]) - float(a["x_m"]), float(b["y_m"]) - float(a["y_m"]))
                gaps.append(abs(way * FPS * 3.6 - float(b["speed_kmh"])))
    # People start within one frame and turn at a corner; vehicles only speed up and brake.
    assert np.mean(np.array(gaps) < 1.0) > 0.99
    assert np.median(gaps) < 0.3


def test_the_counts_are_the_crossings_of_the_boxes(tracks: dict[int, list[Row]]) -> None:
    counts = json.loads((SAMPLE / "road.counts.json").read_text())
    assert counts["video"] == "road.mp4"
    assert len(counts["lines"]) == 2
    expected = set()
    for line in counts["lines"]:
        for track_id, track in tracks.items():
            if track[0]["class"] != "person":
                for direction, frame in first_crossings(track, line).items():
                    expected.add((line["name"], track_id, direction, frame, track[0]["class"]))
    told = {(e["line"], e["track_id"], e["direction"], e["frame"], e["class"]) for e in counts["events"]}
    assert told == expected
    assert len(told) >= 15
    assert {e["direction"] for e in counts["events"]} == {"A", "B"}
    assert all(e["time_s"] == pytest.approx(e["frame"] / FPS, abs=1e-3) for e in counts["events"])


def first_crossings(track: list[Row], line: dict[str, list[float]]) -> dict[str, int]:
    """Return the frame of the first crossing by direction, by the signs of four turns."""
    p1, p2 = np.array(line["p1"], float), np.array(line["p2"], float)

    def turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
        return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))

    found: dict[str, int] = {}
    for before, after in pairwise(track):
        q0, q1 = centre(before), centre(after)
        c0, c1 = turn(p1, p2, q0), turn(p1, p2, q1)
        if (c0 < 0) != (c1 < 0) and turn(q0, q1, p1) * turn(q0, q1, p2) <= 0:
            found.setdefault("A" if c0 < 0 else "B", int(after["frame"]))
    return found


def test_somebody_stops_and_goes_on(tracks: dict[int, list[Row]]) -> None:
    stopped = 0
    for track in tracks.values():
        speed = np.array([float(r["speed_kmh"]) for r in track])
        still = np.flatnonzero(speed < 0.5)
        if track[0]["class"] in ("car", "bus", "truck") and len(still) >= 2 * FPS:
            stopped += speed[: still[0]].max(initial=0) > 20 and speed[still[-1] :].max() > 10
    assert stopped >= 1


def test_people_cross_the_road(tracks: dict[int, list[Row]]) -> None:
    ways = [
        np.ptp([float(r["x_m"]) for r in track]) for track in tracks.values() if track[0]["class"] == "person"
    ]
    assert sum(way > 14 for way in ways) >= 3


def test_the_realism_script_says_when_its_detector_is_absent(tmp_path: Path) -> None:
    script, missing = ROOT / "benchmarks" / "sample_realism.py", tmp_path / "absent.onnx"
    done = subprocess.run(
        [sys.executable, str(script), "--model", str(missing)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert str(missing) in done.stdout

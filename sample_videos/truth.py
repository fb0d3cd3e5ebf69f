"""What is true about a render, in the files that the tracker's evaluation reads."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fleet import CLASSES
from movers import Sight
from optics import Camera
from traffic import State, Track

MIN_HEIGHT_PX, MIN_OUTLINE_PX = 7.0, 24
"""What is smaller in the picture is in no file."""


@dataclass(frozen=True, slots=True)
class Row:
    """One road user on one frame (0-based); box xyxy in pixels, position in metres, speed in km/h."""

    frame: int
    time_s: float
    track_id: int
    label: str
    box: tuple[float, float, float, float]
    x_m: float
    y_m: float
    speed_kmh: float
    visibility: float


def rows_of(
    frame: int, time_s: float, present: list[tuple[Track, State]], sights: dict[int, Sight]
) -> list[Row]:
    """Return the rows of one frame."""
    rows = []
    for track, state in present:
        sight = sights.get(track.id)
        if sight is None or sight.box[3] - sight.box[1] < MIN_HEIGHT_PX or sight.outline_px < MIN_OUTLINE_PX:
            continue
        box = tuple(round(float(v), 2) for v in sight.box)
        where = (round(state.x, 3), round(state.y, 3), round(state.speed * 3.6, 2))
        rows.append(
            Row(frame, round(time_s, 4), track.id, track.model.label, box, *where, round(sight.visibility, 3))
        )
    return rows


def write_mot(path: Path, rows: list[Row]) -> None:
    """Write MOTChallenge ground truth: frame from 1, id, x, y, w, h, 1, class, visibility."""
    lines = []
    for row in sorted(rows, key=lambda r: (r.track_id, r.frame)):
        x1, y1, x2, y2 = row.box
        label = CLASSES.index(row.label) + 1
        lines.append(
            f"{row.frame + 1},{row.track_id},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},"
            f"1,{label},{row.visibility:.3f}"
        )
    path.write_text("\n".join(lines) + "\n")


def write_truth(path: Path, rows: list[Row]) -> None:
    """Write boxes, positions and speeds by frame (0-based, as in ``tracks.csv``)."""
    lines = ["frame,time_s,track_id,class,x1,y1,x2,y2,x_m,y_m,speed_kmh"]
    for row in rows:
        box = ",".join(f"{v:.2f}" for v in row.box)
        lines.append(
            f"{row.frame},{row.time_s:.3f},{row.track_id},{row.label},{box},{row.x_m:.3f},{row.y_m:.3f},{row.speed_kmh:.2f}"
        )
    path.write_text("\n".join(lines) + "\n")


def write_camera(path: Path, camera: Camera) -> None:
    """Write the homography and the pose from which it follows."""
    about = {
        "image_size": [camera.width, camera.height],
        "homography": camera.homography.tolist(),
        "homography_means": "ground metres (x, y, 1) to pixels; x to the right of the road's middle",
        "position_m": list(camera.position),
        "target_m": list(camera.target),
        "fov_deg": camera.fov_deg,
        "focal_px": camera.focal_px,
        "projection": camera.matrix.tolist(),
    }
    path.write_text(json.dumps(about, indent=1) + "\n")


def counting_lines(camera: Camera) -> list[dict[str, object]]:
    """Return one counting line a carriageway, level in the picture and as wide as the carriageway there."""
    lines = []
    # A box's middle is about a metre above the road; the lines keep clear of the middles of who waits at red.
    for name, x, y, words in (
        ("away", (0.0, 9.4), 18.0, ("towards the camera (wrong way)", "away from the camera")),
        ("towards", (-9.4, 0.0), 52.0, ("towards the camera", "away from the camera (wrong way)")),
    ):
        ends, _ = camera.project([(x[0], y, 0.9), (x[1], y, 0.9)])
        level = round(float(ends[:, 1].mean()))
        p1, p2 = [round(float(ends[0, 0])), level], [round(float(ends[1, 0])), level]
        lines.append({"name": name, "p1": p1, "p2": p2, "A_means": words[0], "B_means": words[1]})
    return lines


def crossings(rows: list[Row], lines: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return the first crossing of every track, line and direction by the centres of its boxes."""
    events, done = [], set()
    by_track: dict[int, list[Row]] = {}
    for row in rows:
        if row.label != "person":
            by_track.setdefault(row.track_id, []).append(row)
    for track_id, track in by_track.items():
        for line in lines:
            for before, after in itertools.pairwise(track):
                found = _crossed(before, after, line)
                if found and (track_id, line["name"], found[0]) not in done:
                    done.add((track_id, line["name"], found[0]))
                    events.append(_event(line, after, *found))
    return sorted(events, key=lambda e: (e["frame"], e["line"]))


def _crossed(before: Row, after: Row, line: dict[str, object]) -> tuple[str, np.ndarray] | None:
    """Return direction and place if the centre's way between two rows crosses the segment."""
    p1, p2 = np.array(line["p1"], float), np.array(line["p2"], float)
    d = p2 - p1
    q = [(np.array(r.box[:2]) + r.box[2:]) / 2 for r in (before, after)]
    c0, c1 = (d[0] * (p[1] - p1[1]) - d[1] * (p[0] - p1[0]) for p in q)
    if (c0 < 0) == (c1 < 0):
        return None
    place = q[0] + (q[1] - q[0]) * c0 / (c0 - c1)
    share = float((place - p1) @ d / (d @ d))
    return ("A" if c0 < 0 else "B", place) if 0 <= share <= 1 else None


def _event(line: dict[str, object], row: Row, direction: str, place: np.ndarray) -> dict[str, object]:
    event: dict[str, object] = {
        "line": line["name"],
        "frame": row.frame,
        "time_s": round(row.time_s, 3),
        "class": row.label,
        "direction": direction,
        "sure": True,
        "at": [round(float(v)) for v in place],
        "track_id": row.track_id,
    }
    if row.visibility < 0.3:
        event["occluded"] = True
    return event


def write_counts(path: Path, video: str, fps: float, frames: int, rows: list[Row], camera: Camera) -> None:
    """Write lines and events in the format of the project's manual counts."""
    lines = counting_lines(camera)
    about = {"video": video, "fps": fps, "frames": frames, "lines": lines, "events": crossings(rows, lines)}
    about["notes"] = "Exact: from the boxes of road.gt.txt. sure is always true; no track begins on a line."
    path.write_text(json.dumps(about, indent=1) + "\n")

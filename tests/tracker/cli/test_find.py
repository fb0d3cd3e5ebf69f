"""Tracks that look alike: by a picture, by a track, over several runs; kept, and purged."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

Track = Callable[..., Any]


@pytest.fixture
def run(replay: Track, tmp_path: Path) -> Path:
    """Track the tiny video, whose three vehicles have colours of their own."""
    done = replay("--no-video", "--out", tmp_path / "run")
    assert done.code == 0, done.complaint
    return tmp_path / "run"


def found(track: Track, folder: Path, *words: object) -> list[dict[str, str]]:
    done = track("find", "--csv", folder / "found.csv", *words)
    assert done.code == 0, done.complaint
    with (folder / "found.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def crop_of(video: Path, run: Path, track_id: str, frame: int) -> np.ndarray:
    with (run / "tracks.csv").open(newline="") as stream:
        row = next(
            r for r in csv.DictReader(stream) if r["track_id"] == track_id and int(r["frame"]) == frame
        )
    capture = cv2.VideoCapture(str(video))
    image = [capture.read()[1] for _ in range(frame + 1)][-1]
    left, top, right, bottom = (max(round(float(row[name])), 0) for name in ("x1", "y1", "x2", "y2"))
    return np.asarray(image[top:bottom, left:right])


def test_a_picture_finds_its_track(track: Track, run: Path, tiny_video: Path, tmp_path: Path) -> None:
    for number in ("1", "2", "3"):
        cv2.imwrite(str(tmp_path / "crop.png"), crop_of(tiny_video, run, number, 17))
        sheet = ("--image", tmp_path / "crop.png", "--sheet", tmp_path / "sheet.png")
        rows = found(track, tmp_path, "--run", run, *sheet)
        assert rows[0]["track_id"] == number
        assert len(rows) == 3
        values = [float(row["similarity"]) for row in rows]
        assert values == sorted(values, reverse=True)
        assert values[0] > values[1] + 0.2
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture is not None
    assert picture.std() > 20


def test_a_track_is_found_in_another_run(track: Track, run: Path, tmp_path: Path) -> None:
    """The same road seen by another camera, here the same video again; and it is not like itself."""
    shutil.copytree(run, tmp_path / "other")
    runs = ("--run", run, "--run", tmp_path / "other")
    for number in ("1", "2", "3"):
        rows = found(track, tmp_path, *runs, "--track", number)
        assert (rows[0]["run"], rows[0]["track_id"]) == (str(tmp_path / "other"), number)
        assert all((row["run"], row["track_id"]) != (str(run), number) for row in rows)
    assert len(found(track, tmp_path, *runs, "--track", "1", "--count", "2")) == 2


def test_what_tracks_look_like_is_kept_and_purged(track: Track, run: Path, tmp_path: Path) -> None:
    first = found(track, tmp_path, "--run", run, "--track", "1")
    kept = run / "lookalikes.npz"
    about = json.loads((run / "run.json").read_text())
    about["source"]["name"] = str(tmp_path / "gone.mp4")
    (run / "run.json").write_text(json.dumps(about))
    assert found(track, tmp_path, "--run", run, "--track", "1") == first, "without the video"
    kept.write_bytes(kept.read_bytes()[:100])
    assert "gone.mp4" in track("find", "--run", run, "--track", "1").complaint, "what is damaged is made anew"
    about["end"] = about["start"] = "2020-01-01T00:00:00+00:00"
    (run / "run.json").write_text(json.dumps(about))
    track("purge", run, "--older-than", "30")
    assert not kept.exists(), "people can be seen in it"
    assert (run / "tracks.csv").exists()


def test_slips(track: Track, run: Path) -> None:
    for words, complaint in (
        ((), "say what to look for: --image FILE, or --track NUMBER"),
        (("--track", "1", "--image", "a.png"), "say what to look for"),
        (("--track", "1", "--count", "0"), "--count must be at least 1"),
        (("--track", "99"), "there is no track 99 that was ever seen"),
        (("--track", "1", "--classes", "lorry"), "unknown class 'lorry'"),
        (("--image", "gone.png"), "picture gone.png cannot be read"),
        (("--track", "1", "--backbone", "gone.pt"), "weights gone.pt are missing"),
        (("--track", "1", "--backbone", "published:lenet5"), "nobody publishes weights of lenet5"),
        (("--track", "1", "--sheet", "gone/sheet.png"), "cannot write gone/sheet.png"),
    ):
        done = track("find", "--run", run, *words)
        assert done.code in (1, 2)
        assert complaint in done.complaint


def test_a_run_that_is_none_and_a_video_of_another(
    track: Track, run: Path, tiny_video: Path, tmp_path: Path
) -> None:
    assert "is no run" in track("find", "--run", tmp_path / "gone", "--track", "1").complaint
    about = json.loads((run / "run.json").read_text())
    about["source"]["width"] = 320
    (run / "run.json").write_text(json.dumps(about))
    assert "is not the video of" in track("find", "--run", run, "--track", "1").complaint

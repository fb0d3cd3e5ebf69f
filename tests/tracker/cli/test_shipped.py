"""The main job as it is shipped, on the sample, and what it does with weights and with very short videos."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from detectors import load_detector
from detectors.boxes import iou, xywh_to_xyxy
from detectors.zoo._weights import Description, build_network, save_weights
from tracker.config import DEFAULTS
from tracker.tracks import LifeConfig

Track = Callable[..., Any]
SAMPLE = Path(__file__).parents[3] / "sample_videos"


def cut(source: Path, path: Path, frames: int) -> Path:
    """Write the first frames of a video into another."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream("libx264", rate=25, options={"crf": "16", "preset": "ultrafast"})
        stream.width, stream.height = old.streams.video[0].width, old.streams.video[0].height
        stream.pix_fmt = "yuv420p"
        for frame in islice(old.decode(video=0), frames):
            new.mux(stream.encode(av.VideoFrame.from_ndarray(frame.to_ndarray(format="bgr24"), "bgr24")))
        new.mux(stream.encode(None))
    return path


def vehicles_in_plain_sight(index: int) -> np.ndarray:
    """Return the boxes, float32 (N, 4) xyxy, of what has wheels and is neither small nor hidden."""
    truth = np.loadtxt(SAMPLE / "road.gt.txt", delimiter=",")
    chosen = (truth[:, 0] == index + 1) & (truth[:, 7] <= 3) & (truth[:, 5] >= 35) & (truth[:, 8] > 0.95)
    return xywh_to_xyxy(truth[chosen, 2:6]).astype(np.float32)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def run_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return content


def test_the_sample_with_nothing_but_defaults(track: Track, tmp_path: Path) -> None:
    """The released network, the trigger, the propagator and the associator as they are shipped."""
    frames = 16
    assert track("--video", cut(SAMPLE / "road.mp4", tmp_path / "road.mp4", frames)).code == 0
    folder = tmp_path / "runs" / "road"
    run, rows = run_of(folder), rows_of(folder / "tracks.csv")
    assert {key: run["settings"][key] for key in DEFAULTS} == DEFAULTS
    assert (run["completed"], run["warnings"], run["frames"]) == (True, [], frames)
    assert 0 < run["cnn_share"] < 0.7
    own = getattr(load_detector(), "born_score", None)
    born = run["settings"]["options"]["associate"][DEFAULTS["associate"]]["born_score"]
    assert born == (LifeConfig().born_score if own is None else own)
    first = {row["track_id"]: row for row in reversed(rows)}
    assert min(float(row["score"]) for row in first.values()) >= born - 1e-3
    plain = vehicles_in_plain_sight(frames - 1)
    found = [row for row in rows if int(row["frame"]) == frames - 1 and row["class"] != "person"]
    boxes = np.array([[float(row[k]) for k in ("x1", "y1", "x2", "y2")] for row in found], np.float32)
    assert len(plain) >= 5
    assert (iou(plain, boxes).max(axis=1) >= 0.5).mean() > 0.5


def test_a_weight_file_is_read_for_its_architecture_and_for_its_tensors_and_never_again(
    track: Track, tmp_path: Path, tiny_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = Description("one_stage", "smaller_vgg_rep_nano", ("car",), (0,), (96, 64), 0.4)
    digest = save_weights(tmp_path / "mine.pt", build_network(about), about)
    for name in ("1.mp4", "2.mp4"):
        cut(tiny_video, tmp_path / name, 3)
    reads = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda path, **how: reads.append(path) or load(path, **how))
    option = ("--set", "detector.one_stage.score=0.99")
    done = track("--video", "?.mp4", "--detector", "mine.pt", "--no-video", "--out", "o", *option)
    assert done.code == 0, done.err
    assert len(reads) == 2
    for folder in ("1", "2"):
        run = run_of(tmp_path / "o" / folder)
        assert run["detector"] == {"name": "mine", "weights": "mine.pt", "sha256": digest}
        assert run["settings"]["options"]["detector"]["one_stage"]["score"] == 0.99


def test_a_video_of_two_frames_says_why_it_has_no_tracks(
    track: Track, tmp_path: Path, tiny_video: Path, tiny_boxes: Path
) -> None:
    cut(tiny_video, tmp_path / "two.mp4", 2)
    replay = ("--video", "two.mp4", "--detector", f"replay:{tiny_boxes}", "--no-video")
    done = track(*replay, "--out", "a")
    assert done.code == 0
    [warning] = run_of(tmp_path / "a")["warnings"]
    assert warning in done.err
    assert "3 road users were seen" in warning
    done = track(*replay, "--out", "b", "--set", "associate.two_stage.confirm_looks=1")
    assert (done.code, run_of(tmp_path / "b")["warnings"]) == (0, [])
    assert run_of(tmp_path / "b")["tracks_by_class"] == {"person": 3}

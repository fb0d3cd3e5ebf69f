"""``track calibrate`` with a detector of the project, and what runs make of its file."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import pytest

Track = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[3]
WEIGHTS = ROOT / "weights" / "smaller_vgg_rep_small_int8.onnx"


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's first two seconds."""
    path = tmp_path_factory.mktemp("road") / "road.mp4"
    with av.open(str(ROOT / "sample_videos" / "road.mp4")) as source, av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "18", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for frame in itertools.islice(source.decode(video=0), 50):
            image = cv2.resize(frame.to_ndarray(format="bgr24"), (640, 360), interpolation=cv2.INTER_AREA)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        file.mux(stream.encode(None))
    return path


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Weights of one's own, beside which there is nothing yet."""
    for suffix in (".onnx", ".toml"):
        shutil.copy(WEIGHTS.with_suffix(suffix), tmp_path / f"mine{suffix}")
    return tmp_path / "mine.onnx"


def run_of(track: Track, road: Path, weights: Path) -> tuple[dict[str, Any], str]:
    done = track(
        *("--video", road, "--detector", weights, "--propagate", "kalman", "--out", "run", "--overwrite"),
        "--no-video",
    )
    assert done.code == 0, done.err
    return json.loads(Path("run/run.json").read_text()), done.err


def test_fitted_and_used(track: Track, road: Path, weights: Path) -> None:
    other = shutil.copy(road, "other.mp4")
    words = ("calibrate", "--detector", weights, "--propagate", "kalman", "--video", road)
    done = track(*words, "--test", other, "--diagram", "diagram.png")
    assert done.code == 0, done.err
    assert "not fitted to" in done.out
    assert cv2.imread("diagram.png") is not None
    file = weights.with_suffix(".confidence.json")
    fit = json.loads(file.read_text())["fits"]["kalman"]
    assert fit["command"].startswith("track")
    assert fit["fitted"]["videos"] == ["road.mp4"]
    assert fit["tested"]["boxes"] == fit["fitted"]["boxes"] > 100

    fitted, _ = run_of(track, road, weights)
    assert fitted["settings"]["calibrated"] is True
    again = track(*words)
    assert again.complaint.endswith("has a fit for kalman: give --overwrite to replace it, or another --out")

    file.write_text(file.read_text().replace(json.loads(file.read_text())["sha256"], "0" * 64))
    stale, shown = run_of(track, road, weights)
    assert stale["settings"]["calibrated"] is False
    assert "was fitted to other weights" in " ".join(shown.split())
    assert any("was fitted to other weights" in warning for warning in stale["warnings"])
    refused = track("--video", road, "--detector", weights, "--set", f"calibrated={file}", "--out", "x")
    assert "was fitted to other weights: 'track calibrate' fits it anew" in refused.complaint


def test_slips(track: Track, road: Path, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "det.txt").write_text("1,-1,1,1,5,5,0.9,-1,-1,-1\n")
    for words, complaint in (
        (("--video", "nothing.mp4", "--detector", weights), "nothing.mp4"),
        (("--video", road, "--detector", "replay:det.txt"), "has no weights of its own"),
        (("--video", road, "--detector", weights, "--out", "none/x.json"), "no folder none"),
        (("--video", road, "--test", road, "--detector", weights), "is named twice"),
        (("--video", road, "--propagate", "none", "--detector", weights), "--trigger always"),
    ):
        done = track("calibrate", *words)
        assert done.code != 0
        assert complaint in done.complaint
    assert not list(tmp_path.glob("*.confidence.json"))
    refused = track("--video", road, "--set", "calibrated=none.json", "--out", "x")
    assert "confidences none.json cannot be read" in refused.complaint

"""Where results go: folder names for every kind of source."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.errors import UsageError
from tracker.cli.places import Outputs, next_place, plan, stem_of
from tracker.errors import SourceError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "1.jpg").write_bytes(b"")
    (tmp_path / "v1.mp4").write_bytes(b"")
    (tmp_path / "v2.mp4").write_bytes(b"")
    (tmp_path / "odd [1].mp4").write_bytes(b"")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("video", "stem"),
    [
        ("v1.mp4", "v1"),
        ("./frames/../v1.mp4", "v1"),
        ("odd [1].mp4", "odd [1]"),
        ("frames", "frames"),
        ("frames/", "frames"),
        ("frames/*.jpg", "frames"),
        ("f*/*.jpg", Path),
        ("*.jpg", Path),
        (".", Path),
        ("/", "pictures"),
        ("frames/1.jpg", "1"),
        ("https://host.example/a/road.mp4?x=1", "road"),
        ("https://host.example/a/two%20words.mp4", "two_20words"),
        ("rtsp://host.example:554/", "host.example"),
        ("rtsp://host.example/stream1", "stream1"),
        ("http://host.example/..", "stream"),
        ("http://[broken/x.mp4", "stream"),
    ],
)
def test_stem(video: str, stem: object, tmp_path: Path) -> None:
    assert stem_of(video) == (tmp_path.name if stem is Path else stem)


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://user:hunter2@cam.example/live",
        "rtsp://user:hunt/er2@cam.example/live",
        "https://user:hunter2@cam.example",
        "https://cam.example/live.mp4?token=hunter2",
        "rtsp://user:hunter2@[broken/live",
    ],
)
def test_no_password_becomes_a_folder(url: str) -> None:
    assert "hunt" not in stem_of(url)
    assert "er2" not in stem_of(url)


def test_every_recording_of_a_camera_has_its_own_folder() -> None:
    assert stem_of("0").startswith("camera0-2")
    assert stem_of("/dev/video3").startswith("cameravideo3-2")


def test_one_video_goes_straight_into_out() -> None:
    assert plan("v1.mp4", Outputs(folder=Path("o"))) == [("v1.mp4", Path("o"))]
    assert plan("v?.mp4", Outputs(folder=Path("o"))) == [
        ("v1.mp4", Path("o/v1")),
        ("v2.mp4", Path("o/v2")),
    ]
    assert plan("frames", Outputs()) == [("frames", Path("runs/frames"))]


def test_one_csv_does_not_hold_two_videos() -> None:
    with pytest.raises(UsageError, match="2 videos"):
        plan("v?.mp4", Outputs(csv=Path("a.csv")))


def test_nothing_matches() -> None:
    with pytest.raises(SourceError, match="matches no video"):
        plan("w*.mp4", Outputs())


@pytest.mark.parametrize(
    ("name", "following"),
    [("road", "road-2"), ("road-2", "road-3"), ("camera0-20261126-074014", "camera0-20261126-074014-2")],
)
def test_another_run_of_a_camera_has_a_folder_of_its_own(tmp_path: Path, name: str, following: str) -> None:
    assert next_place(tmp_path / name) == tmp_path / following


def test_a_folder_that_is_there_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "road-2").mkdir()
    assert next_place(tmp_path / "road") == tmp_path / "road-3"

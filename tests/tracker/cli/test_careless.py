"""What people type in a hurry: every slip is answered with what to type instead, and nothing is lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Track = Callable[..., Any]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--video", "a.mp4", "b.mp4", "--no-video"), "a glob in quotes"),
        (("--video=a.mp4", "b.mp4"), "a glob in quotes"),
        (("--video", "a.mp4", "--classes", "car", "bus"), "--classes car,bus"),
        (("--video", "a.mp4", "--trigger", "always", "interval"), "go with commas"),
        (("--video", "a.mp4", "--set", "score=1", "device=cpu"), "--set stands before every setting"),
        (("--no-video", "a.mp4"), "a video is named with --video"),
        (("help",), "track --help"),
        (("evaluate", "tracks.csv"), "there is classifier, counts, detector and tracking"),
        (("train",), "there is average, classifier, compare and detector"),
        (("data",), "there is check, extract, import, import-cvat and view"),
        (("data", "import", "--out", "x"), "Missing option '--from'"),
        (("data", "check"), "Missing argument 'SET...'"),
        (("--out", "x", "data", "import"), "--out has no meaning before 'data'"),
        (("export",), "there is cvat and detector"),
        (("data", "extract", "a.mp4"), "Missing option '--out'"),
        (("data", "import-cvat", "a.xml"), "Missing option '--out'"),
        (("export", "cvat", "--out", "a.xml"), "Missing option '--run'"),
        (("model",), "there is show and summary"),
        (("model", "summary", "vgg61"), "did you mean vgg"),
        (("model", "summary", "lenet5", "--input", "28x28"), "--input is CHANNELSxHEIGHTxWIDTH"),
        (("model", "summary", "lenet5", "--input", "4x28x28"), "1 or 3 channels"),
        (("model", "summary", "lenet5", "--csv", "table.txt"), "--csv must end in .csv"),
        (("model", "summary", "smaller_vgg_rep_small_int8"), "is an ONNX file"),
        (("model", "summary", "smaller_vgg", "--classes", "5"), "--classes has no meaning with smaller_vgg"),
        (("model", "show", "lenet5", "--image", "a.png", "--out", "sheet.gif"), "--out must end in .png"),
        (("--video", ""), "'--video': is empty"),
        (("--video", "a.mp4", "--out", ""), "'--out': is empty"),
        (("--video", "a.mp4", "--csv", " "), "'--csv': is empty"),
        (("--video", "a.mp4", "--config", ""), "'--config': is empty"),
        (("--video", "a.mp4", "--detector", ""), "'--detector': is empty"),
        (("--video", "a.mp4", "detectors"), "--video has no meaning before 'detectors'"),
        (("--webcam", "0", "evaluate", "counts"), "--webcam has no meaning before 'evaluate'"),
        (("--out", "x", "train", "detector"), "--out has no meaning before 'train'"),
        (("--video", "a.mp4", "--mqtt", "mqtt://broker"), "it goes with --serve"),
        (("--serve", "8000", "serve"), "--serve has no meaning before 'serve'"),
        (("serve",), "Missing option '--config'"),
        (("serve", "--config", "nothing.toml"), "nothing.toml cannot be read"),
    ],
)
def test_slips(track: Track, arguments: tuple[str, ...], words: str) -> None:
    done = track(*arguments)
    assert done.code == 2
    assert words in done.complaint
    assert done.out == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--no-video", "--codec", "vp9"), "--codec vp9 has no meaning with --no-video"),
        (("--no-video", "--set", "sink.video.trail_s=2"), "sinks of this run are csv, mot, run_json"),
        (("--set", "sink.window.title=road"), "sinks of this run are csv, mot, video, run_json"),
        (("--classes", "Person"), "did you mean person?"),
        (("--classes", ""), "--classes names no class"),
        (("--classes", " , "), "--classes names no class"),
        (("--score", "0.1", "--set", "score=0.9"), "score is said twice, by --score and by --set score=0.9"),
        (("--set", "score=0.1", "--set", "score =0.9"), "score is said twice, by --set score=0.1 and by"),
        (("--set", "video=x.mp4"), "video is said twice, by --video or --webcam and by --set"),
        (("--trigger", "always", "--set", "trigger=interval"), "trigger is said twice"),
        (
            ("--confidence", "0.1", "--set", "trigger.confidence.threshold=0.9"),
            "by --confidence and by --set",
        ),
        (("--interval", "1", "--set", "trigger.confidence.interval_s=2"), "by --interval and by --set"),
        (("--codec", "vp9", "--set", "sink.video.codec=av1"), "by --codec and by --set"),
        (
            ("--score", "0.1", "--set", "detector.replay.min_score=0.9"),
            "no effect: score 0.1 stands above it",
        ),
        (("--score", "40"), "[0, 1], not 40"),
        (("--score", "0,4"), "--score"),
    ],
)
def test_slips_on_a_good_video(replay: Track, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = replay(*arguments)
    assert done.code == 2
    assert words in done.complaint
    assert not (tmp_path / "runs").exists()


def test_a_settings_file_may_hold_options_of_sinks_that_are_not_used(replay: Track, tmp_path: Path) -> None:
    (tmp_path / "road.toml").write_text(
        '[sink.video]\ncodec = "vp9"\ntrail_s = 2.0\n[sink.window]\ntitle = "road"\n'
    )
    done = replay("--config", "road.toml", "--no-video", "--out", "o")
    assert done.code == 0, done.err


def test_a_folder_of_videos_is_answered_with_its_glob(track: Track, tmp_path: Path, tiny_video: Path) -> None:
    (tmp_path / "my clips").mkdir()
    shutil.copy(tiny_video, tmp_path / "my clips" / "a.MOV")
    done = track("--video", "my clips")
    assert done.code == 1
    assert "a glob in quotes, such as 'my clips/*.MOV'" in done.complaint


@pytest.mark.parametrize(
    ("video", "words"),
    [
        ("gone/road.mp4", "no such file"),
        ("file.txt/road.mp4", "Not a directory"),
        ("x" * 300 + ".mp4", "File name too long"),
        ("x" * 300 + ".png", "File name too long"),
        ("*.avi", "glob matches no video"),
        ("*.png", "matches no file"),
    ],
)
def test_a_path_that_leads_nowhere(replay: Track, tmp_path: Path, video: str, words: str) -> None:
    (tmp_path / "file.txt").write_text("mine")
    done = replay("--video", video)
    assert done.code == 1
    assert words in done.complaint


def test_spaces_and_umlauts(track: Track, tmp_path: Path, tiny_video: Path, tiny_boxes: Path) -> None:
    (tmp_path / "Süd Straße").mkdir()
    video = shutil.copy(tiny_video, tmp_path / "Süd Straße" / "Auto #1 (2) %d 100%.mp4")
    boxes = shutil.copy(tiny_boxes, tmp_path / "Süd Straße" / "Käst chen.txt")
    done = track("--video", video, "--detector", f"replay:{boxes}", "--out", "Süd Straße/ö o")
    assert done.code == 0, done.err
    assert "Süd Straße/ö o/tracks.csv" in done.err
    run = json.loads((tmp_path / "Süd Straße" / "ö o" / "run.json").read_text())
    assert run["source"]["name"] == str(video)
    assert run["frames"] == 50


def test_a_tilde_that_the_shell_left(
    track: Track, tmp_path: Path, tiny_video: Path, tiny_boxes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No shell replaces the one of ``--out=~/results``."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    shutil.copy(tiny_video, tmp_path / "home")
    done = track(
        "--video=~/tiny.mp4", "--detector", f"replay:{tiny_boxes}", "--no-video", "--out=~/o", "--csv=~/x.csv"
    )
    assert done.code == 0, done.err
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["o", "tiny.mp4", "x.csv"]
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--debug", "--video", "gone.mp4"),
        ("--video", "gone.mp4", "--debug"),
        ("--debug", "evaluate", "counts", "--truth", "gone", "--tracks", "gone"),
        ("evaluate", "--debug", "counts", "--truth", "gone", "--tracks", "gone"),
        ("evaluate", "counts", "--truth", "gone", "--tracks", "gone", "--debug"),
        ("train", "detector", "--debug", "--data", "gone", "--out", "x", "--minutes", "1"),
    ],
)
def test_debug_shows_where_from_any_place(track: Track, arguments: tuple[str, ...]) -> None:
    done = track(*arguments)
    assert done.code == 1
    assert "Traceback" in done.err
    last = done.err.splitlines()[-1]
    assert last.startswith("track: ")
    assert "gone" in last

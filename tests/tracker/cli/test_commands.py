"""The commands beside the main job, and that ``track --help`` answers at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from tracker.cli.app import build_app

Track = Callable[..., Any]
HEAVY = ("torch", "torchvision", "cv2", "av", "dlib", "scipy", "matplotlib", "numpy", "supervision")


def commands(command: Any, words: tuple[str, ...] = ("track",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command and group with the words that call it."""
    yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*words, name))


ALL = list(commands(get_command(build_app())))


def test_the_walk_finds_every_command() -> None:
    assert {" ".join(words) for words, _ in ALL} == {
        "track",
        "track calibrate",
        "track classify",
        "track data",
        "track data check",
        "track data import",
        "track data view",
        "track data extract",
        "track data import-cvat",
        "track detectors",
        "track evaluate",
        "track evaluate classifier",
        "track evaluate counts",
        "track evaluate detector",
        "track evaluate tracking",
        "track export",
        "track export cvat",
        "track export detector",
        "track find",
        "track model",
        "track model show",
        "track model summary",
        "track purge",
        "track recount",
        "track report",
        "track scene",
        "track serve",
        "track train",
        "track train average",
        "track train classifier",
        "track train compare",
        "track train detector",
    }


@pytest.mark.parametrize(("words", "command"), ALL, ids=[" ".join(words) for words, _ in ALL])
def test_every_command_and_option_is_documented(words: tuple[str, ...], command: Any) -> None:
    assert command.help, words
    for parameter in command.params:
        assert getattr(parameter, "help", None), (words, parameter.name)


@pytest.mark.parametrize("words", [words[1:] for words, _ in ALL], ids=" ".join)
def test_every_command_has_help(track: Track, words: tuple[str, ...]) -> None:
    done = track(*words, "--help")
    assert done.code == 0
    assert "Usage" in done.out
    assert done.err == ""


def test_the_options_of_the_main_job_stand_in_panels(track: Track) -> None:
    lines = track("--help").out.splitlines()
    titles = [line.strip("╭─╮ ") for line in lines if line.startswith("╭─")]
    assert titles == ["Options", "Input", "Output", "What is tracked", "Tuning", "Commands"]
    assert max(map(len, lines)) == 80


@pytest.mark.parametrize("arguments", ["--help", "--version", "train classifier -h", "find -h"])
def test_help_imports_nothing_heavy(arguments: str) -> None:
    script = (
        "import sys; from tracker.cli.app import run_app; run_app(sys.argv[1:]);"
        f"print('LOADED', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments.split()], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_version(track: Track) -> None:
    done = track("--version")
    assert done.code == 0
    assert done.out.startswith("track")


def test_detectors_lists_the_released_ones_and_replay(track: Track) -> None:
    from detectors.catalog import manifest

    done = track("detectors")
    assert done.code == 0
    assert done.err == ""
    for name in (*manifest(), "replay:FILE", "FILE.pt", "FILE.onnx"):
        assert name in done.out


@pytest.fixture
def counted(tmp_path: Path) -> tuple[Path, Path]:
    """Write counts of one line with two vehicles, and tracks that cross it with one of them."""
    event = {"line": "middle", "class": "car", "direction": "A", "sure": True}
    truth = {
        "clip": "tiny",
        "fps": 25.0,
        "lines": [{"name": "middle", "p1": [80, 120], "p2": [80, 0], "A": "right", "B": "left"}],
        "events": [{**event, "frame": 20, "time_s": 0.8}, {**event, "frame": 90, "time_s": 3.6}],
    }
    (tmp_path / "counts.json").write_text(json.dumps(truth))
    rows = ["frame,time_s,track_id,class,score,x1,y1,x2,y2,origin,confidence"]
    rows += [
        f"{i},{i / 25:.3f},1,car,0.9,{20 + 2 * i}.5,40,{60 + 2 * i}.5,60,detected,0.9" for i in range(40)
    ]
    (tmp_path / "tracks.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "counts.json", tmp_path / "tracks.csv"


def test_evaluate_counts_says_hits_misses_and_f1(track: Track, counted: tuple[Path, Path]) -> None:
    done = track("evaluate", "counts", "--truth", counted[0], "--tracks", counted[1], "--json")
    assert done.code == 0, done.err
    pooled = json.loads(done.out)["pooled"]
    assert (pooled["hits"], pooled["misses"], pooled["false"]) == (1, 1, 0)
    assert pooled["f1"] == pytest.approx(2 / 3, abs=1e-3)
    table = track("evaluate", "counts", "--truth", counted[0], "--tracks", counted[1], "--details")
    assert "0.667" in table.out
    assert "missed" in table.out


@pytest.mark.parametrize(
    ("truth", "tracks", "code"),
    [("gone.json", "tracks.csv", 1), ("counts.json", "gone.csv", 1), ("bad.json", "tracks.csv", 1)],
)
def test_evaluate_counts_of_files_that_are_none(
    track: Track, tmp_path: Path, counted: tuple[Path, Path], truth: str, tracks: str, code: int
) -> None:
    (tmp_path / "bad.json").write_text('{"lines": 3}')
    done = track("evaluate", "counts", "--truth", truth, "--tracks", tracks)
    assert done.code == code
    named = truth if truth != "counts.json" else tracks
    assert named in done.complaint


def test_evaluate_counts_wants_pairs(track: Track, counted: tuple[Path, Path]) -> None:
    done = track("evaluate", "counts", "--truth", counted[0], "--truth", counted[0], "--tracks", counted[1])
    assert done.code == 2
    assert "--tracks" in done.complaint


def test_typer_is_new_enough() -> None:
    """Its errors are told apart by a class that came with 0.28."""
    assert issubclass(typer.TyperException, Exception)

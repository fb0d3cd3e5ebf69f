"""Detectors are found by name or path."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from detectors import catalog, load_detector
from detectors.catalog import find_detector
from detectors.errors import UnknownNameError, UsageError, WeightsError


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand a folder of our own in for the installed package of weights."""
    monkeypatch.setattr(catalog.resources, "files", lambda package: tmp_path)
    return tmp_path


RELEASED = '[smaller_vgg]\nfile = "small.pt"\nsha256 = "abc"\narchitecture = "faster_rcnn"\n'


def test_a_released_name(shelf: Path) -> None:
    (shelf / "manifest.toml").write_text(RELEASED)
    choice = find_detector("smaller_vgg")
    assert choice.component == "faster_rcnn"
    assert choice.options == {"weights": str(shelf / "small.pt"), "sha256": "abc"}
    assert choice.facts == {"name": "smaller_vgg", "weights": "small.pt", "sha256": "abc"}
    with pytest.raises(WeightsError, match=r"small\.pt are missing"):
        load_detector("smaller_vgg")


def test_an_unknown_name_gives_the_nearest(shelf: Path) -> None:
    (shelf / "manifest.toml").write_text(RELEASED)
    with pytest.raises(UnknownNameError, match="unknown detector 'smaler_vgg': did you mean smaller_vgg"):
        find_detector("smaler_vgg")
    with pytest.raises(UnknownNameError, match="there is replay, smaller_vgg"):
        find_detector("zzz")


@pytest.mark.parametrize(
    ("name", "component", "options"),
    [
        ("a/mine.pt", "faster_rcnn", {"weights": "a/mine.pt"}),
        ("mine.PT", "faster_rcnn", {"weights": "mine.PT"}),
        ("det/det.txt", "replay", {"path": "det/det.txt"}),
        ("runs/tracks.csv", "replay", {"path": "runs/tracks.csv"}),
        ("replay:boxes", "replay", {"path": "boxes"}),
    ],
)
def test_paths(name: str, component: str, options: dict[str, object]) -> None:
    choice = find_detector(name)
    assert (choice.component, choice.options) == (component, options)


def test_the_facts_of_a_weight_file_hold_its_digest(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"road")
    digest = sha256(b"road").hexdigest()
    assert find_detector(str(tmp_path / "mine.pt")).facts["sha256"] == digest


@pytest.mark.parametrize("name", ["replay", "replay:"])
def test_replay_needs_a_file(name: str) -> None:
    with pytest.raises(UsageError, match="replay needs a file of boxes"):
        find_detector(name)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "manifest cannot be read"),
        (b"[half\n", "manifest cannot be read"),
        (b"\xff\xfe", "manifest cannot be read"),
        (b'[smaller_vgg]\nfile = "small.pt"\n', "does not say sha256, architecture of 'smaller_vgg'"),
        (b'smaller_vgg = "small.pt"\n', "does not say file"),
    ],
)
def test_a_damaged_manifest(shelf: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (shelf / "manifest.toml").write_bytes(content)
    with pytest.raises(WeightsError, match=words):
        find_detector("smaller_vgg")


def test_what_is_released_can_be_found() -> None:
    for name in catalog.manifest():
        choice = find_detector(name)
        assert choice.component in catalog.ZOO.names()
        assert len(str(choice.options["sha256"])) == 64
        assert Path(str(choice.options["weights"])).is_file()

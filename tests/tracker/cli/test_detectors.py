"""``track detectors``, and detectors of one's own given to ``track``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from detectors import catalog
from detectors.zoo._weights import Description, build_network, save_weights

Track = Callable[..., Any]
OWN = ("tram", "rickshaw", "car")
GOOD = """
[good]
file = "good.pt"
sha256 = "abc"
architecture = "faster_rcnn"
backbone = "smaller_vgg"
classes = ["car", "b[u]s"]
input_size = [96, 64]
[good.measured]
ap50_any_vehicle = 0.523
"""


@pytest.fixture
def shelf(track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand a folder of our own in for the installed package of weights; the list gets wide lines."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setattr(catalog.resources, "files", lambda package: folder)
    monkeypatch.setenv("COLUMNS", "200")
    return folder


@pytest.fixture(scope="module")
def own_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield weights that call everything a tram, with certainty."""
    state = torch.get_rng_state()
    torch.manual_seed(0)
    description = Description("faster_rcnn", "smaller_vgg", OWN, (2,), (96, 64), 0.4)
    net: Any = build_network(description)
    with torch.no_grad():
        net.roi_heads.box_predictor.logits.weight.zero_()
        net.roi_heads.box_predictor.logits.bias.copy_(torch.tensor([0.0, 20.0, 0.0, 0.0]))
    path = tmp_path_factory.mktemp("own") / "mine.pt"
    save_weights(path, net, description)
    yield path
    torch.set_rng_state(state)


def test_one_bad_entry_does_not_hide_the_others(track: Track, shelf: Path) -> None:
    (shelf / "manifest.toml").write_text(f'version = 1\n[half]\nclasses = "car"\n{GOOD}')
    done = track("detectors")
    assert done.code == 1
    row = next(line for line in done.out.splitlines() if "good" in line)
    for cell in ("faster_rcnn on smaller_vgg", "car, b[u]s", "96x64", "0.523"):
        assert cell in row
    assert "FILE.pt" in done.out
    assert "ssdlite320_mobilenet_v3_large" in done.out
    complaints = done.err.splitlines()
    assert len(complaints) == 2
    assert "wrong about 'version'" in complaints[0]
    assert "does not say architecture, file, sha256, input_size of 'half'" in complaints[1]


@pytest.mark.parametrize("more", ["measured = 3", 'use = ["fast"]', "backbone = 1"])
def test_a_wrong_kind_of_fact_is_one_line(track: Track, shelf: Path, more: str) -> None:
    rows = [row for row in GOOD.partition("[good.measured]")[0].splitlines() if "backbone" not in row]
    (shelf / "manifest.toml").write_text("\n".join([*rows, more]))
    done = track("detectors")
    assert done.code == 1
    assert f"wrong about 'good': {more.partition(' ')[0]} must be" in done.complaint


def test_a_manifest_that_cannot_be_read(track: Track, shelf: Path) -> None:
    (shelf / "manifest.toml").write_text("[half")
    done = track("detectors")
    assert done.code == 1
    assert "manifest cannot be read" in done.complaint
    assert done.out == ""


def test_only_what_is_needed_can_be_listed(track: Track, shelf: Path) -> None:
    (shelf / "manifest.toml").write_text(GOOD.partition("[good.measured]")[0].replace("backbone", "base"))
    done = track("detectors")
    assert (done.code, done.err) == (0, "")
    assert "faster_rcnn " in next(line for line in done.out.splitlines() if "good" in line)


def test_classes_that_all_have_are_said_once(track: Track, shelf: Path) -> None:
    other = GOOD.replace("[good", "[other")
    (shelf / "manifest.toml").write_text(GOOD + other)
    out = " ".join(track("detectors").out.split())
    assert out.count("b[u]s") == 1
    assert "all know car, b[u]s" in out
    (shelf / "manifest.toml").write_text(GOOD + other.replace("b[u]s", "tram"))
    out = track("detectors").out
    assert "all know" not in out
    assert "tram" in out


def test_the_list_can_be_read_in_a_narrow_window(
    track: Track, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is cut within a word, and what no detector has takes no room."""
    names = '["car", "bus", "truck", "motorbike", "bicycle", "person"]'
    entry = GOOD.replace("[good", "[smaller_vgg").replace('["car", "b[u]s"]', names)
    monkeypatch.setenv("COLUMNS", "80")
    for more, columns in (
        ("", "name network classes input AP50"),
        ("ms = 93.4\n", "name network classes input AP50 ms"),
    ):
        (shelf / "manifest.toml").write_text(entry + more)
        lines = track("detectors").out.splitlines()
        assert max(map(len, lines)) <= 80
        heads = next(line for line in lines if "network" in line)
        assert heads.split() == columns.split()
        words = " ".join(lines).replace(",", " ").split()
        assert {"faster_rcnn", "smaller_vgg", "motorbike", "bicycle", "person", "96x64", "0.523"} <= {*words}
        assert len(lines) <= 13


def test_a_detector_of_ones_own_has_its_own_classes(
    track: Track, tmp_path: Path, tiny_video: Path, own_weights: Path
) -> None:
    done = track(
        *("--video", tiny_video, "--detector", own_weights, "--classes", "tram,car", "--device", "cpu"),
        *("--propagate", "kalman", "--trigger", "interval", "--interval", "0.4", "--no-video", "--out", "o"),
    )
    assert done.code == 0, done.err
    assert set(json.loads((tmp_path / "o" / "run.json").read_text())["tracks_by_class"]) == {"tram"}


def test_a_class_that_ones_own_detector_does_not_have(
    track: Track, tmp_path: Path, tiny_video: Path, own_weights: Path
) -> None:
    for name, words in (("bus", "there is car, rickshaw, tram"), ("rikshaw", "did you mean rickshaw?")):
        done = track("--video", tiny_video, "--detector", own_weights, "--classes", name, "--device", "cpu")
        assert done.code == 2
        assert f"unknown class '{name}': {words}" in done.complaint
    assert not (tmp_path / "runs").exists()

"""``track --scene``, ``track recount`` and ``track scene``: counts beside the tracks."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from tracker import types
from tracker.recount._row import Row
from tracker.scene import read_scene

Track = Callable[..., Any]
SCENE = """
size = [160, 120]
[[line]]
name = "all of them"
points = [[80, 0], [80, 119]]
directions = ["left", "right"]
[[zone]]
name = "middle"
points = [[60, 0], [100, 0], [100, 119], [60, 119]]
[[gate]]
name = "west"
points = [[50, 0], [50, 119]]
[[gate]]
name = "east"
points = [[90, 0], [90, 119]]
"""
TABLES = {"events.csv", "counts.csv", "zones.csv", "turns.csv", "scene.toml", "background.jpg"}


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "scene.toml"
    path.write_text(SCENE)
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_scene_brings_its_tables(replay: Track, scene: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = replay("--scene", scene, "--out", out)
    assert ran.code == 0
    assert names(out) == TABLES | {"run.json", "tracks.csv", "tracks.mot.txt", "annotated.mp4"}
    crossings = [row for row in rows(out / "events.csv") if row["kind"] == "crossing"]
    # the first vehicle's centre starts at x = 19 and drives 50 px a second; the second comes from 141
    assert sorted((row["direction"], round(float(row["time_s"]), 1)) for row in crossings) == [
        ("left", 1.2),
        ("right", 0.3),
        ("right", 1.2),
    ]
    counts = rows(out / "counts.csv")
    assert sum(int(row["count"]) for row in counts) == 3
    assert {row["line"] for row in counts} == {"all of them"}
    zone = rows(out / "zones.csv")[0]
    assert (zone["zone"], zone["entered"]) == ("middle", "3")
    turns = {(row["origin"], row["destination"]) for row in rows(out / "turns.csv")}
    assert turns == {("west", "east"), ("east", "west")}
    assert read_scene(out / "scene.toml").lines[0].name == "all of them"
    run = json.loads((out / "run.json").read_text())
    assert run["seen_s"] == [[0.0, 2.0]]
    assert run["settings"]["scene"] == str(scene)
    assert "all of them: 1 left, 2 right" in " ".join(ran.err.split())


def test_without_zones_and_gates_there_are_no_such_tables(replay: Track, scene: Path, tmp_path: Path) -> None:
    scene.write_text(SCENE[: SCENE.index("[[zone]]")])
    replay("--scene", scene, "--out", tmp_path / "out", "--no-video")
    assert not {"zones.csv", "turns.csv"} & names(tmp_path / "out")


def test_where_the_scene_says_so_nothing_is_tracked(replay: Track, scene: Path, tmp_path: Path) -> None:
    scene.write_text(SCENE + "[[ignore]]\npoints = [[0, 0], [159, 0], [159, 75], [0, 75]]\n")
    replay("--scene", scene, "--out", tmp_path / "out", "--no-video")
    assert {row["track_id"] for row in rows(tmp_path / "out" / "tracks.csv")} == {"1"}


def test_recount_gives_what_the_run_gave(replay: Track, track: Track, scene: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    replay("--scene", scene, "--out", out, "--no-video")
    before = {name: rows(out / name) for name in ("events.csv", "counts.csv", "zones.csv", "turns.csv")}
    ran = track("recount", out, "--scene", scene, "--overwrite")
    assert ran.code == 0
    after = {name: rows(out / name) for name in before}
    same = ("kind", "name", "direction", "track_id", "class", "frame")
    for name, old in before.items():
        assert len(after[name]) == len(old)
    for one, two in zip(before["events.csv"], after["events.csv"], strict=True):
        assert [one[key] for key in same] == [two[key] for key in same]
        assert float(one["time_s"]) == pytest.approx(float(two["time_s"]), abs=0.01)
    assert [row["count"] for row in after["counts.csv"]] == [row["count"] for row in before["counts.csv"]]
    assert [row["coverage"] for row in after["counts.csv"]] == [
        row["coverage"] for row in before["counts.csv"]
    ]


def test_recount_with_another_line(replay: Track, track: Track, scene: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    replay("--out", out, "--no-video")
    scene.write_text(SCENE.replace("[80, 0], [80, 119]", "[80, 80], [80, 119]"))
    assert track("recount", out, "--scene", scene).code == 0
    crossings = [row for row in rows(out / "events.csv") if row["kind"] == "crossing"]
    assert [row["direction"] for row in crossings] == ["right"]
    again = track("recount", out, "--scene", scene)
    assert again.code == 2
    assert "give --overwrite to count this run anew" in again.complaint


def test_a_recount_that_fails_keeps_the_earlier_counts(
    replay: Track, track: Track, scene: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    replay("--scene", scene, "--out", out, "--no-video")
    kept = {path.name: path.read_bytes() for path in out.iterdir() if path.name in TABLES}
    with (out / "tracks.csv").open("a") as file:
        file.write("50,2.0,x\n")
    ran = track("recount", out, "--scene", scene, "--overwrite")
    assert ran.code == 1
    assert "tracks.csv line 152: not a row of tracks: 3 cells, 11 expected" in ran.complaint
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.name in TABLES} == kept
    assert track("recount", out, "--scene", scene, "--overwrite", "--db", "oracle://x").code == 2
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_a_first_scene_from_where_vehicles_go(
    track: Track, tiny_video: Path, tiny_boxes: Path, tmp_path: Path
) -> None:
    boxes = f"replay:{tiny_boxes}"
    ran = track("scene", tiny_video, "--detector", boxes, "--out", "first.toml", "--classes", "person")
    assert ran.code == 0
    found = read_scene(tmp_path / "first.toml")
    assert found.size == (160, 120)
    assert len(found.lines) >= 1
    assert cv2.imread(str(tmp_path / "first.png")).shape == (120, 160, 3)
    assert track("scene", tiny_video, "--detector", boxes, "--out", "first.toml").code == 2
    assert track("scene", tiny_video, "--scene", "first.toml", "--out", "again.toml").code == 0
    assert (tmp_path / "again.png").exists()
    assert not (tmp_path / "again.toml").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('name = "middle"', 'name = "middle"\nclasses = ["lorry"]'), "zone 'middle': no class 'lorry'"),
        (("size = [160, 120]", "size = 3"), "size must be [width, height]"),
        (("[[line]]", "[[lines]]"), "lines is unknown"),
    ],
)
def test_a_wrong_scene_is_said_before_anything_is_written(
    replay: Track, scene: Path, tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    scene.write_text(SCENE.replace(*change, 1))
    ran = replay("--scene", scene, "--out", tmp_path / "out")
    assert ran.code == 2
    assert words in ran.complaint
    assert str(scene) in ran.complaint
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_recounted(track: Track, scene: Path, tmp_path: Path) -> None:
    assert "is no run" in track("recount", tmp_path / "nowhere", "--scene", scene).complaint
    (tmp_path / "run.json").write_text("{}")
    assert "is damaged" in track("recount", tmp_path, "--scene", scene).complaint
    about = {"source": {"width": 160, "height": 120}, "class_names": ["person"]}
    for damage in ({"cuts_s": ["x"]}, {"cuts_s": 3}, {"seen_s": [[1]]}):
        (tmp_path / "run.json").write_text(json.dumps({**about, **damage}))
        assert "is damaged" in track("recount", tmp_path, "--scene", scene).complaint
    (tmp_path / "run.json").write_text(json.dumps(about))
    assert "cannot read the tracks" in track("recount", tmp_path, "--scene", scene, "--overwrite").complaint


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (",person,", ",tram,", "class 'tram' is none of"),
        (",detected,", ",guessed,", "origin 'guessed' is none of"),
    ],
)
def test_rows_that_no_run_writes(
    replay: Track, track: Track, scene: Path, tmp_path: Path, old: str, new: str, words: str
) -> None:
    out = tmp_path / "out"
    replay("--out", out, "--no-video")
    rows = (out / "tracks.csv").read_text()
    assert old in rows
    (out / "tracks.csv").write_text(rows.replace(old, new, 1))
    ran = track("recount", out, "--scene", scene)
    assert ran.code == 1
    assert words in ran.complaint


def test_a_row_has_all_that_a_track_has() -> None:
    fields = [(field.name, field.default) for field in dataclasses.fields(types.Track)]
    defaults = Row._field_defaults
    assert fields == [(name, defaults.get(name, dataclasses.MISSING)) for name in Row._fields]


def test_options_that_have_no_meaning(replay: Track) -> None:
    assert "--lang pt-BR is the language of a report" in replay("--lang", "pt-BR").complaint
    assert "evidence is of those who cross a line" in replay("--evidence").complaint
    assert "unknown language 'pt'" in replay("--report", "--lang", "pt").complaint
    assert not Path("runs").exists()  # it is said before anything is tracked
    assert "retention_days must be above 0" in replay("--retention-days", "0").complaint

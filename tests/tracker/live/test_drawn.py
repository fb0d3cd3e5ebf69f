"""What is drawn reaches the scene file whole or not at all, and nothing else in the file changes."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tracker.live.app import build_app
from tracker.live.messages import Restart
from tracker.scene.reading import read_scene

Live = Any  # conftest.Live: test files do not import one another
PATH = "/api/cameras/gate/scene"
WIDTH, HEIGHT = 320, 180
SCENE = """\
size = [640, 360]
name = "Bridge"
time_zone = "America/Sao_Paulo"
start = 2026-03-02T07:30:00

[[line]]
name = "North"
points = [[-3.25, 100.0], [500.0, 101.37]]
directions = ["in", "out"]
classes = ["car", "bus"]
anchor = "foot"

[[zone]]
name = "Stop"
points = [[10, 10], [90, 10], [90, 80]]
classes = ["bus"]

[[gate]]
name = "West"
points = [[1, 1], [1, 300]]

[[ignore]]
points = [[0, 0], [50, 0], [50, 20]]

[pcu]
car = 1.0
bus = 2.5

[[calibration.point]]
pixel = [100, 100]
metres = [0, 0]

[[calibration.point]]
pixel = [500, 100]
metres = [10, 0]

[[calibration.point]]
pixel = [600, 300]
metres = [10, 20]

[[calibration.point]]
pixel = [50, 300]
metres = [0, 20]
"""
LINE = {"name": "South", "points": [[10, 20], [200, 30.5]], "directions": ["to the bridge", "from it"]}


@pytest.fixture
def client(live: Live) -> TestClient:
    return TestClient(build_app(live.hub, None), base_url="http://localhost")


@pytest.fixture
def file(live: Live, tmp_path: Path) -> Path:
    path = tmp_path / "scene.toml"
    path.write_text(SCENE)
    live.open(scene_file=path)
    return path


def put(client: TestClient, content: object) -> tuple[int, dict[str, Any]]:
    answer = client.put(PATH, content=json.dumps(content), headers={"content-type": "application/json"})
    return answer.status_code, answer.json()


def drawn(client: TestClient) -> dict[str, Any]:
    scene = client.get(PATH).json()
    return {"lines": scene["lines"], "zones": scene["zones"], "version": scene["version"]}


def test_points_are_told_in_pixels_of_the_picture(client: TestClient, file: Path) -> None:
    scene = client.get(PATH).json()
    assert (scene["width"], scene["height"], scene["has_file"]) == (WIDTH, HEIGHT, True)
    assert scene["lines"][0]["points"] == [[-1.625, 50.0], [250.0, 50.685]]


def test_saving_what_was_loaded_changes_nothing(client: TestClient, file: Path) -> None:
    before = read_scene(file)
    assert put(client, drawn(client))[0] == 200
    assert read_scene(file) == before


def test_everything_else_stays(live: Live, client: TestClient, file: Path) -> None:
    before = read_scene(file)
    file.chmod(0o640)
    content = drawn(client)
    content["lines"][0]["points"][1] = [100, 90]
    content["lines"].append(LINE)
    content["zones"] = []
    status, answer = put(client, content)
    assert status == 200
    assert [line["name"] for line in answer["lines"]] == ["North", "South"]
    after = read_scene(file)
    north, south = after.lines
    assert north.points == ((-3.25, 100.0), (200.0, 180.0))
    assert (north.classes, north.anchor) == (("car", "bus"), "foot")
    assert south.points == ((20, 40), (400, 61))
    assert after.zones == ()
    for name in ("size", "name", "time_zone", "start", "gates", "ignore", "pcu", "calibration", "interval_s"):
        assert getattr(after, name) == getattr(before, name), name
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(file.parent) == [file.name]
    assert live.cameras[0].heard() == Restart()


def test_a_line_that_is_renamed_keeps_its_classes(client: TestClient, file: Path) -> None:
    content = drawn(client)
    content["lines"][0] |= {"name": "Norte", "was": "North"}
    assert put(client, content)[0] == 200
    assert read_scene(file).lines[0].classes == ("car", "bus")


def test_a_scene_in_fractions_stays_in_fractions(live: Live, client: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "scene.toml"
    path.write_text('units = "fractions"\n[[line]]\nname = "A"\npoints = [[0.1, 0.2], [0.3, 0.4]]\n')
    live.open(scene_file=path)
    content = drawn(client)
    content["lines"].append(LINE)
    assert put(client, content)[0] == 200
    scene = read_scene(path)
    assert scene.size is None
    assert scene.lines[0].points == ((0.1, 0.2), (0.3, 0.4))
    assert scene.lines[1].points == ((0.03125, 0.11111), (0.625, 0.16944))


def test_a_file_that_is_not_there_yet_is_made(live: Live, client: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "scene.toml"
    live.open(scene_file=path)
    assert client.get(PATH).json()["version"] is None
    assert put(client, {"lines": [LINE]})[0] == 200
    assert read_scene(path).size == (WIDTH, HEIGHT)


def test_without_a_scene_file_nothing_can_be_saved(live: Live, client: TestClient) -> None:
    live.open()
    assert client.get(PATH).json()["has_file"] is False
    status, answer = put(client, {"lines": [LINE]})
    assert status == 409
    assert "--scene FILE" in answer["detail"]


def test_before_the_first_hello_there_is_no_scene(live: Live, client: TestClient) -> None:
    live.plug()
    assert client.get(PATH).status_code == 409
    assert put(client, {"lines": []})[0] == 409


def test_a_file_that_changed_meanwhile_is_not_overwritten(client: TestClient, file: Path) -> None:
    content = drawn(client)
    text = SCENE.replace("Bridge", "Tunnel")
    file.write_text(text)
    status, answer = put(client, content)
    assert status == 409
    assert "meanwhile" in answer["detail"]
    assert file.read_text() == text


def test_a_damaged_file_is_left_alone(client: TestClient, file: Path) -> None:
    file.write_text("line = 3")
    status, answer = put(client, {"lines": [LINE]})
    assert status == 409
    assert "repair the file" in answer["detail"]
    assert file.read_text() == "line = 3"


def test_a_folder_that_cannot_be_written_is_said(live: Live, client: TestClient, tmp_path: Path) -> None:
    live.open(scene_file=tmp_path / "gone" / "scene.toml")
    status, answer = put(client, {"lines": [LINE]})
    assert status == 409
    assert answer["detail"] == "cannot write scene.toml: No such file or directory"


def lines(**changed: object) -> dict[str, object]:
    return {"lines": [LINE, LINE | {"name": "West"} | changed]}


WRONG = {
    "no name": (lines(name=" "), ("line", 1, "name", "missing")),
    "long name": (lines(name="x" * 81), ("line", 1, "name", "long")),
    "name twice": (lines(name=" South "), ("line", 1, "name", "twice")),
    "two lines": (lines(name="a\nb"), ("line", 1, "name", "letters")),
    "half a letter": (lines(name="\ud800"), ("line", 1, "name", "letters")),
    "no text": (lines(name=7), ("line", 1, "name", None)),
    "same ways": (lines(directions=["a", "a "]), ("line", 1, "directions", "same")),
    "one way": (lines(directions=["a"]), ("line", 1, "directions", "same")),
    "three ways": (lines(directions=["a", "b", "c"]), ("line", 1, "directions", "same")),
    "no way": (lines(directions=["a", ""]), ("line", 1, "directions", "missing")),
    "one point": (lines(points=[[1, 1]]), ("line", 1, "points", "points")),
    "65 points": (lines(points=[[x, x] for x in range(65)]), ("line", 1, "points", "points")),
    "outside": (lines(points=[[1, 1], [1, 181]]), ("line", 1, "points", "outside")),
    "left of it": (lines(points=[[1, 1], [-0.1, 5]]), ("line", 1, "points", "outside")),
    "infinite": (lines(points=[[1, 1], [math.inf, 1]]), ("line", 1, "points", None)),
    "no number": (lines(points=[[1, 1], [math.nan, 1]]), ("line", 1, "points", None)),
    "huge": (lines(points=[[1, 1], [10**400, 1]]), ("line", 1, "points", None)),
    "texts": (lines(points=[[1, 1], ["1", 1]]), ("line", 1, "points", None)),
    "no pair": (lines(points=[[1, 1], [1, 2, 3]]), ("line", 1, "points", None)),
    "same point": (lines(points=[[1, 1], [1, 1]]), None),
    "nearly the same": (lines(points=[[1, 1], [1.0001, 1]]), None),
    "flat zone": ({"lines": [], "zones": [{"name": "Z", "points": [[1, 1], [2, 2], [3, 3]]}]}, None),
    "two corners": (
        {"lines": [], "zones": [{"name": "Z", "points": [[1, 1], [9, 2]]}]},
        ("zone", 0, "points", "points"),
    ),
    "51 lines": ({"lines": [LINE | {"name": f"L{n}"} for n in range(51)]}, None),
    "other keys": (lines(classes=["car"]), ("line", 1, "classes", None)),
    "a path": ({"lines": [], "scene_file": "/etc/passwd"}, None),
    "no lines": ({"zones": []}, None),
    "a list": ([], None),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_line_at_its_place(client: TestClient, file: Path, name: str) -> None:
    content, spot = WRONG[name]
    status, answer = put(client, content)
    assert status == 422
    assert "\n" not in answer["detail"]
    assert len(answer["detail"]) > 10
    if spot is not None:
        assert tuple(answer.get(key) for key in ("kind", "place", "field", "code")) == spot
    assert file.read_text() == SCENE
    assert os.listdir(file.parent) == [file.name]


def test_classes_that_the_detector_does_not_know_are_said(client: TestClient, file: Path) -> None:
    file.write_text(SCENE.replace('classes = ["car", "bus"]', 'classes = ["tank"]'))
    status, answer = put(client, drawn(client))
    assert status == 422
    assert "no class 'tank'" in answer["detail"]

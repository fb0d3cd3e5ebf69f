"""Whatever is sent as a drawing: nothing invalid reaches the scene file, and what is right comes back."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.live.app import build_app
from tracker.scene.model import Line, Scene, Zone
from tracker.scene.reading import read_scene

Live = Any  # conftest.Live: test files do not import one another
PATH = "/api/cameras/gate/scene"
WIDTH, HEIGHT = 320, 180


@pytest.fixture
def ready(live: Live, tmp_path: Path) -> Iterator[TestClient]:
    """A client of a camera that all examples of a test share."""
    live.open(scene_file=tmp_path / "scene.toml")
    with TestClient(build_app(live.hub, None), base_url="http://localhost") as client:
        yield client


def put(client: TestClient, content: object) -> tuple[int, dict[str, Any]]:
    answer = client.put(PATH, content=json.dumps(content), headers={"content-type": "application/json"})
    return answer.status_code, answer.json()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=90),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
number = st.floats(-20, 400) | st.integers(-5, 330) | st.just(math.nan) | anything
wild_point = st.lists(number, min_size=1, max_size=3) | anything
name = st.text(max_size=85) | anything
wild_line = st.fixed_dictionaries(
    {"name": name, "points": st.lists(wild_point, max_size=5) | anything},
    optional={"directions": st.lists(name, max_size=3), "was": name, "anchor": anything},
)
wild_scene = anything | st.fixed_dictionaries(
    {"lines": st.lists(wild_line | anything, max_size=3)},
    optional={"zones": st.lists(wild_line, max_size=3), "version": anything, "size": anything},
)
good_name = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=80
).filter(lambda text: text.strip() != "")
point = st.tuples(st.integers(0, WIDTH * 10), st.integers(0, HEIGHT * 10)).map(
    lambda p: [p[0] / 10, p[1] / 10]
)
ways = st.lists(good_name, min_size=2, max_size=2, unique_by=str.strip)


def figures(least: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    points = st.lists(point, min_size=least, max_size=8, unique_by=tuple)
    parts = {"name": good_name, "points": points} | ({"directions": ways} if least == 2 else {})
    return st.lists(st.fixed_dictionaries(parts), max_size=4, unique_by=lambda figure: figure["name"].strip())


def area(points: list[list[float]]) -> float:
    pairs = zip(points, points[1:] + points[:1], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs))


many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def within(scene: Scene) -> bool:
    """Tell whether all that was drawn keeps to the rules."""
    named: list[Line | Zone] = [*scene.lines, *scene.zones]
    return all(
        0 < len(figure.name) <= 80
        and len(figure.points) <= 64
        and all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in figure.points)
        for figure in named
    )


@many
@given(content=wild_scene)
def test_nothing_invalid_ever_reaches_the_file(ready: TestClient, tmp_path: Path, content: object) -> None:
    file = tmp_path / "scene.toml"
    before = f"size = [{WIDTH}, {HEIGHT}]\n"
    file.write_text(before)
    status, answer = put(ready, content)
    if status == 200:
        assert within(read_scene(file))  # and it can be read
    else:
        assert status in (400, 422)
        assert "\n" not in answer["detail"]
        assert file.read_text() == before
    assert os.listdir(tmp_path) == [file.name]


@many
@given(lines=figures(2), zones=figures(3))
def test_what_is_right_comes_back_as_it_was(
    ready: TestClient, tmp_path: Path, lines: list[dict[str, Any]], zones: list[dict[str, Any]]
) -> None:
    (tmp_path / "scene.toml").write_text(f"size = [{WIDTH}, {HEIGHT}]\n")
    zones = [zone for zone in zones if area(zone["points"]) > 0.01]
    status, back = put(ready, {"lines": lines, "zones": zones})
    assert status == 200
    assert back == ready.get(PATH).json()
    shown = [(x["name"], x["points"], x["directions"]) for x in back["lines"]]
    meant = [(x["name"].strip(), x["points"], [way.strip() for way in x["directions"]]) for x in lines]
    assert shown == meant
    assert [(x["name"], x["points"]) for x in back["zones"]] == [
        (x["name"].strip(), x["points"]) for x in zones
    ]

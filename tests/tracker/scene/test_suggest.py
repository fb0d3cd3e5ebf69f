"""Lines suggested from where vehicles went."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.scene import Scene
from tracker.scene.drawing import draw_scene
from tracker.scene.geometry import segments
from tracker.scene.suggest import suggest

SIZE = (640, 360)


def road(start: tuple[float, float], end: tuple[float, float], number: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.linspace(start, end, 40) + rng.normal(0, 12, 2) for _ in range(number)]


def crossed(scene: Scene, paths: list[np.ndarray]) -> int:
    """Return how many paths cross one of the lines."""
    pieces = [piece for line in scene.lines for piece in segments(line.points)]
    return sum(
        any(
            piece.crossed(*path[k], *path[k + 1]) is not None
            for piece in pieces
            for k in range(len(path) - 1)
        )
        for path in paths
    )


@pytest.mark.parametrize(
    ("start", "end"), [((320, 20), (320, 340)), ((20, 180), (620, 180)), ((60, 40), (580, 330))]
)
def test_one_road_gets_a_line_that_all_cross(start: tuple[float, float], end: tuple[float, float]) -> None:
    paths = road(start, end, 12, 1)
    scene = suggest(paths, SIZE)
    assert scene.size == SIZE
    assert len(scene.lines) == 1
    assert crossed(scene, paths) == len(paths)


def test_two_carriageways_get_a_line_each_with_its_directions() -> None:
    away, towards = road((450, 340), (400, 20), 8, 2), road((150, 20), (120, 340), 8, 3)
    scene = suggest([*away, *towards], SIZE)
    assert len(scene.lines) == 2
    assert crossed(scene, [*away, *towards]) >= 15
    left, right = sorted(scene.lines, key=lambda line: line.points[0])
    assert left.points[1][0] <= right.points[0][0]
    assert left.directions == right.directions == ("down", "up")


def test_a_junction_gets_a_line_for_every_road() -> None:
    paths = [*road((320, 20), (320, 340), 10, 4), *road((20, 90), (250, 90), 10, 5)]
    assert crossed(suggest(paths, SIZE), paths) == 20


def test_nobody_drove_or_all_stood() -> None:
    assert suggest([], SIZE).lines == ()
    assert suggest([np.full((30, 2), 100.0)] * 5, SIZE).lines == ()


def test_a_picture_of_a_scene_is_another_picture() -> None:
    image = np.full((360, 640, 3), 90, np.uint8)
    scene = suggest(road((320, 20), (320, 340), 10, 6), SIZE)
    drawn = draw_scene(image, scene)
    assert (image == 90).all()
    assert (drawn != image).any()
    counted = draw_scene(image, scene, {"line 1": (12, 3)})
    assert (counted != drawn).any()

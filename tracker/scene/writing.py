"""Write a scene file that people can read and change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from tracker.scene.model import INTERVAL_S, Calibration, Points, Scene

_HEAD = """\
# What the camera sees; track --video VIDEO --scene THIS_FILE counts with it.
# Points are [x, y] from the picture's top left corner, {units}.
# Stand at a line's first point and look to its second: the first direction goes from left to right.
"""


def write_scene(scene: Scene) -> str:
    """Return the text of a scene file; ``read_scene`` reads the same scene from it."""
    units = "in pixels of a picture of this size" if scene.size else "as fractions of its width and height"
    return _HEAD.format(units=units) + "\n".join(_lines(scene)) + "\n"


def _lines(scene: Scene) -> Iterator[str]:
    if scene.size:
        yield f"size = [{scene.size[0]}, {scene.size[1]}]"
    else:
        yield 'units = "fractions"'
    for key, text in (("name", scene.name), ("time_zone", scene.time_zone)):
        if text:
            yield f"{key} = {_text(text)}"
    if scene.start is not None:
        yield f"start = {scene.start.isoformat()}"
    if scene.interval_s != INTERVAL_S:
        yield f"interval_s = {scene.interval_s:.10g}"
    yield from _figures(scene)
    for polygon in scene.ignore:
        yield from ("", "[[ignore]]", f"points = {_points(scene, polygon)}")
    if scene.calibration is not None:
        yield from _calibration(scene, scene.calibration)
    if scene.pcu:
        yield from ("", "[pcu]", *(f"{_text(name)} = {value:.10g}" for name, value in scene.pcu.items()))


def _figures(scene: Scene) -> Iterator[str]:
    for line in scene.lines:
        yield from ("", "[[line]]", f"name = {_text(line.name)}", f"points = {_points(scene, line.points)}")
        yield f"directions = {_texts(line.directions)}"
        yield from ([f"classes = {_texts(line.classes)}"] if line.classes else [])
        yield from ([f"anchor = {_text(line.anchor)}"] if line.anchor != "centre" else [])
    for zone in scene.zones:
        yield from ("", "[[zone]]", f"name = {_text(zone.name)}", f"points = {_points(scene, zone.points)}")
        yield from ([f"classes = {_texts(zone.classes)}"] if zone.classes else [])
    for gate in scene.gates:
        yield from ("", "[[gate]]", f"name = {_text(gate.name)}", f"points = {_points(scene, gate.points)}")


def _calibration(scene: Scene, plane: Calibration) -> Iterator[str]:
    for known in plane.points:
        pixel, metres = (
            _points(scene, (known.pixel,))[1:-1],
            f"[{known.metres[0]:.10g}, {known.metres[1]:.10g}]",
        )
        yield from ("", "[[calibration.point]]", f"pixel = {pixel}", f"metres = {metres}")
    for lane in plane.lanes:
        metres = ", ".join(f"{value:.10g}" for value in lane.metres)
        points = _points(scene, lane.points)
        yield from ("", "[[calibration.lane]]", f"points = {points}", f"metres = [{metres}]")


def _points(scene: Scene, points: Points) -> str:
    digits = 2 if scene.size else 5  # a fraction's fifth digit is a hundredth of a pixel
    return "[" + ", ".join(f"[{round(x, digits):.10g}, {round(y, digits):.10g}]" for x, y in points) + "]"


def _texts(values: Iterable[str]) -> str:
    return "[" + ", ".join(_text(value) for value in values) + "]"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML's strings, but for one

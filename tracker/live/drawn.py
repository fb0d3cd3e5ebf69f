"""Lines and zones that were drawn on the picture: read from the scene file, checked, and saved to it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from tracker.errors import SceneError
from tracker.live.messages import Hello
from tracker.scene.model import Line, Point, Points, Scene, Zone
from tracker.scene.reading import check_classes, parse_scene, read_scene
from tracker.scene.writing import write_scene

MOST_FIGURES = 50
MOST_POINTS = 64
LONGEST_NAME = 80
_SAVING = threading.Lock()
_NO_FILE = "this camera has no scene file: start it with --scene FILE to save lines and zones"
_STRICT = ConfigDict(extra="forbid", strict=True)

#: JSON has no tuples: the pair itself is read from a list, its numbers strictly.
PicturePoint = Annotated[tuple[FiniteFloat, FiniteFloat], Field(strict=False)]


class DrawnLine(BaseModel):
    """A counting line. Seen from the first point to the second, directions[0] goes from left to right."""

    model_config = _STRICT
    name: str
    points: list[PicturePoint] = Field(description="two or more [x, y] in pixels of the picture")
    directions: list[str] = Field(default=["A", "B"], description="names of both directions")
    was: str | None = Field(
        default=None, description="its name in the file, where that is another: what else is kept"
    )


class DrawnZone(BaseModel):
    """A polygon that is watched."""

    model_config = _STRICT
    name: str
    points: list[PicturePoint] = Field(description="three or more [x, y] in pixels of the picture")
    was: str | None = Field(
        default=None, description="its name in the file, where that is another: what else is kept"
    )


class DrawnScene(BaseModel):
    """All lines and zones of a camera; what is left out is removed."""

    model_config = _STRICT
    lines: list[DrawnLine]
    zones: list[DrawnZone] = []
    version: str | None = Field(
        default=None, description="of the file that was changed; None: of whichever is there"
    )


class SceneAnswer(BaseModel):
    """The lines and zones of a camera, in pixels of its pictures."""

    width: int
    height: int
    lines: list[DrawnLine]
    zones: list[DrawnZone]
    version: str | None = Field(description="of the scene file; None where there is none yet")
    has_file: bool = Field(description="they can be saved")


class SceneProblem(BaseModel):
    """Why lines and zones were not saved."""

    detail: str = Field(description="one line for people")
    kind: str | None = Field(default=None, description="line or zone, where one of them is wrong")
    place: int | None = Field(default=None, description="which one, from 0")
    field: str | None = Field(default=None, description="name, directions or points")
    code: str | None = Field(
        default=None, description="missing, long, letters, twice, same, points or outside; or nothing"
    )


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in what was drawn something is wrong.

    Attributes:
        kind: "line" or "zone".
        place: which one, from 0.
        field: "name", "directions" or "points".
        code: what is wrong, for programs.
    """

    kind: str
    place: int
    field: str
    code: str = ""


class DrawnError(SceneError):
    """What was drawn cannot be saved.

    Attributes:
        spot: where it is wrong, or None.
        conflict: not the drawing is wrong, but it cannot be saved now.
    """

    def __init__(self, message: str, spot: Spot | None = None, conflict: bool = False) -> None:
        """Say what is wrong, and where."""
        super().__init__(message)
        self.spot, self.conflict = spot, conflict


def scene_of(hello: Hello) -> SceneAnswer:
    """Return the lines and zones of the scene file, or those that the run counts at where there is none.

    Raises:
        SceneError: the file is damaged.
    """
    lines: Sequence[Line] = [Line(x.name, x.points, x.directions) for x in hello.lines]
    zones: Sequence[Zone] = [Zone(x.name, x.points) for x in hello.zones]
    path = None if hello.scene_file is None else Path(hello.scene_file)
    if path is not None and path.exists():
        scene = read_scene(path).at(hello.width, hello.height)
        lines, zones = scene.lines, scene.zones
    return SceneAnswer(
        width=hello.width,
        height=hello.height,
        lines=[DrawnLine(name=x.name, points=list(x.points), directions=list(x.directions)) for x in lines],
        zones=[DrawnZone(name=x.name, points=list(x.points)) for x in zones],
        version=None if path is None else _version(path),
        has_file=path is not None,
    )


def save(drawn: DrawnScene, hello: Hello) -> None:
    """Check what was drawn and write it to the run's scene file; everything else in the file stays.

    Raises:
        SceneError: something is wrong with the drawing or with the file; then the file is as it was.
    """
    if hello.scene_file is None:
        raise DrawnError(_NO_FILE, conflict=True)
    path = Path(hello.scene_file)
    _check(drawn)
    with _SAVING:
        version = _version(path)
        if drawn.version is not None and drawn.version != version:
            raise DrawnError("the scene file was changed meanwhile: load it again", conflict=True)
        try:
            old = Scene(size=(hello.width, hello.height)) if version is None else read_scene(path)
        except SceneError as exc:
            raise DrawnError(f"{exc}; repair the file first", conflict=True) from exc
        text = write_scene(_merged(drawn, old, hello))
        # what a camera will read must be right, not what was meant: rounding can make two points one
        check_classes(parse_scene(tomllib.loads(text), path.name), hello.class_names, path.name)
        _write(path, text)


def _check(drawn: DrawnScene) -> None:
    """See what the format of scene files leaves open: numbers of things, and lengths of names."""
    for kind, figures in _figures(drawn):
        if len(figures) > MOST_FIGURES:
            raise DrawnError(f"there are {len(figures)} {kind}s: at most {MOST_FIGURES} can be saved")
        names: set[str] = set()
        for place, figure in enumerate(figures):
            spot = Spot(kind, place, "name")
            name = _checked_name(figure.name, f"{kind} {place + 1}: name", spot)
            if name in names:
                what = f"name '{name}' is there twice: names must differ"
                raise DrawnError(f"{kind} {place + 1}: {what}", replace(spot, code="twice"))
            names.add(name)
            least = 2 if kind == "line" else 3
            if not least <= len(figure.points) <= MOST_POINTS:
                what = f"must be {least} to {MOST_POINTS}, not {len(figure.points)}"
                raise DrawnError(f"{kind} '{name}': points {what}", Spot(kind, place, "points", "points"))
    for place, line in enumerate(drawn.lines):
        spot = Spot("line", place, "directions")
        where = f"line '{line.name.strip()}': direction"
        if len({_checked_name(name, where, spot) for name in line.directions}) != 2:
            raise DrawnError(f"{where}s must be two different names", replace(spot, code="same"))


def _figures(drawn: DrawnScene) -> tuple[tuple[str, Sequence[DrawnLine | DrawnZone]], ...]:
    return ("line", drawn.lines), ("zone", drawn.zones)


def _checked_name(name: str, where: str, spot: Spot) -> str:
    name = name.strip()
    if not name:
        raise DrawnError(f"{where} is missing", replace(spot, code="missing"))
    if len(name) > LONGEST_NAME:
        what = f"has {len(name)} characters: at most {LONGEST_NAME} are allowed"
        raise DrawnError(f"{where} {what}", replace(spot, code="long"))
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name):
        raise DrawnError(f"{where} must be one line of text", replace(spot, code="letters"))
    return name


def _merged(drawn: DrawnScene, old: Scene, hello: Hello) -> Scene:
    """Return the file's scene with other lines and zones, in the file's units."""
    before = old.at(hello.width, hello.height)
    old_lines, old_zones = {x.name: x for x in old.lines}, {x.name: x for x in old.zones}
    shown, filed = _all_points(before), _all_points(old)
    # points that nobody moved stay as they are in the file, to the last digit, also outside the picture
    known = dict(zip(shown, filed, strict=True))

    def points(figure: DrawnLine | DrawnZone, spot: Spot) -> Points:
        return tuple(_point(point, known, old, hello, spot, figure.name) for point in figure.points)

    lines = []
    for place, line in enumerate(drawn.lines):
        kept = old_lines.get(line.was or line.name.strip(), Line("", ()))
        first, second = (name.strip() for name in line.directions)
        spot = Spot("line", place, "points")
        lines.append(
            replace(kept, name=line.name.strip(), points=points(line, spot), directions=(first, second))
        )
    zones = []
    for place, zone in enumerate(drawn.zones):
        kept_zone = old_zones.get(zone.was or zone.name.strip(), Zone("", ()))
        spot = Spot("zone", place, "points")
        zones.append(replace(kept_zone, name=zone.name.strip(), points=points(zone, spot)))
    return replace(old, lines=tuple(lines), zones=tuple(zones))


def _all_points(scene: Scene) -> list[Point]:
    figures: tuple[Line | Zone, ...] = (*scene.lines, *scene.zones)
    return [point for figure in figures for point in figure.points]


def _point(point: Point, known: dict[Point, Point], old: Scene, hello: Hello, spot: Spot, name: str) -> Point:
    if point in known:
        return known[point]
    x, y = point
    if not (0 <= x <= hello.width and 0 <= y <= hello.height):
        what = f"[{x:g}, {y:g}] lies outside the picture of {hello.width} x {hello.height} pixels"
        raise DrawnError(f"{spot.kind} '{name.strip()}': point {what}", replace(spot, code="outside"))
    width, height = old.size or (1, 1)
    return x * width / hello.width, y * height / hello.height


def _version(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise SceneError(f"scene {path.name} cannot be read: {exc.strerror}") from exc


def _write(path: Path, text: str) -> None:
    """Write the file in one step: there is the old one or the new one, also after a power cut."""
    try:
        file, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(file, "wb") as draft:
                draft.write(text.encode())
                draft.flush()
                os.fsync(draft.fileno())
            if path.exists():
                shutil.copymode(path, name)
            else:
                os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
    except OSError as exc:
        raise DrawnError(f"cannot write {path.name}: {exc.strerror}", conflict=True) from exc

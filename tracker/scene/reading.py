"""Read a scene file, and say by file and key what is wrong in it and what is allowed."""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from tracker.errors import SceneError
from tracker.scene.model import (
    INTERVAL_S,
    Calibration,
    Gate,
    Lane,
    Line,
    PlanePoint,
    Point,
    Points,
    Scene,
    Zone,
)

T = TypeVar("T")
_TOP = ("size", "units", "name", "time_zone", "start", "interval_s", "line", "zone", "gate", "ignore")
_TABLES = ("calibration", "pcu")
_ANCHORS = ("centre", "foot")


def read_scene(path: Path) -> Scene:
    """Read a scene file.

    Raises:
        SceneError: it cannot be read, or something in it is unknown, missing or wrong.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as exc:
        raise SceneError(f"scene {path} cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SceneError(f"scene {path} is not TOML: {exc}") from exc
    return parse_scene(content, str(path))


def parse_scene(content: Mapping[str, Any], origin: str) -> Scene:
    """Return the scene that the tables of a TOML file say.

    Args:
        content: the tables.
        origin: what messages call the file.

    Raises:
        SceneError: something is unknown, missing or wrong.
    """
    reader = _Reader(origin)
    reader.only(content, "", (*_TOP, *_TABLES))
    size = reader.size(content)
    reader.limit = size or (1, 1)
    scene = Scene(
        size=size,
        lines=reader.tables(content, "line", reader.line),
        zones=reader.tables(content, "zone", reader.zone),
        gates=reader.tables(content, "gate", reader.gate),
        ignore=reader.tables(content, "ignore", lambda table, key: reader.points(table, key, 3)),
        calibration=reader.calibration(content),
        time_zone=reader.time_zone(content),
        start=reader.start(content),
        interval_s=reader.interval(content),
        pcu=reader.pcu(content),
        name=reader.text(content, "name", ""),
    )
    reader.unique("line", [line.name for line in scene.lines])
    reader.unique("zone", [zone.name for zone in scene.zones])
    reader.unique("gate", [gate.name for gate in scene.gates])
    return scene


class _Reader:
    """Reads tables; every complaint names the file, the key and what is allowed."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.limit: tuple[int, int] = (1, 1)

    def wrong(self, key: str, what: str) -> SceneError:
        return SceneError(f"scene {self.origin}: {key} {what}")

    def only(self, table: Mapping[str, Any], where: str, allowed: Sequence[str]) -> None:
        for key in table:
            if key not in allowed:
                raise self.wrong(f"{where}{key}", f"is unknown; there is {', '.join(allowed)}")

    def tables(self, content: Mapping[str, Any], key: str, read: Callable[[Any, str], T]) -> tuple[T, ...]:
        items = content.get(key, [])
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            raise self.wrong(key, f"must be tables, each begun with [[{key}]]")
        return tuple(read(item, f"{key} {place}") for place, item in enumerate(items, 1))

    def line(self, table: Mapping[str, Any], key: str) -> Line:
        self.only(table, f"{key}: ", ("name", "points", "directions", "classes", "anchor"))
        directions = self.texts(table, f"{key}: directions", "directions", ("A", "B"))
        if len(directions) != 2 or directions[0] == directions[1]:
            raise self.wrong(f"{key}: directions", f"must be two different names, not {[*directions]}")
        anchor = table.get("anchor", _ANCHORS[0])
        if anchor not in _ANCHORS:
            raise self.wrong(f"{key}: anchor", f"must be {' or '.join(_ANCHORS)}, not {anchor!r}")
        points = self.points(table, key, 2)
        classes = self.texts(table, f"{key}: classes", "classes", ())
        return Line(self.name(table, key), points, (directions[0], directions[1]), classes, anchor)

    def zone(self, table: Mapping[str, Any], key: str) -> Zone:
        self.only(table, f"{key}: ", ("name", "points", "classes"))
        classes = self.texts(table, f"{key}: classes", "classes", ())
        return Zone(self.name(table, key), self.points(table, key, 3), classes)

    def gate(self, table: Mapping[str, Any], key: str) -> Gate:
        self.only(table, f"{key}: ", ("name", "points"))
        return Gate(self.name(table, key), self.points(table, key, 2))

    def name(self, table: Mapping[str, Any], key: str) -> str:
        name = self.text(table, "name", "", f"{key}: ")
        if not name.strip():
            raise self.wrong(f"{key}: name", "is missing: give it one that counts can be told by")
        return name.strip()

    def unique(self, kind: str, names: list[str]) -> None:
        for name in names:
            if names.count(name) > 1:
                raise self.wrong(f"{kind} '{name}'", f"is there {names.count(name)} times: names must differ")

    def text(self, table: Mapping[str, Any], key: str, default: str, where: str = "") -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            raise self.wrong(f"{where}{key}", f"must be a text in quotes, not {value!r}")
        return value

    def texts(
        self, table: Mapping[str, Any], where: str, key: str, default: tuple[str, ...]
    ) -> tuple[str, ...]:
        value = table.get(key, list(default))
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise self.wrong(where, f"must be a list of texts, not {value!r}")
        return tuple(item.strip() for item in value)

    def points(self, table: Mapping[str, Any], key: str, least: int) -> Points:
        if "points" not in table:
            raise self.wrong(f"{key}: points", f"are missing: {least} or more [x, y]")
        value = table["points"]
        if not isinstance(value, list) or len(value) < least:
            raise self.wrong(f"{key}: points", f"must be {least} or more [x, y], not {value!r}")
        points = tuple(self.point(item, f"{key}: points") for item in value)
        if len(set(points)) < len(points):
            raise self.wrong(f"{key}: points", "hold one point twice: all must differ")
        if least == 3 and _area(points) < 1e-9 * self.limit[0] * self.limit[1]:
            raise self.wrong(f"{key}: points", "lie on one line: a polygon needs an inside")
        return points

    def point(self, value: Any, where: str) -> Point:
        """Read a point of the picture; a little outside is allowed, as lines may end beyond its border."""
        x, y = self.pair(value, where)
        for number, most, axis in ((x, self.limit[0], "x"), (y, self.limit[1], "y")):
            if not -most <= number <= 2 * most:
                unit = "a fraction from 0 to 1" if most == 1 else f"in pixels from 0 to {most}"
                raise self.wrong(where, f"{axis} = {number:g} lies far outside the picture: it is {unit}")
        return x, y

    def pair(self, value: Any, where: str) -> Point:
        if not isinstance(value, list) or len(value) != 2 or not all(_is_number(n) for n in value):
            raise self.wrong(where, f"must be two numbers [x, y], not {value!r}")
        return float(value[0]), float(value[1])

    def size(self, content: Mapping[str, Any]) -> tuple[int, int] | None:
        units = content.get("units", "pixels")
        if units not in ("pixels", "fractions"):
            raise self.wrong("units", f'must be "pixels" or "fractions", not {units!r}')
        size = content.get("size")
        if units == "fractions":
            if size is not None:
                raise self.wrong("size", "has no meaning with fractions: leave out one of the two")
            return None
        if size is None:
            raise self.wrong("size", 'is missing: [width, height] of the picture, or units = "fractions"')
        if not isinstance(size, list) or len(size) != 2 or not all(type(n) is int and n > 0 for n in size):
            raise self.wrong("size", f"must be [width, height] in whole pixels, not {size!r}")
        return size[0], size[1]

    def calibration(self, content: Mapping[str, Any]) -> Calibration | None:
        table = content.get("calibration")
        if table is None:
            return None
        if not isinstance(table, Mapping):
            raise self.wrong("calibration", "must be tables [[calibration.point]] or [[calibration.lane]]")
        self.only(table, "calibration.", ("point", "lane"))
        points = self.tables(table, "point", self.plane_point)
        lanes = self.tables(table, "lane", self.lane)
        if 0 < len(points) < 4 or not (points or lanes):
            raise self.wrong("calibration", f"needs four points or more, or a lane, not {len(points)} points")
        from tracker.scene.plane import RoadPlane  # SciPy, for whoever calibrates alone

        calibration = Calibration(points, lanes)
        RoadPlane.of(calibration, f"scene {self.origin}")
        return calibration

    def plane_point(self, table: Mapping[str, Any], key: str) -> PlanePoint:
        key = f"calibration.{key}"
        self.only(table, f"{key}: ", ("pixel", "metres"))
        pixel = self.point(table.get("pixel"), f"{key}: pixel")
        return PlanePoint(pixel, self.pair(table.get("metres"), f"{key}: metres"))

    def lane(self, table: Mapping[str, Any], key: str) -> Lane:
        key = f"calibration.{key}"
        self.only(table, f"{key}: ", ("points", "metres"))
        points = self.points(table, key, 2)
        metres = table.get("metres")
        if not isinstance(metres, list) or not all(_is_number(value) for value in metres):
            raise self.wrong(f"{key}: metres", f"must be numbers, not {metres!r}")
        if len(points) < 3 or len(metres) != len(points):
            have = f"not {len(points)} and {len(metres)}"
            raise self.wrong(f"{key}: points and metres", f"must be as many, three or more, {have}")
        if not _monotonous(metres):
            raise self.wrong(f"{key}: metres", f"must grow or fall from point to point, not {metres!r}")
        return Lane(points, tuple(float(value) for value in metres))

    def time_zone(self, content: Mapping[str, Any]) -> str | None:
        name = content.get("time_zone")
        if name is None:
            return None
        try:
            ZoneInfo(name)
        except (ValueError, TypeError, AttributeError, OSError, KeyError) as exc:
            what = f'must be an IANA name such as "America/Sao_Paulo", not {name!r}'
            raise self.wrong("time_zone", what) from exc
        return str(name)

    def start(self, content: Mapping[str, Any]) -> datetime | None:
        value = content.get("start")
        if value is None:
            return None
        if isinstance(value, (date, time)) and not isinstance(value, datetime):
            raise self.wrong("start", "must be date and time, such as 2026-03-02T07:30:00")
        if not isinstance(value, datetime):
            raise self.wrong("start", f"must be a time without quotes, as 2026-03-02T07:30:00, not {value!r}")
        if value.tzinfo is not None:
            return value
        zone = self.time_zone(content)
        return value.replace(tzinfo=ZoneInfo(zone) if zone else UTC)

    def interval(self, content: Mapping[str, Any]) -> float:
        value = content.get("interval_s", INTERVAL_S)
        if not _is_number(value) or not 1 <= value <= 86400 or 86400 % value:
            raise self.wrong("interval_s", f"must be seconds that divide a day, such as 900, not {value!r}")
        return float(value)

    def pcu(self, content: Mapping[str, Any]) -> dict[str, float]:
        table = content.get("pcu", {})
        if not isinstance(table, Mapping):
            raise self.wrong("pcu", "must be a table [pcu] with a number for every class")
        for name, value in table.items():
            if not _is_number(value) or value < 0:
                raise self.wrong(f"pcu.{name}", f"must be a number, 0 or more, not {value!r}")
        return {name: float(value) for name, value in table.items()}


def check_classes(scene: Scene, known: Iterable[str], origin: str) -> None:
    """See that the detector knows the classes that a scene names.

    Raises:
        SceneError: it does not.
    """
    names = tuple(known)
    named = {f"line '{line.name}'": line.classes for line in scene.lines}
    named |= {f"zone '{zone.name}'": zone.classes for zone in scene.zones}
    named |= {"pcu": tuple(scene.pcu)}
    for where, classes in named.items():
        for name in classes:
            if name not in names:
                raise SceneError(f"scene {origin}: {where}: no class '{name}'; there is {', '.join(names)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _monotonous(values: Sequence[float]) -> bool:
    steps = [after - before for before, after in itertools.pairwise(values)]
    return all(step > 0 for step in steps) or all(step < 0 for step in steps)


def _area(points: Points) -> float:
    pairs = zip(points, (*points[1:], points[0]), strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2

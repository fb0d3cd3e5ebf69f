"""The types of a scene. Points are (x, y), y down; (0, 0) is the picture's top left corner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

Point = tuple[float, float]
Points = tuple[Point, ...]
#: Default length of the intervals of ``counts.csv``: what traffic engineers count in.
INTERVAL_S = 900.0


@dataclass(frozen=True, slots=True)
class Line:
    """A counting line.

    Attributes:
        name: unique among the lines.
        points: two ends, or the corners of a polyline.
        directions: names of the directions. Who stands at the first point and looks to the second sees the
            first direction go from the left to the right, and the second from the right to the left.
        classes: names of the classes that are counted; empty for all.
        anchor: "centre" or "foot", which point of a box must cross: its middle, or the middle of its lower
            side.
    """

    name: str
    points: Points
    directions: tuple[str, str] = ("A", "B")
    classes: tuple[str, ...] = ()
    anchor: str = "centre"


@dataclass(frozen=True, slots=True)
class Zone:
    """A polygon: who is in it, for how long, and how many of them stand.

    Attributes:
        name: unique among the zones.
        points: three corners or more, in their order.
        classes: names of the classes that are watched; empty for all.
    """

    name: str
    points: Points
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """A line across an arm of a junction, for turning movements: origin is the first gate passed.

    Attributes:
        name: unique among the gates.
        points: two ends, or the corners of a polyline.
    """

    name: str
    points: Points


@dataclass(frozen=True, slots=True)
class PlanePoint:
    """A point of the road that is known in the picture and on the ground.

    Attributes:
        pixel: where it is in the picture.
        metres: where it is on the ground, in any right-angled system of metres.
    """

    pixel: Point
    metres: Point


@dataclass(frozen=True, slots=True)
class Lane:
    """Known distances along one straight lane, such as the ends of its dashes.

    Attributes:
        points: three or more, along the lane.
        metres: how far along the lane each of them is.
    """

    points: Points
    metres: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns pixels into metres; without it there are no speeds.

    Attributes:
        points: four or more, not on one line.
        lanes: known distances, where no four points are known.
    """

    points: tuple[PlanePoint, ...] = ()
    lanes: tuple[Lane, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """All of it. Points are in pixels of a picture of ``size``, or in fractions of the picture.

    Attributes:
        size: width and height in pixels of the picture that the points mean; None: fractions, from 0 to 1.
        lines: counting lines.
        zones: polygons.
        gates: for turning movements.
        ignore: polygons in which nothing is tracked.
        calibration: for speeds.
        start: moment of the video's time 0, with its time zone; None where it is not known.
        time_zone: IANA name, such as "America/Sao_Paulo", in which clocks are shown; None for that of
            ``start``, or UTC.
        interval_s: length of the intervals in which is counted, in seconds.
        pcu: passenger car units by class; empty: no such column.
        name: what the place is called in reports.
    """

    size: tuple[int, int] | None = None
    lines: tuple[Line, ...] = ()
    zones: tuple[Zone, ...] = ()
    gates: tuple[Gate, ...] = ()
    ignore: tuple[Points, ...] = ()
    calibration: Calibration | None = None
    start: datetime | None = None
    time_zone: str | None = None
    interval_s: float = INTERVAL_S
    pcu: Mapping[str, float] = field(default_factory=dict)
    name: str = ""

    def at(self, width: int, height: int) -> Scene:
        """Return the scene in pixels of a picture of another size."""
        if self.size == (width, height):
            return self
        of_width, of_height = self.size or (1, 1)
        return self._scaled(width / of_width, height / of_height, (width, height))

    def in_fractions(self) -> Scene:
        """Return the scene in fractions of the picture, good for any size."""
        return self if self.size is None else self._scaled(1 / self.size[0], 1 / self.size[1], None)

    def _scaled(self, sx: float, sy: float, size: tuple[int, int] | None) -> Scene:
        def moved(points: Points) -> Points:
            return tuple((x * sx, y * sy) for x, y in points)

        plane = self.calibration
        if plane is not None:
            points = tuple(replace(p, pixel=(p.pixel[0] * sx, p.pixel[1] * sy)) for p in plane.points)
            plane = Calibration(points, tuple(replace(x, points=moved(x.points)) for x in plane.lanes))
        return replace(
            self,
            size=size,
            lines=tuple(replace(line, points=moved(line.points)) for line in self.lines),
            zones=tuple(replace(zone, points=moved(zone.points)) for zone in self.zones),
            gates=tuple(replace(gate, points=moved(gate.points)) for gate in self.gates),
            ignore=tuple(moved(polygon) for polygon in self.ignore),
            calibration=plane,
        )

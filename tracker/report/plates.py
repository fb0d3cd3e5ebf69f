"""Names on a picture of the road, which keep out of one another's way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracker.report.drawing import INK, Pen
from tracker.report.words import shortened
from tracker.scene import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_STEPS = 9
_MARGIN_PX = 3.0
#: Rim around a name, in heights of its letters.
_PLATE = 0.25


@dataclass(frozen=True, slots=True)
class Plate:
    """A name and where it belongs.

    Attributes:
        place: in pixels of the source.
        name: what to write.
        colour: of the rim.
        bold: the name of a line.
        away: unit vector that points from what it names; (0, 0) writes it on the place itself.
    """

    place: Point
    name: str
    colour: str
    bold: bool = False
    away: Point = (0.0, 0.0)


def draw_plates(axes: Axes, pen: Pen, plates: list[Plate]) -> None:
    """Write all names; one that would cover another, or leave the picture, is moved up or down."""
    renderer = pen.figure.canvas.get_renderer()  # type: ignore[attr-defined]
    frame = axes.get_window_extent(renderer)
    taken: list[Any] = []
    for plate in plates:
        text = _write(axes, pen, plate)
        _keep_inside(text, frame, renderer)
        _step_aside(text, taken, frame, renderer)
        taken.append(_extent(text, renderer))


def _write(axes: Axes, pen: Pen, plate: Plate) -> Any:
    side, level = "center", "center"
    if abs(plate.away[0]) > 0.7:
        side = "left" if plate.away[0] > 0 else "right"
    elif plate.away[1]:
        level = "top" if plate.away[1] > 0 else "bottom"
    return axes.annotate(
        shortened(plate.name, 18 if pen.narrow else 32),
        plate.place,
        xytext=(0, 0),
        annotation_clip=False,
        textcoords="offset pixels",
        ha=side,
        va=level,
        fontsize=7 if pen.narrow else 9,
        fontweight="bold" if plate.bold else "normal",
        color=INK,
        bbox={"boxstyle": f"round,pad={_PLATE}", "fc": "white", "ec": plate.colour, "lw": 1.1, "alpha": 0.93},
    )


def _extent(text: Any, renderer: Any) -> Any:
    """Return what a plate covers, with a margin, in pixels of the figure."""
    plate_px = _PLATE * text.get_fontsize() * text.figure.dpi / 72
    return text.get_window_extent(renderer).padded(plate_px + _MARGIN_PX)


def _keep_inside(text: Any, frame: Any, renderer: Any) -> None:
    box = _extent(text, renderer)
    dx = max(frame.x0 - box.x0, 0) + min(frame.x1 - box.x1, 0)
    dy = max(frame.y0 - box.y0, 0) + min(frame.y1 - box.y1, 0)
    _move(text, dx, dy)


def _step_aside(text: Any, taken: list[Any], frame: Any, renderer: Any) -> None:
    """Try the place itself, then a line above and below it, then two, until there is room."""
    box = _extent(text, renderer)
    steps = [sign * step * box.height / 2 for step in range(1, _MOST_STEPS) for sign in (1, -1)]
    for dy in (0.0, *steps):
        moved = box.translated(0, dy)
        inside = frame.y0 <= moved.y0 and moved.y1 <= frame.y1
        if inside and not any(moved.overlaps(other) for other in taken):
            _move(text, 0.0, dy)
            return


def _move(text: Any, dx: float, dy: float) -> None:
    x, y = text.xyann
    text.xyann = x + dx, y + dy

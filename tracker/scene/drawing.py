"""Draw a scene onto a picture: every line, zone and gate with its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2
from tracker.scene.model import Point, Scene

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]
#: BGR: lines, zones, gates, points of the calibration, what is ignored.
LINE, ZONE, GATE, MARK, IGNORED = (
    (90, 230, 255),
    (255, 190, 70),
    (170, 255, 120),
    (255, 120, 255),
    (60, 60, 60),
)
_WEIGHT = 600


def draw_scene(image: Image, scene: Scene, counts: Mapping[str, Sequence[int]] | None = None) -> Image:
    """Return a copy of a picture with the scene on it.

    Args:
        image: uint8 (H, W, 3) BGR.
        scene: in any units.
        counts: by line, how many crossed it in its first and its second direction; shown beside its name.
    """
    painter = _Painter(image.copy())
    scene = scene.at(image.shape[1], image.shape[0])
    for polygon in scene.ignore:
        painter.fill(polygon, IGNORED, 0.6)
    for zone in scene.zones:
        painter.fill(zone.points, ZONE, 0.2)
    for mark in scene.calibration.points if scene.calibration else ():
        painter.cross(mark.pixel, MARK)
    sketch_scene(painter.image, scene, counts)
    return painter.image


def sketch_scene(image: Image, scene: Scene, counts: Mapping[str, Sequence[int]] | None = None) -> None:
    """Draw lines, zones and gates into a picture itself, without what takes time: for every frame.

    Args:
        image: uint8 (H, W, 3) BGR, changed.
        scene: in pixels of the picture.
        counts: as of ``draw_scene``.
    """
    painter = _Painter(image)
    for zone in scene.zones:
        painter.stroke([*zone.points, zone.points[0]], ZONE)
        painter.name(zone.name, np.mean(zone.points, axis=0), ZONE)
    for gate in scene.gates:
        painter.stroke(gate.points, GATE)
        painter.name(gate.name, _middle(gate.points), GATE)
    for line in scene.lines:
        painter.stroke(line.points, LINE)
        painter.arrow(line.points, LINE)
        numbers = (counts or {}).get(line.name, ("", ""))
        ways = (f"{way} {n}".strip() for way, n in zip(line.directions, numbers, strict=True))
        painter.name(f"{line.name}: {', '.join(ways)}", line.points[0], LINE)


class _Painter:
    """Draws into one picture, in sizes that suit it."""

    def __init__(self, image: Image) -> None:
        self.image = image
        side = min(image.shape[:2])
        self._cv2 = load_cv2()
        self._font = self._cv2.FontFace("sans")
        self._text = round(min(max(6.5 + side * 0.0125, 8), 60))
        self._width = max(1, round(side / 240))

    def stroke(self, points: Sequence[Point], colour: Colour) -> None:
        path = np.round(np.array(points) * 8).astype(np.int32)
        for ink, width in (((20, 20, 20), self._width + 2), (colour, self._width)):
            self._cv2.polylines(self.image, [path], False, ink, width, self._cv2.LINE_AA, 3)

    def fill(self, points: Sequence[Point], colour: Colour, share: float) -> None:
        layer = self.image.copy()
        self._cv2.fillPoly(layer, [np.round(np.array(points) * 8).astype(np.int32)], colour, 16, 3)
        self.image = np.asarray(self._cv2.addWeighted(layer, share, self.image, 1 - share, 0), np.uint8)

    def arrow(self, points: Sequence[Point], colour: Colour) -> None:
        """Show the first direction, which goes to the right of who looks along the line."""
        middle = np.array(_middle(points))
        along = np.subtract(points[-1], points[0])
        right = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-9)
        tip = middle + right * 2.5 * self._text
        start, end = (tuple(int(v) for v in np.round(p)) for p in (middle, tip))
        for ink, width in (((20, 20, 20), self._width + 2), (colour, self._width)):
            self._cv2.arrowedLine(self.image, start, end, ink, width, self._cv2.LINE_AA, 0, 0.35)

    def cross(self, point: Point, colour: Colour) -> None:
        place = (round(point[0]), round(point[1]))
        self._cv2.drawMarker(self.image, place, colour, 1, 2 * self._text, self._width)

    def name(self, text: str, point: Sequence[float] | NDArray[np.float64], colour: Colour) -> None:
        """Write a name on a dark ground beside a point, inside the picture."""
        width = int(self._cv2.getTextSize((0, 0), text, (0, 0), self._font, self._text, _WEIGHT)[2])
        height, pad = round(1.5 * self._text), self._text // 3
        x = int(np.clip(point[0], 0, max(self.image.shape[1] - width - 2 * pad, 0)))
        y = int(np.clip(point[1] - height, 0, max(self.image.shape[0] - height, 0)))
        part = self.image[y : y + height, x : x + width + 2 * pad]
        part[:] = part * np.float32(0.3)
        baseline = (x + pad, y + round(0.72 * height))
        self._cv2.putText(self.image, text, baseline, colour, self._font, self._text, _WEIGHT)


def _middle(points: Sequence[Point]) -> Point:
    """Return the point half way along a polyline's middle piece."""
    place = (len(points) - 1) // 2
    (x1, y1), (x2, y2) = points[place], points[place + 1]
    return (x1 + x2) / 2, (y1 + y2) / 2

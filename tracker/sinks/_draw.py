"""Draw what is known after a frame on its picture: boxes, labels, trails and a line of text.

Drawn with OpenCV alone. supervision's annotators are left out: their trails are counted in frames, their
labels know neither small pictures nor other boxes, and importing them costs a second at the start.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2
from tracker.scene.drawing import sketch_scene
from tracker.scene.model import Scene
from tracker.sinks._labels import LabelPlaces
from tracker.types import Event, FrameResult, Origin, Reason, Track

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

_DARK: Colour = (24, 20, 16)
_WHITE: Colour = (255, 255, 255)
_LOOKING: Colour = (120, 230, 90)
_WEIGHT = 600  # semibold
_FAR = (-8000, 16000)  # pixels: a lost box may run away; OpenCV's fixed-point numbers must still hold it
# Bright (RGB), so that dark text can be read on each; neighbours in the list are far apart in hue.
_PALETTE = tuple(
    bytes.fromhex(
        "ffb400 4da3ff ff5a8a 3ddc97 c77dff ffe66d 00d1d1ff8c42 8c9eff b8e986 ff7bd5 5cc8ff f4a6a0 6ee66e"
    )[i : i + 3]
    for i in range(0, 42, 3)
)


def colour(track_id: int) -> Colour:
    """Return the colour (BGR) that belongs to a track for its whole life."""
    red, green, blue = _PALETTE[track_id % len(_PALETTE)]
    return blue, green, red


@dataclass(frozen=True, slots=True)
class Style:
    """Sizes in pixels that suit a picture."""

    line: int
    text: int
    pad: int

    @property
    def status(self) -> int:
        """Height of the line of text at the top."""
        return round(self.text * 1.5)

    @classmethod
    def of(cls, width: int, height: int) -> Style:
        """Choose by the shorter side: 10 px text at 240, 15 at 720, 20 at 1080."""
        side = min(width, height)
        text = round(min(max(6.5 + side * 0.0125, 8), 60))
        line = 1 if side < 300 else max(2, round(side / 400))
        return cls(line=line, text=text, pad=max(2, round(text / 5)))


class Annotator:
    """Draws results in order; it remembers the trails and when the CNN last ran.

    Solid boxes are detected on this frame, corners alone are carried along (propagated), dashed thin boxes
    are guessed (predicted). Tentative tracks are not drawn.

    Args:
        class_names: in the order of the labels.
        trail_s: length of the trails in seconds.
        scene: whose lines, zones and gates are drawn, with the crossings so far; None for none.

    Raises:
        LibraryError: OpenCV cannot be loaded.
    """

    def __init__(self, class_names: Sequence[str], trail_s: float = 1.5, scene: Scene | None = None) -> None:
        """Begin without trails."""
        self._scene = scene
        self._crossings: Counter[tuple[str, str]] = Counter()
        self._names = class_names
        self._trail_s = trail_s
        self._trails: dict[int, deque[tuple[float, float, float]]] = {}
        self._places = LabelPlaces()
        self._named: set[int] = set()
        self._looked: tuple[Reason, int] | None = None
        self._cv2 = load_cv2()
        self._font = self._cv2.FontFace("sans")

    def count(self, events: Sequence[Event]) -> None:
        """Take in the crossings of a result that is not drawn."""
        self._crossings.update((e.name, e.direction) for e in events if e.kind == "crossing")

    def draw(self, result: FrameResult) -> Image:
        """Return a new picture, uint8 (H, W, 3) BGR, with the result drawn on it."""
        if result.reason is not None:
            self._looked = (result.reason, result.frame.index)
        tracks = [track for track in result.tracks if track.shown]
        self._extend_trails(result, tracks)
        image = result.frame.image.copy()
        style = Style.of(result.frame.width, result.frame.height)
        self._draw_scene(image, result)
        for track in tracks:
            self._draw_trail(image, track, style)
        for track in tracks:
            self._draw_box(image, track, style.line)
        status_width = self._draw_status(image, result, len(tracks), style)
        self._draw_labels(image, tracks, style, status_width)
        return image

    def _draw_scene(self, image: Image, result: FrameResult) -> None:
        if self._scene is None:
            return
        self.count(result.events)
        lines = self._scene.lines
        counts = {line.name: [self._crossings[line.name, way] for way in line.directions] for line in lines}
        sketch_scene(image, self._scene.at(result.frame.width, result.frame.height), counts)

    def _extend_trails(self, result: FrameResult, tracks: Sequence[Track]) -> None:
        """Add where the tracks stand on the road, forget what is old, and tracks that are over."""
        now = result.frame.time_s
        kept = {} if result.frame.cut else self._trails
        self._trails = {track.id: kept.get(track.id, deque()) for track in tracks}
        for track in tracks:
            x1, _, x2, y2 = track.box.tolist()
            trail = self._trails[track.id]
            trail.append((now, (x1 + x2) / 2, y2))
            while trail[0][0] < now - self._trail_s:
                trail.popleft()

    def _draw_trail(self, image: Image, track: Track, style: Style) -> None:
        """Draw the older half of the trail thin and the newer half as thick as the boxes."""
        points = np.array([(x, y) for _, x, y in self._trails[track.id]], np.float32)
        path = np.round(np.clip(points, *_FAR) * 8).astype(np.int32)
        half = len(path) // 2
        for part, width in ((path[: half + 1], max(style.line - 1, 1)), (path[half:], style.line)):
            if len(part) > 1:
                self._cv2.polylines(image, [part], False, colour(track.id), width, self._cv2.LINE_AA, 3)

    def _draw_box(self, image: Image, track: Track, line: int) -> None:
        """Draw a box solid when detected, its corners when propagated, dashed when predicted."""
        x1, y1, x2, y2 = (round(value) for value in np.clip(track.box, *_FAR).tolist())
        ink = colour(track.id)
        if track.origin is Origin.DETECTED:
            self._cv2.rectangle(image, (x1, y1), (x2, y2), ink, line)
        elif track.origin is Origin.PROPAGATED:
            for start, end in _corners(x1, y1, x2, y2):
                self._cv2.line(image, start, end, ink, line)
        else:
            for start, end in _dashes(x1, y1, x2, y2, 3 * line + 2):
                self._cv2.line(image, start, end, ink, 1)

    def _draw_labels(self, image: Image, tracks: Sequence[Track], style: Style, status_width: int) -> None:
        height, width = image.shape[:2]
        texts = {track.id: self._label(track, style) for track in tracks}
        self._named = {i for i, text in texts.items() if text != str(i)}
        sizes = {i: (self._text_width(text, style) + 2 * style.pad, style.text) for i, text in texts.items()}
        status = np.array([(0, 0, status_width, style.status)], np.float32)
        corners = self._places.place({t.id: t.box for t in tracks}, sizes, width, height, status)
        for track in tracks:
            self._draw_label(image, texts[track.id], corners[track.id], sizes[track.id], track)

    def _label(self, track: Track, style: Style) -> str:
        """Name class and id where the box has room for it, the id alone on small ones."""
        full = f"{self._names[track.label]} {track.id}"
        room = float(track.box[2] - track.box[0]) / self._text_width(full, style)
        # A box that breathes around one limit would make its label flicker: so there are two.
        return full if room >= (0.7 if track.id in self._named else 0.9) else str(track.id)

    def _draw_label(
        self, image: Image, text: str, corner: tuple[int, int], size: tuple[int, int], track: Track
    ) -> None:
        style = Style.of(image.shape[1], image.shape[0])
        baseline = (corner[0] + style.pad, corner[1] + round(size[1] * 0.82))
        if track.origin is Origin.PREDICTED:
            _shade(image, *corner, *size)
            self._write(image, text, baseline, colour(track.id), style)
        else:
            self._cv2.rectangle(image, (*corner, *size), colour(track.id), -1)
            self._write(image, text, baseline, _DARK, style)

    def _draw_status(self, image: Image, result: FrameResult, n: int, style: Style) -> int:
        """Write time, number of tracks and the CNN's last look at the left top; return the width used."""
        text = f"{_clock(result.frame.time_s)}   {n} track{'' if n == 1 else 's'}   {self._look(result)}"
        width = self._text_width(text, style) + 4 * style.pad
        _shade(image, 0, 0, width, style.status)
        ink = _WHITE if result.reason is None else _LOOKING
        self._write(image, text, (2 * style.pad, round(style.status * 0.72)), ink, style)
        return width

    def _look(self, result: FrameResult) -> str:
        if self._looked is None:
            return "CNN: not yet"
        reason, index = self._looked
        ago = result.frame.index - index
        when = "now" if ago == 0 else f"{ago} frame{'' if ago == 1 else 's'} ago"
        return f"CNN: {reason.value.replace('_', ' ')}, {when}"

    def _text_width(self, text: str, style: Style) -> int:
        return int(self._cv2.getTextSize((0, 0), text, (0, 0), self._font, style.text, _WEIGHT)[2])

    def _write(self, image: Image, text: str, baseline: tuple[int, int], ink: Colour, style: Style) -> None:
        self._cv2.putText(image, text, baseline, ink, self._font, style.text, _WEIGHT)


Segment = tuple[tuple[int, int], tuple[int, int]]


def _corners(x1: int, y1: int, x2: int, y2: int) -> list[Segment]:
    """Return the eight strokes of a box's corners."""
    dx, dy = max((x2 - x1) // 4, 2), max((y2 - y1) // 4, 2)
    across = [((x, y), (x + step, y)) for x, step in ((x1, dx), (x2, -dx)) for y in (y1, y2)]
    down = [((x, y), (x, y + step)) for y, step in ((y1, dy), (y2, -dy)) for x in (x1, x2)]
    return across + down


def _dashes(x1: int, y1: int, x2: int, y2: int, dash: int) -> list[Segment]:
    """Return a box's sides as dashes of ``dash`` pixels with gaps of the same length."""
    across = [((x, y), (min(x + dash, x2), y)) for x in range(x1, x2, 2 * dash) for y in (y1, y2)]
    down = [((x, y), (x, min(y + dash, y2))) for y in range(y1, y2, 2 * dash) for x in (x1, x2)]
    return across + down


def _shade(image: Image, x: int, y: int, width: int, height: int) -> None:
    """Darken a rectangle, so that light text can be read on any background."""
    part = image[y : y + height, x : x + width]
    part[:] = part * np.float32(0.35)


def _clock(time_s: float) -> str:
    minutes, seconds = divmod(max(time_s, 0.0), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{seconds:04.1f}" if hours else f"{minutes}:{seconds:04.1f}"

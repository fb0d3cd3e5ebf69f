"""What moves, rendered on every frame over the still stage, with the identity of every pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pyvista as pv
from layers import GLOWING, LINEAR, Window, merge
from numpy.typing import NDArray
from optics import SUNS, Sun
from scenery import signal_heads
from scipy.ndimage import find_objects
from solids import Part, ellipsoid, join
from stage import PLAN_PX_M, PLAN_X, PLAN_Y, SCALE, Array, Stage, lit_share, shadow, shrink
from traffic import State, Track, signal

PAD_PX = 200
"""How far beyond the picture the outline of what is cut by its border is still measured."""
INNER = (slice(PAD_PX, -PAD_PX), slice(PAD_PX, -PAD_PX))
"""The picture inside its padding."""
SIGNALS = {"red": (1.0, 0.12, 0.08), "amber": (1.0, 0.65, 0.1), "green": (0.15, 1.0, 0.6)}


@dataclass(frozen=True)
class Sight:
    """How one road user appears on one frame.

    Attributes:
        box: float64 (4,) xyxy in pixels, clipped to the picture, as if nothing stood before it.
        visibility: pixels that are seen / pixels of its outline, also those up to PAD_PX outside the picture.
        outline_px: pixels of its outline inside the picture.
    """

    box: NDArray[np.float64]
    visibility: float
    outline_px: int


class _Body:
    """The meshes of one track and its actors in the three windows."""

    def __init__(self, track: Track, colour: Window, flat: Window, sun: Window, glow: bool) -> None:
        self.track = track
        self.meshes = [merge(parts if glow else _fewer(parts)) for parts in track.model.phases]
        self.shapes = [pv.merge(list(m.values()), merge_points=False) for m in self.meshes]
        first = self.meshes[0]
        self.lit = {
            name: colour.add(mesh.copy(deep=False), name, glow=glow and name in GLOWING)
            for name, mesh in first.items()
        }
        code = (track.id % 15 + 1, track.id // 15 % 15 + 1, 15)
        self.flat = flat.add_flat(self.shapes[0], tuple(c * 16 + 8 for c in code))
        self.code = code[0] * 16 + code[1]
        self.sun = sun.add_flat(self.shapes[0], (255, 255, 255))
        self.phase = 0
        self.show(False)

    @property
    def actors(self) -> list[pv.Actor]:
        return [*self.lit.values(), self.flat, self.sun]

    def show(self, visible: bool) -> None:
        for actor in self.actors:
            actor.visibility = visible

    def place(self, state: State) -> NDArray[np.float64]:
        """Move to a state; returns the mesh's points (N, 3) in metres on the road."""
        c, s = np.cos(state.heading), np.sin(state.heading)
        matrix = np.array([[c, -s, 0, state.x], [s, c, 0, state.y], [0, 0, 1, 0.01], [0, 0, 0, 1]])
        if state.phase != self.phase:
            self.phase = state.phase
            for name, actor in self.lit.items():
                actor.mapper.SetInputData(self.meshes[state.phase][name])
            shape = self.shapes[state.phase]
            for actor in (self.flat, self.sun):
                actor.mapper.SetInputData(pv.PolyData(shape.points, faces=shape.faces))
        for actor in self.actors:
            actor.user_matrix = matrix
        self.show(True)
        return self.shapes[self.phase].points @ matrix[:3, :3].T + matrix[:3, 3]


def _fewer(parts: list[Part]) -> list[Part]:
    """Give parts of like look the same material by day: every material is one more thing to draw."""
    like = {"headlamp": "panel", "taillamp": "panel", "sign": "panel", "chrome": "panel", "matt": "rubber"}
    return [replace(part, material=like.get(part.material, part.material)) for part in parts]


def _touch(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    return bool((a[:2] <= b[2:] + 1).all() and (b[:2] <= a[2:] + 1).all())


def _disjoint(boxes: dict[int, NDArray[np.float64]]) -> list[list[int]]:
    """Sort ids into groups: first who touches nobody, then groups in which no two boxes touch."""
    rest = [k for k, a in boxes.items() if any(_touch(a, b) for other, b in boxes.items() if other != k)]
    groups: list[list[int]] = []
    for key in rest:
        for group in groups:
            if not any(_touch(boxes[key], boxes[other]) for other in group):
                group.append(key)
                break
        else:
            groups.append([key])
    return [[key for key in boxes if key not in rest], *groups]


def _pixels(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the number of pixels (256,) of every code."""
    return cv2.calcHist([np.ascontiguousarray(codes)], [0], None, [256], [0, 256]).ravel()


class Movers:
    """Renders road users over a stage."""

    def __init__(self, stage: Stage) -> None:
        """Open the three windows: colour, identity, and the sun's view."""
        self.stage, self.camera = stage, stage.camera
        self.colour = Window(stage.camera, SCALE)
        self.colour.light(stage.environment, stage.sun, stage.light.sun_colour, stage.light.sun_strength)
        self.flat = Window(stage.camera, 1, PAD_PX)
        self.sun = Sun(SUNS[stage.name])
        self.from_sun = Window(self.sun)
        self.still_in_sun = self.sun.look_up(stage.points)
        self.bodies: dict[int, _Body] = {}
        self.signals: dict[str, pv.Actor] = {}
        for name, places in signal_heads().items():
            part = Part(join([ellipsoid(p, (0.1, 0.08, 0.1), 6) for p in places]), SIGNALS[name], "sign")
            self.signals[name] = self.colour.add(merge([part])["sign"], "sign", glow=True)
        pad = PAD_PX
        still = cv2.resize(
            stage.depth, (stage.camera.width, stage.camera.height), interpolation=cv2.INTER_NEAREST
        )
        self.still_depth = np.pad(still, pad)

    def show(self, present: list[tuple[Track, State]], time_s: float) -> dict[int, NDArray[np.float64]]:
        """Place who is present; returns the projected boxes (4,) by id, not clipped, of those in sight."""
        for body in self.bodies.values():
            body.show(False)
        for name, actor in self.signals.items():
            actor.visibility = name == signal(time_s)
        boxes = {}
        for track, state in present:
            if not self._near(state):
                continue
            if track.id not in self.bodies:
                self.bodies[track.id] = _Body(
                    track, self.colour, self.flat, self.from_sun, self.stage.light.lamps
                )
            points = self.bodies[track.id].place(state)
            pixels, depth = self.camera.project(points)
            if (depth > 1.0).any():
                front = pixels[depth > 1.0]
                boxes[track.id] = np.concatenate([front.min(axis=0), front.max(axis=0)])
        w, h = self.camera.width, self.camera.height
        return {k: b for k, b in boxes.items() if b[2] > 0 and b[3] > 0 and b[0] < w and b[1] < h}

    def _near(self, state: State) -> bool:
        return -8 < state.y - self.camera.position[1] < 180

    def sights(self, boxes: dict[int, NDArray[np.float64]]) -> dict[int, Sight]:
        """Measure boxes and visibility of who is in sight, from identity pictures."""
        alone = self._codes()
        hidden = (self.flat.depth() > self.still_depth + 0.3) & (self.still_depth > 0)
        visible = _pixels(np.where(hidden, np.uint8(0), alone)[INNER])
        groups = _disjoint(boxes)
        result = {}
        for codes, group in self._outlines(alone, groups):
            whole, places = _pixels(codes), find_objects(codes[INNER], 256)
            for key in group:
                code = self.bodies[key].code
                place = places[code - 1]
                if place is not None:
                    share = min(1.0, visible[code] / whole[code])
                    inside = np.count_nonzero(codes[INNER][place] == code)
                    result[key] = Sight(self._box(boxes[key], place), float(share), inside)
        return result

    def _outlines(
        self, together: NDArray[np.uint8], groups: list[list[int]]
    ) -> Iterator[tuple[NDArray[np.uint8], list[int]]]:
        """Yield identity pictures in which the road users of a group show their whole outlines.

        The first group holds those who touch nobody: the picture of all together shows them whole.
        """
        yield together, groups[0]
        for group in groups[1:]:
            for key, body in self.bodies.items():
                body.flat.visibility = key in group
            yield self._codes(), group

    def _codes(self) -> NDArray[np.uint8]:
        rgb = self.flat.draw()
        return np.where(rgb[..., 2] > 128, (rgb[..., 0] & 0xF0) | (rgb[..., 1] >> 4), np.uint8(0))

    def _box(self, box: NDArray[np.float64], place: tuple[slice, slice]) -> NDArray[np.float64]:
        """Return the exact box of what is wholly inside; what the border cuts is measured by its pixels."""
        w, h = self.camera.width, self.camera.height
        if box[0] >= 0 and box[1] >= 0 and box[2] <= w and box[3] <= h:
            return box
        return np.array([place[1].start, place[0].start, place[1].stop, place[0].stop], float)

    def light(self, present: list[tuple[Track, State]]) -> Array:
        """Return the frame in linear light (H, W, 3): the stage, shadows on it, and who moves."""
        stage = self.stage
        lit, z = self.colour.draw(True), self.colour.z()
        rows, columns = np.nonzero(z < 1)
        depth = self.colour.metres(z[rows, columns])
        seen = depth < stage.depth[rows, columns] + 0.05
        rows, columns, depth = rows[seen], columns[seen], depth[seen]
        sun_depth = self.from_sun.depth(render=True)
        mixed = LINEAR[lit[rows, columns]]
        if stage.light.sun_strength > 0:
            shade = LINEAR[self.colour.draw(False)[rows, columns]]
            points = self._points(rows, columns, depth)
            share = shadow(points, stage.sun_depth, stage.sun) * shadow(
                points, sun_depth, self.sun, bias_m=0.3
            )
            mixed = shade + np.maximum(mixed - shade, 0) * share[:, None]
        image = self._still(present, sun_depth)
        if len(rows):
            y0, x0 = rows.min() // SCALE, columns.min() // SCALE
            y1, x1 = rows.max() // SCALE + 1, columns.max() // SCALE + 1
            layer = np.zeros(((y1 - y0) * SCALE, (x1 - x0) * SCALE, 4), np.float32)
            place = (rows - y0 * SCALE, columns - x0 * SCALE)
            layer[(*place, slice(0, 3))], layer[(*place, 3)] = mixed, 1
            layer = shrink(layer)
            image[y0:y1, x0:x1] = image[y0:y1, x0:x1] * (1 - layer[..., 3:]) + layer[..., :3]
        return image

    def _points(self, rows: NDArray[np.int64], columns: NDArray[np.int64], depth: Array) -> Array:
        x = ((columns + 0.5) / SCALE - self.camera.width / 2) / self.camera.focal_px
        y = ((rows + 0.5) / SCALE - self.camera.height / 2) / self.camera.focal_px
        in_view = np.stack([x, -y, np.ones_like(x)], axis=1).astype(np.float32) * depth[:, None]
        return in_view @ self.camera.basis.astype(np.float32) + np.array(self.camera.position, np.float32)

    def _still(self, present: list[tuple[Track, State]], sun_depth: Array) -> Array:
        """Return the stage with the shadows and the lights of who moves."""
        stage = self.stage
        size = (round((PLAN_X[1] - PLAN_X[0]) * PLAN_PX_M), round((PLAN_Y[1] - PLAN_Y[0]) * PLAN_PX_M))
        under, beams = np.zeros(size[::-1], np.float32), np.zeros(size[::-1], np.float32)
        for track, s in present:
            wide = {"bus": 2.4, "truck": 2.2, "car": 1.7}.get(track.model.label, 0.45)
            self._spot(under, s, track.model.length if wide > 1 else track.model.length * 0.9, wide, 0.0)
            if track.model.label not in ("person", "bicycle"):
                self._spot(beams, s, 9.0, 2.6, track.model.length / 2 + 6.5)
        close = stage.from_plan(cv2.GaussianBlur(under, (0, 0), 0.28 * PLAN_PX_M))
        wide_shade = stage.from_plan(cv2.GaussianBlur(under, (0, 0), 1.1 * PLAN_PX_M))
        still = stage.sky_light * ((1 - 0.72 * close) * (1 - 0.45 * wide_shade))[..., None]
        if stage.light.lamps:
            pool = stage.from_plan(cv2.GaussianBlur(beams, (0, 0), 1.3 * PLAN_PX_M))
            still = still * (1 + pool[..., None] * np.array([1.9, 1.6, 1.2], np.float32))
        if stage.light.sun_strength > 0:
            share = cv2.GaussianBlur(lit_share(*self.still_in_sun, sun_depth), (0, 0), 0.7)
            still = still + stage.sun_light * share[..., None]
        return still

    @staticmethod
    def _spot(plan: Array, state: State, length: float, width: float, ahead: float) -> None:
        """Draw a rectangle into the plan, ``ahead`` metres before the middle of a road user."""
        c, s = np.cos(state.heading), np.sin(state.heading)
        x, y = state.x + ahead * c, state.y + ahead * s
        corners = [(x + a * c - b * s, y + a * s + b * c) for a, b in _corners(length, width)]
        pixels = [((px - PLAN_X[0]) * PLAN_PX_M, (PLAN_Y[1] - py) * PLAN_PX_M) for px, py in corners]
        cv2.fillConvexPoly(plan, np.round(np.array(pixels) * 16).astype(np.int32), 1.0, cv2.LINE_8, 4)


def _corners(length: float, width: float) -> list[tuple[float, float]]:
    a, b = length / 2, width / 2
    return [(-a, -b), (a, -b), (a, b), (-a, b)]

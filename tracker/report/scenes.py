"""Figures over the picture of the road: the scene, the paths, and where road users were."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracker.errors import ResultError
from tracker.report.drawing import GROUND, INK, MUTED, Image, Pen, legend_columns
from tracker.report.plates import Plate, draw_plates
from tracker.report.tables import Way
from tracker.report.words import shortened
from tracker.scene import Line, Point, Scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_WIDE_PX = 1350
#: Share of white in a ground that something is drawn on.
_WASH = 0.45
#: The scale of the heat map spans no more powers of ten than this.
_MOST_DECADES = 2.5
_ZONE_COLOUR, _GATE_COLOUR, _IGNORE_COLOUR = "#ddaa33", "#44aa99", "#333333"


def read_ground(path: Path) -> Image | None:
    """Return the picture of the empty road (H, W, 3) RGB, made smaller if it is large; None without one.

    Raises:
        ResultError: the file is no picture.
    """
    from PIL import Image as Pillow

    if not path.exists():
        return None
    try:
        with Pillow.open(path) as image:
            image.draft("RGB", (_MOST_WIDE_PX, _MOST_WIDE_PX))
            image.thumbnail((_MOST_WIDE_PX, 10 * _MOST_WIDE_PX))
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError) as exc:
        raise ResultError(f"{path} is no picture: {exc}") from exc


def _stage(pen: Pen, size: tuple[int, int], road: Image, below_in: float = 0.0) -> tuple[Axes, Image]:
    """Return axes in pixels of the source, as wide as the figure, and the road as large as they are."""
    from PIL import Image as Pillow

    figure, (width, height) = pen.figure, size
    figure.set_layout_engine("none")
    share = below_in / figure.get_figheight()
    axes = figure.add_axes((0.0, share, 1.0, 1.0 - share), anchor="NW")
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[], aspect="equal")
    axes.apply_aspect()  # names are placed before anything is drawn
    axes.patch.set_visible(False)
    axes.spines[:].set_visible(False)
    figure_px = figure.bbox.width, figure.bbox.height
    scale = min(figure_px[0] / width, figure_px[1] * (1 - share) / height)
    pixels = max(round(scale * width), 1), max(round(scale * height), 1)
    return axes, np.asarray(Pillow.fromarray(road).resize(pixels, Pillow.Resampling.BICUBIC))


def _washed(ground: Image | None) -> Image:
    """Return the road in pale grey, for what is drawn on it."""
    if ground is None:
        return _plain()
    grey = ground @ np.array([0.299, 0.587, 0.114], np.float32) * (1 - _WASH) + 255 * _WASH
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def _plain() -> Image:
    return np.full((2, 2, 3), [int(GROUND[at : at + 2], 16) for at in (1, 3, 5)], np.uint8)


def draw_scene(
    pen: Pen, size: tuple[int, int], ground: Image | None, scene: Scene, colours: Mapping[Way, str]
) -> Image:
    """Draw lines with arrows for their directions, zones, gates, and where nothing is tracked."""
    axes, road = _stage(pen, size, _plain() if ground is None else ground)
    plates = []
    for polygon in scene.ignore:
        axes.fill(*zip(*polygon, strict=True), fc="none", ec=_IGNORE_COLOUR, hatch="xxx", lw=0.8, alpha=0.7)
    for zone in scene.zones:
        axes.fill(*zip(*zone.points, strict=True), fc=_ZONE_COLOUR, ec="none", alpha=0.28)
        axes.fill(*zip(*zone.points, strict=True), fc="none", ec=_ZONE_COLOUR, lw=1.5)
        plates.append(Plate(_middle(zone.points), zone.name, _ZONE_COLOUR))
    for gate in scene.gates:
        _stroke(axes, gate.points, _GATE_COLOUR, "--")
        plates.append(Plate(gate.points[0], gate.name, _GATE_COLOUR))
    for line in scene.lines:
        _stroke(axes, line.points, INK, "-")
    for line in scene.lines:
        plates[:0] = _draw_arrows(axes, pen, size, line, colours)
    draw_plates(axes, pen, plates)
    return road


def _stroke(axes: Axes, points: Sequence[Point], colour: str, style: str) -> None:
    x, y = zip(*points, strict=True)
    axes.plot(x, y, color="white", linewidth=4.5, solid_capstyle="round")
    axes.plot(x, y, color=colour, linewidth=2.2, linestyle=style, solid_capstyle="round")


def _draw_arrows(
    axes: Axes, pen: Pen, size: tuple[int, int], line: Line, colours: Mapping[Way, str]
) -> list[Plate]:
    """Draw an arrow a direction across the line; the first direction goes to the right of who looks along."""
    from matplotlib.patheffects import withStroke

    middle, across = _across(line.points)
    length_px = (0.13 if pen.narrow else 0.09) * size[0]
    plates = [Plate(line.points[0], line.name, INK, bold=True)]
    for direction, sign in zip(line.directions, (1, -1), strict=True):
        away = sign * across[0], sign * across[1]
        tip = _tip(size, middle, away, length_px)
        colour = colours[line.name, direction]
        style = {
            "arrowstyle": "-|>",
            "color": colour,
            "lw": 2.4,
            "mutation_scale": 13,
            "shrinkA": 0,
            "shrinkB": 0,
        }
        arrow = axes.annotate("", tip, middle, arrowprops=style).arrow_patch
        if arrow is not None:
            arrow.set_path_effects([withStroke(linewidth=5, foreground="white")])
        beyond = tip[0] + away[0] * 0.012 * size[0], tip[1] + away[1] * 0.012 * size[0]
        plates.append(Plate(beyond, direction, colour, away=away))
    return plates


def _tip(size: tuple[int, int], begin: Point, away: Point, length_px: float) -> Point:
    """Return where an arrow ends: it is shorter where it would leave the picture."""
    for share in (1.0, 0.85, 0.7, 0.55):
        x, y = begin[0] + share * away[0] * length_px, begin[1] + share * away[1] * length_px
        if 0 <= x <= size[0] and 0 <= y <= size[1]:
            break
    return x, y


def _across(points: Sequence[Point]) -> tuple[Point, Point]:
    """Return the middle of the line's length, and the unit vector to the right of who walks along it."""
    corners = np.array(points, np.float64)
    steps = np.diff(corners, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    half = lengths.sum() / 2
    piece = int(np.searchsorted(np.cumsum(lengths), half))
    done = half - lengths[:piece].sum()
    along = steps[piece] / lengths[piece]
    middle = corners[piece] + along * done
    return (float(middle[0]), float(middle[1])), (float(-along[1]), float(along[0]))


def _middle(points: Sequence[Point]) -> Point:
    x, y = np.mean(np.array(points), axis=0)
    return float(x), float(y)


def draw_paths(
    pen: Pen,
    size: tuple[int, int],
    ground: Image | None,
    groups: Sequence[tuple[str, str, Sequence[NDArray[np.float64]]]],
    below_in: float,
) -> Image:
    """Draw the paths of road users.

    Args:
        pen: to draw with.
        size: of the source in pixels.
        ground: of the road.
        groups: name, colour and paths (M, 2) in pixels; the last is drawn on top.
        below_in: height of the legend in inches.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.lines import Line2D

    axes, road = _stage(pen, size, _washed(ground), below_in)
    many = sum(len(paths) for *_, paths in groups)
    alpha = float(np.clip(14 / max(many, 1) ** 0.5, 0.35, 0.9))
    handles = []
    for name, colour, paths in groups:
        lines = LineCollection(list(paths), colors=colour, linewidths=1.1, alpha=alpha, capstyle="round")
        axes.add_collection(lines, autolim=False)
        label = shortened(name, 38 if pen.narrow else 60)
        handles.append(Line2D([], [], color=colour, linewidth=3, label=label))
    labels = [str(handle.get_label()) for handle in handles]
    columns = legend_columns(labels, pen.narrow)
    pen.figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 0), ncols=columns, handlelength=1.4, borderpad=0
    )
    return road


def draw_heat(
    pen: Pen, size: tuple[int, int], ground: Image | None, heat_s: NDArray[np.float64], below_in: float
) -> Image:
    """Draw where road users were, and for how long in all, on a scale of powers of ten."""
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm

    smooth = _smoothed(heat_s)
    most = float(smooth.max())
    least = max(float(smooth[smooth > 0].min()), most / 10**_MOST_DECADES)
    norm = LogNorm(min(least, most / 10), most)
    share = np.asarray(norm(np.maximum(smooth, norm.vmin or 0.0)), np.float64)
    shades = colormaps["inferno_r"]
    colours: Any = shades(share)
    colours[..., 3] = np.clip(share * 2.2, 0, 0.88)
    _, road = _stage(pen, size, _laid_over(_washed(ground), (colours * 255).astype(np.uint8), size), below_in)
    _draw_scale(pen, norm, shades, below_in)
    return road


def _laid_over(road: Image, colours: Image, size: tuple[int, int]) -> Image:
    """Return the road with a coarse RGBA picture, made larger smoothly, on it."""
    from PIL import Image as Pillow

    pixels = _MOST_WIDE_PX, max(round(_MOST_WIDE_PX * size[1] / size[0]), 1)
    below = Pillow.fromarray(road).resize(pixels, Pillow.Resampling.BICUBIC)
    above = Pillow.fromarray(colours).resize(pixels, Pillow.Resampling.BILINEAR)
    below.paste(above, mask=above)
    return np.asarray(below)


def _draw_scale(pen: Pen, norm: Any, shades: Any, below_in: float) -> None:
    from matplotlib.cm import ScalarMappable

    height = pen.figure.get_figheight()
    place = pen.figure.add_axes((0.02, (below_in - 0.2) / height, 0.96 if pen.narrow else 0.5, 0.1 / height))
    bar = pen.figure.colorbar(ScalarMappable(norm, shades), cax=place, orientation="horizontal")
    place.spines[:].set_visible(False)
    place.tick_params(length=2, labelcolor=MUTED)
    place.minorticks_off()

    def label(value: float, _: float) -> str:
        return pen.say.number(value, max(0, -math.floor(math.log10(value))))

    place.xaxis.set_major_formatter(label)
    bar.set_label(pen.say("heat.axis"), loc="left")


def _smoothed(heat_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the heat with each cell shared with its neighbours, twice, so that no single cell stands out."""
    for _ in range(2):
        for axis in (0, 1):
            heat_s = sum(_shares(heat_s, axis))  # type: ignore[assignment]
    return heat_s


def _shares(cells: NDArray[np.float64], axis: int) -> Iterator[NDArray[np.float64]]:
    padded = np.pad(cells, [(1, 1) if place == axis else (0, 0) for place in (0, 1)], mode="edge")
    for offset, weight in enumerate((0.25, 0.5, 0.25)):
        window: list[slice] = [slice(None), slice(None)]
        window[axis] = slice(offset, offset + cells.shape[axis])
        yield weight * padded[tuple(window)]

"""What all figures share: size, style, colours, the axis of time, and how they get into the page."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracker.report.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Image = NDArray[np.uint8]
INK, MUTED, RULE, GROUND, ACCENT = "#1c2b33", "#5f6f78", "#d5dadd", "#eef1f2", "#0f5c7a"
#: Of the classes: Okabe and Ito's palette, which the colour-blind can tell apart.
CLASS_COLOURS = {
    "car": "#0072b2",
    "van": "#56b4e9",
    "truck": "#d55e00",
    "bus": "#e69f00",
    "motorbike": "#009e73",
    "motorcycle": "#009e73",
    "bicycle": "#f0e442",
    "person": "#cc79a7",
    "pedestrian": "#cc79a7",
}
OTHER_COLOUR = "#8a9499"
#: Of lines and their directions: Paul Tol's "high contrast" and "muted".
WAY_COLOURS = ("#004488", "#bb5566", "#ddaa33", "#117733", "#882255", "#44aa99", "#999933", "#aa4499")
#: Widths of the figures in inches.
WIDE_IN, NARROW_IN = 9.0, 3.7
_WIDE_DPI, _NARROW_DPI = 150, 220
_STEPS_S = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 14400, 21600, 43200, 86400, 172800, 604800),
)
_SYSTEM_FONTS = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif"
_STYLE: dict[Any, Any] = {
    "font.size": 9.5,
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "text.parse_math": False,  # names may hold dollar signs
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """One figure of the page, drawn for wide and for narrow screens.

    Attributes:
        name: of its PNG, without the ending.
        wide: data URI.
        narrow: data URI.
        png: the wide one.
        alt: what is to be seen, in words.
        caption: below it.
        photo: it holds a photograph.
    """

    name: str
    wide: str
    narrow: str
    png: bytes
    alt: str
    caption: str
    photo: bool


@dataclass(frozen=True, slots=True)
class Pen:
    """What a function that draws needs to know.

    Attributes:
        figure: to draw on.
        say: the language.
        narrow: drawn for a phone.
    """

    figure: Figure
    say: Language
    narrow: bool


#: Draws on a pen's figure; a picture (H, W, 3) that it returns is laid below the figure, at the top left.
Draw = Callable[[Pen], Image | None]


def picture(
    name: str,
    say: Language,
    heights_in: tuple[float, float],
    draw: Draw,
    alt: str,
    caption: str,
    photo: bool = False,
) -> Picture:
    """Draw a figure twice.

    Args:
        name: of the PNG.
        say: the language.
        heights_in: height of the wide and of the narrow one, in inches.
        draw: draws it.
        alt: what is to be seen.
        caption: below it.
        photo: a picture with a photograph, better kept as JPEG than as SVG.
    """
    wide, png = _drawn(draw, say, heights_in[0], narrow=False, photo=photo)
    narrow, _ = _drawn(draw, say, heights_in[1], narrow=True, photo=photo)
    return Picture(name, wide, narrow, png, alt, caption, photo)


def _drawn(draw: Draw, say: Language, height_in: float, narrow: bool, photo: bool) -> tuple[str, bytes]:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width_in, dpi = (NARROW_IN, _NARROW_DPI) if narrow else (WIDE_IN, _WIDE_DPI)
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcParams.update(_STYLE)
        # a name may be in letters that this machine has no font for; the browser has
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure((width_in, height_in), dpi=dpi, layout="constrained")
        figure.get_layout_engine().set(w_pad=0.0, h_pad=0.03, hspace=0.05)  # type: ignore[union-attr, call-arg]
        canvas = FigureCanvasAgg(figure)
        below = draw(Pen(figure, say, narrow))
        figure.get_layout_engine().execute(figure)  # type: ignore[union-attr]
        figure.set_layout_engine("none")  # or it would be worked out again for every format
        uri = "" if photo else _svg(figure)
        if narrow and not photo:
            return uri, b""
        if below is not None:
            figure.patch.set_visible(False)
        canvas.draw()  # type: ignore[no-untyped-call]
        image = _composed(canvas, below)
        return uri or _uri("image/jpeg", _encoded(image, "jpeg")), b"" if narrow else _encoded(image, "png")


def _svg(figure: Figure) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    # the page's own letters, which are narrower than those that the places were made for
    text = stream.getvalue().decode().replace("'DejaVu Sans', sans-serif", _SYSTEM_FONTS)
    text = text.replace("'DejaVu Sans'", _SYSTEM_FONTS)
    return _uri("image/svg+xml", text.encode())


def _composed(canvas: Any, below: Image | None) -> Any:
    """Return the figure on white, and on what is to be below it; matplotlib itself takes 100 MB for that."""
    from PIL import Image as Pillow

    drawn = Pillow.fromarray(np.asarray(canvas.buffer_rgba()))
    whole = Pillow.new("RGB", drawn.size, "white")
    if below is not None:
        whole.paste(Pillow.fromarray(below))
    whole.paste(drawn, mask=drawn)
    return whole


def _encoded(image: Any, kind: str) -> bytes:
    stream = io.BytesIO()
    options = {"quality": 84, "optimize": True} if kind == "jpeg" else {"compress_level": 4}
    image.save(stream, kind, **options)
    return stream.getvalue()


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def class_colour(name: str) -> str:
    """Return the colour of a class."""
    return CLASS_COLOURS.get(name.lower(), OTHER_COLOUR)


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Names moments of the video, by the clock where it is known.

    Attributes:
        zero: moment of the video's time 0, or None.
    """

    zero: datetime | None

    def at(self, time_s: float) -> datetime | None:
        """Return the moment on the clock, also where the clocks are changed in between."""
        if self.zero is None:
            return None
        return (self.zero.astimezone(UTC) + timedelta(seconds=time_s)).astimezone(self.zero.tzinfo)

    def label(self, time_s: float, seconds: bool = False) -> str:
        """Return the time of day, or the time since the video's beginning."""
        moment = self.at(time_s)
        if moment is not None:
            return f"{moment:%H:%M:%S}" if seconds else f"{moment:%H:%M}"
        whole = round(time_s)
        hours, rest = divmod(whole, 3600)
        return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"

    def ticks(self, begin_s: float, end_s: float, most: int) -> tuple[list[float], int]:
        """Return full hours, minutes or seconds within a span, and how far apart they are."""
        step_s = next((step for step in _STEPS_S if (end_s - begin_s) / step <= most), _STEPS_S[-1])
        shift_s = 0.0
        if self.zero is not None:
            midnight = self.zero.replace(hour=0, minute=0, second=0, microsecond=0)
            shift_s = (self.zero - midnight).total_seconds()
        first = -((-begin_s - shift_s) // step_s)
        count = int((end_s + shift_s) // step_s - first) + 1
        return [(first + place) * step_s - shift_s for place in range(max(count, 0))], step_s

    def draw(self, axes: Axes, span_s: tuple[float, float], pen: Pen) -> None:
        """Label the horizontal axis; midnight bears the date where there are several days."""
        ticks, step_s = self.ticks(*span_s, most=4 if pen.narrow else 9)
        axes.set_xlim(*span_s)
        axes.set_xticks(ticks, [self._tick(tick, step_s, span_s, pen.say) for tick in ticks])
        axes.tick_params(axis="x", length=3)

    def _tick(self, tick: float, step_s: int, span_s: tuple[float, float], say: Language) -> str:
        moment = self.at(tick)
        if moment is None or span_s[1] - span_s[0] < 86400 * 1.01:
            return self.label(tick, seconds=step_s < 60)
        midnight = (moment.hour, moment.minute) == (0, 0)
        return say.short_date(moment) if midnight else self.label(tick)


def legend_columns(labels: Sequence[str], narrow: bool) -> int:
    """Return how many columns a legend below a figure has room for."""
    letters = max((len(label) for label in labels), default=1) + 6
    return max(1, min(len(labels), (44 if narrow else 110) // letters))

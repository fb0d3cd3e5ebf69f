"""The text beside an ONNX file that says what goes into the model and what comes out; see ``onnx.py``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from detectors.errors import UsageError, WeightsError
from detectors.registry import read_config
from detectors.zoo._fit import Fit, Resize

Kind = Literal["yolox", "yolov5", "yolov8", "end_to_end", "boxes_scores", "torchvision"]


@dataclass(frozen=True, slots=True)
class Input:
    """How pictures are given to the model: value = (pixel * scale - mean) / deviation.

    Attributes:
        layout: order of the input's dimensions.
        colours: order of the three colours.
        size: width and height in pixels, where the model leaves one of them open.
        fit: how a frame is put into the input.
        resize: how it is made smaller; "area" averages below 0.7 times its size.
        pad: grey value of what is left free.
        scale: factor on pixels of [0, 255].
        mean: one number, or one a colour in the order of ``colours``.
        deviation: as ``mean``.
    """

    layout: Literal["NCHW", "NHWC"]
    colours: Literal["BGR", "RGB"]
    size: tuple[int, int] | None = None
    fit: Fit = "top_left"
    resize: Resize = "linear"
    pad: int = 114
    scale: float = 1.0
    mean: float | tuple[float, float, float] = 0.0
    deviation: float | tuple[float, float, float] = 1.0

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be."""
        if self.size is not None and not all(32 <= side <= 8192 for side in self.size):
            raise ValueError("size must be [width, height], each in 32..8192 pixels")
        if not 0 <= self.pad <= 255:
            raise ValueError("pad must lie in 0..255")
        parts = self.deviation if isinstance(self.deviation, tuple) else (self.deviation,)
        if self.scale <= 0 or any(part <= 0 for part in parts):
            raise ValueError("scale and deviation must be greater than 0")


@dataclass(frozen=True, slots=True)
class Output:
    """How boxes are read from what the model returns.

    Attributes:
        kind: see ``onnx.py``.
        names: of the model's outputs, in the kind's order; None for the kind's own names or, where the model
            has others, for its outputs in their order.
        features: name of a float map (N, C, h, w), an output or a value inside the model; None for none.
        features_stride: pixels of the input a cell of that map.
    """

    kind: Kind
    names: tuple[str, ...] | None = None
    features: str | None = None
    features_stride: int = 8

    def __post_init__(self) -> None:
        """Raise ValueError for a stride that no map has."""
        if self.features_stride < 1:
            raise ValueError("features_stride must be 1 at least")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What counts as a detection.

    Attributes:
        score: least score of a detection.
        nms_iou: overlap from which two boxes are the same object.
        born_score: score from which a detection may start a track; None where it was not measured.
    """

    score: float = 0.25
    nms_iou: float = 0.5
    born_score: float | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a threshold that cannot be."""
        if not 0 <= self.score <= 1 or not 0 <= (self.born_score or 0) <= 1:
            raise ValueError("score and born_score must lie in [0, 1]")
        if not 0 < self.nms_iou <= 1:
            raise ValueError("nms_iou must lie in (0, 1]")


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The whole text.

    Attributes:
        input: how pictures are given to the model.
        output: how boxes are read from what it returns.
        classes: name by the model's own index; what is not in it is left out.
        detector: what counts as a detection.
    """

    input: Input
    output: Output
    classes: Mapping[int, str]
    detector: Thresholds = field(default_factory=Thresholds)


_TABLES = {"input": Input, "output": Output, "detector": Thresholds}
EXAMPLE = (
    '[input] layout = "NCHW", colours = "BGR"; [output] kind = "yolox"; [classes] 0 = "person"; '
    "'track export detector' writes one"
)


def read_sidecar(content: bytes, name: str) -> Sidecar:
    """Check the text.

    Args:
        content: of the file.
        name: of the file, for messages.

    Raises:
        WeightsError: it says too little, or something that cannot be; names file, table and key.
    """
    try:
        tables: dict[str, Any] = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise WeightsError(f"{name} cannot be read as TOML: {exc}") from exc
    unknown = sorted(set(tables) - {*_TABLES, "classes"})
    if unknown:
        raise WeightsError(f"{name} has an unknown [{unknown[0]}]: there is input, output, classes, detector")
    checked: dict[str, Any] = {}
    for key, cls in _TABLES.items():
        table = tables.get(key, {})
        if not isinstance(table, dict):
            raise WeightsError(f"{name}: {key} must be a table, [{key}]")
        try:
            checked[key] = read_config(cls, table, f"{name} [{key}]")
        except UsageError as exc:  # what is wrong is the file, not the request
            raise WeightsError(str(exc)) from exc
    classes = _classes(tables.get("classes"), name)
    if checked["output"].kind == "torchvision" and 0 in classes:
        raise WeightsError(f"{name} [classes]: with kind torchvision 0 is the background; the first is 1")
    return Sidecar(**checked, classes=classes)


def _classes(table: object, name: str) -> dict[int, str]:
    if not isinstance(table, dict) or not table:
        raise WeightsError(f'{name} needs [classes] with INDEX = "name", such as 2 = "car"')
    for key, value in table.items():
        if not (key.isascii() and key.isdecimal()):
            raise WeightsError(f"{name} [classes]: '{key}' must be the model's index of a class, from 0")
        if not isinstance(value, str) or not value.strip():
            raise WeightsError(f"{name} [classes]: {key} must be a name, not {value!r}")
    return {int(key): value for key, value in table.items()}


def write_sidecar(sidecar: Sidecar) -> str:
    """Return the text that ``read_sidecar`` makes the same of."""
    lines: list[str] = []
    for key in _TABLES:
        values = asdict(getattr(sidecar, key))
        lines += [
            f"[{key}]",
            *(f"{name} = {_toml(values[name])}" for name in values if values[name] is not None),
        ]
        lines.append("")
    lines += ["[classes]", *(f"{index} = {_toml(name)}" for index, name in sidecar.classes.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)

"""One picture of what a network makes of a picture: filters, maps, and where it looked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.classifiers.opened import Opened
from detectors.classifiers.showing import Shown
from detectors.opencv import load_cv2

cv2 = load_cv2()

Image = NDArray[np.uint8]

#: Channels of a layer, the strongest, and how many stand side by side.
MAPS, COLUMNS = 24, 12
#: Filters of the first layer, the first: as many as AlexNet has.
FILTERS = 96
_TILE, _GAP, _PANEL, _CAPTION, _TITLE = 96, 6, 402, 24, 64  # pixels
_WIDTH = COLUMNS * (_TILE + _GAP) + _GAP
_INK, _PALE, _BOX = (30, 30, 30), (110, 110, 110), (0, 220, 255)


def draw(shown: Shown, title: str, note: str) -> Image:
    """Return the sheet, uint8 (H, W, 3) BGR.

    Args:
        shown: what is on it.
        title: what the network is.
        note: a line below it, such as that its weights are random.
    """
    parts = [_head(title, f"{note}   It says: {shown.answer.said}"), _panels(shown)]
    for name, maps in shown.maps.items():
        parts.append(_strip(name, maps))
    return np.concatenate(parts)


def write_sheet(path: Path, shown: Shown, network: Opened) -> None:
    """Write the sheet as a PNG file, so that a whole one stands there at any moment.

    Raises:
        OSError: it cannot be written.
    """
    note = "Random weights: its answer means nothing." if network.random else "With its own weights."
    content = cv2.imencode(".png", draw(shown, network.name, note))[1]
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content.tobytes())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _head(title: str, note: str) -> Image:
    head = _blank(_TITLE)
    _write(head, title, (_GAP, 26), 20)
    _write(head, note, (_GAP, 52), 15, _PALE)
    return head


def _panels(shown: Shown) -> Image:
    """Return the picture, the heat over it, and the filters, side by side."""
    height, width = shown.picture.shape[:2]
    first, kernel = shown.filters, "x".join(map(str, shown.filters.shape[1:3]))
    way = "" if shown.answer.box is None else ", place by place,"
    heat_of = f"Grad-CAM{way} of {shown.answer.best[0][0]} at {shown.heat_of}"
    panels = [
        (_boxed(shown, shown.picture), f"as the network sees it, {width}x{height} pixels"),
        (_heated(shown), heat_of if shown.heat is not None else "no Grad-CAM: no maps before its answer"),
        (
            _filter_grid(first),
            f"{shown.filters_of}: {min(len(first), FILTERS)} of {len(first)} filters {kernel}",
        ),
    ]
    tall = max(_fitted(panel, _PANEL, _PANEL).shape[0] for panel, _ in panels)
    sheet = _blank(tall + _CAPTION + _GAP)
    for place, (panel, caption) in enumerate(panels):
        left = _GAP + place * (_PANEL + _GAP)
        _write(sheet, _shortened(caption), (left, 16), 14)
        _paste(sheet, _fitted(panel, _PANEL, tall), left, _CAPTION)
    return sheet


def _heated(shown: Shown) -> Image:
    """Return the picture with the heat over it: red where the class's score comes from."""
    if shown.heat is None:
        return shown.picture // 2 + 64
    size = shown.picture.shape[1::-1]
    heat = np.clip(cv2.resize(shown.heat, size, interpolation=cv2.INTER_CUBIC) * 255, 0, 255)
    colours = cv2.applyColorMap(heat.astype(np.uint8), cv2.COLORMAP_TURBO)
    return _boxed(shown, cv2.addWeighted(shown.picture, 0.5, colours, 0.5, 0))


def _boxed(shown: Shown, image: Image) -> Image:
    if shown.answer.box is None:
        return image
    image = image.copy()
    left, top, right, bottom = (int(value) for value in shown.answer.box.round())
    cv2.rectangle(image, (left, top), (right, bottom), _INK, 3)
    cv2.rectangle(image, (left, top), (right, bottom), _BOX, 1)
    return image


def _filter_grid(filters: NDArray[np.float32]) -> Image:
    """Return the filters as one picture; each has its own contrast, and grey is 0."""
    some = filters[:FILTERS]
    most = np.abs(some).max(axis=(1, 2, 3), keepdims=True)
    tiles = np.clip(some / np.maximum(most, 1e-12) * 127 + 128, 0, 255).astype(np.uint8)
    columns = int(np.ceil(np.sqrt(len(tiles))))
    side = max(_PANEL // columns - 3, 4)
    grid: Image = np.full((-(-len(tiles) // columns) * (side + 3), columns * (side + 3), 3), 255, np.uint8)
    for place, tile in enumerate(tiles):
        colours = np.repeat(tile, 3, 2) if tile.shape[2] == 1 else np.ascontiguousarray(tile)
        large = cv2.resize(colours, (side, side), interpolation=cv2.INTER_NEAREST)
        _paste(grid, large, place % columns * (side + 3), place // columns * (side + 3))
    return grid


def _strip(name: str, maps: NDArray[np.float32]) -> Image:
    """Return a layer's strongest maps, each with its own contrast."""
    order = np.argsort(-maps.mean((1, 2)), kind="stable")[:MAPS]
    tiles = [_fitted(_coloured(maps[channel]), _TILE, _TILE) for channel in order]
    tall = max(tile.shape[0] for tile in tiles)
    strip = _blank(_CAPTION + -(-len(tiles) // COLUMNS) * (tall + _GAP))
    size = "x".join(map(str, maps.shape))
    _write(strip, f"{name}   {size}: the {len(tiles)} strongest of {len(maps)} maps", (_GAP, 16), 14)
    for place, tile in enumerate(tiles):
        left, top = _GAP + place % COLUMNS * (_TILE + _GAP), _CAPTION + place // COLUMNS * (tall + _GAP)
        _paste(strip, tile, left, top)
    return strip


def _coloured(values: NDArray[np.float32]) -> Image:
    low, high = float(values.min()), float(values.max())
    grey = ((values - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS), np.uint8)


def _fitted(image: Image, width: int, height: int) -> Image:
    """Return the picture as large as it fits; values stay squares where it grows much."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)


def _blank(height: int) -> Image:
    return np.full((height, _WIDTH, 3), 255, np.uint8)


def _paste(sheet: Image, image: Image, left: int, top: int) -> None:
    sheet[top : top + image.shape[0], left : left + image.shape[1]] = image


def _write(sheet: Image, text: str, at: tuple[int, int], size: int, ink: tuple[int, int, int] = _INK) -> None:
    cv2.putText(sheet, text, at, ink, cv2.FontFace("sans"), size, 400)


def _shortened(text: str) -> str:
    """Return the text as far as it fits above a panel."""
    while cv2.getTextSize((0, 0), text, (0, 0), cv2.FontFace("sans"), 14, 400)[2] > _PANEL:
        text = text.removesuffix("…")[:-1] + "…"
    return text

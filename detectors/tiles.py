"""Contact sheets: many small pictures with a caption each, as one picture for the eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2

cv2 = load_cv2()

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

INK, PALE = (30, 30, 30), (110, 110, 110)  # BGR
_GAP, _TITLE = 8, 36  # pixels
_TEXT, _LINE, _BELOW = 14, 17, 7


def contact_sheet(
    tiles: Sequence[Image], captions: Sequence[Sequence[str]], title: str, columns: int, size: tuple[int, int]
) -> Image:
    """Return the sheet, uint8 (H, W, 3) BGR.

    Args:
        tiles: uint8 (H, W, 3) BGR, each of ``size``.
        captions: lines of text for each tile, the third of them in grey; too long ones are shortened.
        title: of the sheet.
        columns: tiles beside one another.
        size: width and height of a tile in pixels.
    """
    width, height = size
    below = _LINE * max((len(lines) for lines in captions), default=0) + _BELOW
    rows = max(-(-len(tiles) // columns), 1)
    step_x, step_y = width + _GAP, height + below + _GAP
    sheet: Image = np.full((_TITLE + rows * step_y, columns * step_x + _GAP, 3), 255, np.uint8)
    write(sheet, title, (_GAP, 24), 18)
    for place, (tile, lines) in enumerate(zip(tiles, captions, strict=True)):
        x, y = _GAP + place % columns * step_x, _TITLE + place // columns * step_y
        sheet[y : y + height, x : x + width] = tile
        for line, text in enumerate(lines):
            ink = PALE if line == 2 else INK
            write(sheet, _shortened(text, width), (x, y + height + 15 + _LINE * line), _TEXT, ink)
    return sheet


def draw_box(tile: Image, box: NDArray[np.float32], ink: Colour) -> None:
    """Draw a box (4,) xyxy that is seen on bright and on dark ground."""
    x1, y1, x2, y2 = (int(value) for value in box.round())
    cv2.rectangle(tile, (x1, y1), (x2, y2), INK, 3)
    cv2.rectangle(tile, (x1, y1), (x2, y2), ink, 1)


def write(sheet: Image, text: str, at: tuple[int, int], size: int, ink: Colour = INK) -> None:
    """Write a line of text whose left end on the base line is ``at``, ``size`` pixels high."""
    cv2.putText(sheet, text, at, ink, cv2.FontFace("sans"), size, 400)


def write_on_plate(tile: Image, text: str, at: tuple[int, int], size: int, ink: Colour) -> None:
    """Write a line of text on a dark plate above ``at``, or below it where there is no room above."""
    width = cv2.getTextSize((0, 0), text, (0, 0), cv2.FontFace("sans"), size, 400)[2]
    left = max(min(at[0], tile.shape[1] - width - 4), 0)
    bottom = at[1] if at[1] > size + 2 else at[1] + size + 3
    cv2.rectangle(tile, (left, bottom - size - 2), (left + width + 3, bottom), INK, -1)
    write(tile, text, (left + 2, bottom - 3), size, ink)


def _shortened(text: str, width: int) -> str:
    """Return the text as far as it fits under a tile."""
    while cv2.getTextSize((0, 0), text, (0, 0), cv2.FontFace("sans"), _TEXT, 400)[2] > width:
        text = text.removesuffix("…")[:-1] + "…"
    return text

"""Contact sheets of errors: a crop of each, and a caption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from detectors import boxes as boxlib
from detectors.dataset import read_picture
from detectors.evaluation.kinds import Error, Kind
from detectors.opencv import load_cv2
from detectors.tiles import Image, contact_sheet, draw_box

cv2 = load_cv2()

COLUMNS, ROWS = 6, 5
#: A fixed camera repeats its errors in every picture: a sheet shows so many of one set, class and kind.
ALIKE = 2
_TILE = 240  # pixels
_OWN, _OTHER = (0, 220, 255), (255, 160, 60)  # BGR: yellow, blue


def largest_misses(errors: Sequence[Error]) -> list[Error]:
    """Return as many misses as a sheet holds, those of the largest area first."""
    misses = [error for error in errors if error.missed]
    return _varied(sorted(misses, key=lambda error: -float(boxlib.areas(error.box))))


def surest_false_alarms(errors: Sequence[Error]) -> list[Error]:
    """Return as many false alarms as a sheet holds, those of the highest score first."""
    alarms = [error for error in errors if not error.missed]
    return _varied(sorted(alarms, key=lambda error: -(error.score or 0)))


def _varied(errors: Sequence[Error]) -> list[Error]:
    seen: Counter[tuple[str, str, Kind]] = Counter()
    chosen = []
    for error in errors:
        group = (error.picture.set_name, error.name, error.kind)
        seen[group] += 1
        if seen[group] <= ALIKE:
            chosen.append(error)
    return chosen[: COLUMNS * ROWS]


def sheet_title(what: str, score: float, other: str) -> str:
    """Return the title of a sheet: what is on it, from which score on, and what the blue boxes are."""
    alike = f"at most {ALIKE} of one set, class and kind"
    return f"{what}, {alike}, from score {score:.2f} on (yellow; blue: {other})"


def draw_sheet(errors: Sequence[Error], title: str) -> Image:
    """Return the sheet, uint8 (H, W, 3) BGR: of each error its box in yellow, and the other one in blue.

    Raises:
        DataError: a picture cannot be read.
    """
    tiles = [_crop(error) for error in errors]
    return contact_sheet(tiles, [caption(error) for error in errors], title, COLUMNS, (_TILE, _TILE))


def caption(error: Error) -> tuple[str, str, str]:
    """Return three lines: what it is and its size or score, what is there instead, set and picture."""
    width, height = (error.box[2:] - error.box[:2]).round().astype(int)
    what = f"{error.name} {width}x{height} px" if error.missed else f"{error.name} {error.score:.2f}"
    folder, file = error.picture.set_name, error.picture.path.name
    return what, _instead(error), f"{folder} {file.removeprefix(folder + '_')}"


def _instead(error: Error) -> str:
    other = error.other
    if other is None:
        return "nothing there" if error.missed else "nothing labelled there"
    if error.kind is Kind.POOR_BOX:
        return f"poor box, IoU {other.iou:.2f}"
    if error.kind is Kind.OTHER_CLASS:
        return f"seen as {other.name} {other.score:.2f}" if error.missed else f"is a {other.name}"
    if error.kind is Kind.BOTH:
        return f"at a {other.name}, IoU {other.iou:.2f}"
    if error.kind is Kind.UNSURE:
        return f"unsure, {other.score:.2f}"
    return error.kind.value


def _crop(error: Error) -> Image:
    """Return the surroundings of the box, a square about twice as wide, enlarged or reduced to the tile."""
    image = read_picture(error.picture)
    size, longest = np.array(image.shape[1::-1]), float((error.box[2:] - error.box[:2]).max())
    side = max(min(2 * longest, float(size.max())), 1.1 * longest, 32.0)
    # moved into the picture as far as it goes: a tile is small enough without a grey margin
    spare = size - side
    corner = np.clip(
        boxlib.centres(error.box) - side / 2, np.minimum(spare / 2, 0), np.maximum(spare, spare / 2)
    )
    scale = _TILE / side
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    # cut before the resize: warping from a large picture to a tile would skip pixels
    x, y, end_x, end_y = np.round([*corner, *(corner + side)]).astype(int)
    left, top = max(-x, 0), max(-y, 0)
    part = image[max(y, 0) : max(end_y, 0), max(x, 0) : max(end_x, 0)]
    right, bottom = end_x - x - left - part.shape[1], end_y - y - top - part.shape[0]
    padded = cv2.copyMakeBorder(part, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(128, 128, 128))
    tile = cv2.resize(padded, (_TILE, _TILE), interpolation=method)
    if error.other is not None:
        draw_box(tile, (error.other.box - np.tile(corner, 2)) * scale, _OTHER)
    draw_box(tile, (error.box - np.tile(corner, 2)) * scale, _OWN)
    return np.asarray(tile, np.uint8)

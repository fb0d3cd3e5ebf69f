"""What is labelled, as one picture for the eye: some of each class, with boxes and names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from detectors.bank.banks import Bank
from detectors.bank.classes import check_names, labels_of
from detectors.bank.hashing import NEAR
from detectors.bank.labels import Box, Labelled
from detectors.bank.pictures import look
from detectors.errors import DataError, EmptySplitError, UsageError
from detectors.opencv import load_cv2
from detectors.tiles import PALE, Colour, Image, contact_sheet, draw_box, write_on_plate

cv2 = load_cv2()

COLUMNS = 6
_TILE = (320, 240)  # pixels
_TEXT = 13
_PASSED = 10  # times as many as are shown may be passed over because one like them is on the sheet
#: BGR, told apart on streets: yellow, blue, green, orange, violet, red, cyan, lime.
_COLOURS: tuple[Colour, ...] = (
    (0, 220, 255),
    (255, 160, 60),
    (90, 220, 90),
    (40, 140, 255),
    (255, 110, 200),
    (80, 80, 255),
    (255, 230, 70),
    (60, 255, 190),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which pictures come on a sheet.

    Attributes:
        classes: of which one must be in the picture; all and none without any.
        split: that they are in; None for all.
        count: how many.
        seed: of the draw.
    """

    classes: tuple[str, ...] = ()
    split: str | None = None
    count: int = 48
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the number.

        Raises:
            UsageError: it is not from 1 to 600.
        """
        if not 1 <= self.count <= 600:
            raise UsageError(f"--count must lie in [1, 600], not {self.count}")


def draw_banks(banks: Sequence[Bank], choice: Choice) -> tuple[Image, int]:
    """Return a sheet, uint8 (H, W, 3) BGR, and how many pictures are on it.

    Each class has its turn, the rarest first; a second picture that looks alike comes last.

    Raises:
        DataError: there is no such picture, or one is damaged.
        UsageError: no box has a class that was asked for.
    """
    pool = [
        (bank.name, entry.labelled)
        for bank in banks
        for entry in bank.entries
        if choice.split in (None, entry.labelled.split)
    ]
    if not pool:
        raise EmptySplitError(f"no pictures of split '{choice.split}'" if choice.split else "no pictures")
    known = labels_of([one for _, one in pool])
    check_names(choice.classes, known)
    wanted = choice.classes or tuple(known)
    chosen = _varied(pool, wanted, choice)
    if not chosen:
        raise DataError(f"no picture shows {' or '.join(choice.classes)}")
    # by the names of all classes: a class keeps its colour with and without others
    colours = {label: _COLOURS[index % len(_COLOURS)] for index, label in enumerate(known)}
    tiles = [_tile(one, wanted, colours) for _, one in chosen]
    captions = [_caption(name, one) for name, one in chosen]
    columns = min(COLUMNS, len(chosen))
    return contact_sheet(tiles, captions, _title(banks, choice), columns, _TILE), len(chosen)


def _title(banks: Sequence[Bank], choice: Choice) -> str:
    names = ", ".join(bank.name for bank in banks[:3]) + (" ..." if len(banks) > 3 else "")
    return ", ".join([names, *([choice.split] if choice.split else []), *choice.classes])


def _varied(
    pool: Sequence[tuple[str, Labelled]], wanted: Sequence[str], choice: Choice
) -> list[tuple[str, Labelled]]:
    """Draw pictures of each class in turn; if all are wanted, those without a box have their turn, too."""
    chosen: list[int] = []
    passed: list[int] = []
    hashes: list[np.uint64] = []
    shown: set[str] = set()
    for index in _turns([labels_of([one]) for _, one in pool], wanted, choice):
        if index in chosen or index in passed:
            continue
        phash, own = look(pool[index][1].path).phash, set(labels_of([pool[index][1]]))
        like = any(np.bitwise_count(phash ^ other) <= NEAR for other in hashes)
        if like and not (own & set(wanted)) - shown and len(passed) < _PASSED * choice.count:
            passed.append(index)
            continue
        chosen.append(index)
        hashes.append(phash)
        shown |= own
        if len(chosen) == choice.count:
            break
    return [pool[index] for index in (chosen + passed)[: choice.count]]


def _turns(labels: Sequence[Sequence[str]], wanted: Sequence[str], choice: Choice) -> Iterator[int]:
    """Yield pictures, of each class one and then again, the rarest class first."""
    members: dict[str, list[int]] = {label: [] for label in wanted}
    if not choice.classes:
        members[""] = []  # no box at all
    for index in np.random.default_rng(choice.seed).permutation(len(labels)):
        for label in {*labels[index]} or {""}:
            if label in members:
                members[label].append(int(index))
    queues = sorted(members.values(), key=len)
    for turn in zip_longest(*queues):
        yield from (index for index in turn if index is not None)


def _tile(one: Labelled, wanted: Sequence[str], colours: dict[str, Colour]) -> Image:
    image = cv2.imread(str(one.path), cv2.IMREAD_COLOR)
    width, height = _TILE
    scale = min(width / image.shape[1], height / image.shape[0])
    size = [max(round(side * scale), 1) for side in image.shape[1::-1]]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    tile: Image = np.full((height, width, 3), 235, np.uint8)
    tile[top : top + size[1], left : left + size[0]] = small
    for box in sorted(one.boxes, key=_area, reverse=True):
        if (box.label not in wanted and not box.ignore) or _covers(box, image):
            continue
        if not np.isfinite(box.xyxy).all():  # 'data check' says it
            continue
        corners = np.array(box.xyxy, np.float32) * scale + np.array([left, top, left, top], np.float32)
        ink = PALE if box.ignore else colours[box.label]
        draw_box(tile, np.clip(corners, 0, [width - 1, height - 1] * 2), ink)
        # on a box of a few pixels the name would hide it and its neighbours; the colour says it
        if corners[2] - corners[0] > 5 * len(box.label) and not box.ignore:
            write_on_plate(tile, box.label, (int(corners[0]), int(corners[1])), _TEXT, ink)
    return tile


def _covers(box: Box, image: Image) -> bool:
    """Return whether a box is the whole picture, as that of a class folder's: the caption says it."""
    return box.xyxy == (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))


def _area(box: Box) -> float:
    return (box.xyxy[2] - box.xyxy[0]) * (box.xyxy[3] - box.xyxy[1])


def _caption(name: str, one: Labelled) -> tuple[str, str, str]:
    """Return three lines: what is there, the split, and set and picture."""
    numbers = Counter(box.label for box in one.boxes if not box.ignore)
    what = ", ".join(f"{number} {label}" for label, number in numbers.most_common())
    return what or "no box", one.split or "no split", f"{name} {one.name.removeprefix(name + '_')}"

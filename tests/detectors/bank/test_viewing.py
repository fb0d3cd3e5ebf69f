"""The sheet: which pictures come on it, and what is drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detectors.bank.banks import Bank, open_banks
from detectors.bank.labels import Box, Labelled
from detectors.bank.viewing import Choice, draw_banks
from detectors.bank.writing import write_set
from detectors.errors import DataError, EmptySplitError, UsageError

Draw = Callable[..., Path]


@pytest.fixture
def banks(draw: Draw, tmp_path: Path) -> list[Bank]:
    """Write ten cars, frames of one video but two, and a tram; one picture of each split has nothing."""
    car, tram = Box("car", (4.0, 6.0, 40.0, 30.0)), Box("tram", (4.0, 6.0, 40.0, 30.0))
    labelled = [
        Labelled(draw(f"{n}.png", seed=max(n, 7), brighter=n), f"{n}.png", (car,), "train") for n in range(10)
    ]
    labelled.append(Labelled(draw("t.png"), "t.png", (tram, car), "val"))
    labelled += [Labelled(draw(f"{split}.png"), f"{split}.png", (), split) for split in ("train", "val")]
    return open_banks([write_set(labelled, tmp_path / "set").folder])


def test_all_pictures_if_there_is_room(banks: list[Bank]) -> None:
    sheet, number = draw_banks(banks, Choice())
    assert number == 13
    assert sheet.dtype == np.uint8
    again, _ = draw_banks(banks, Choice())
    np.testing.assert_array_equal(sheet, again)
    other, _ = draw_banks(banks, Choice(seed=1))
    assert not np.array_equal(sheet, other)


@pytest.mark.parametrize("seed", range(4))
def test_each_class_is_shown_and_no_frame_of_a_video_twice(banks: list[Bank], seed: int) -> None:
    from detectors.bank.viewing import _varied

    pool = [("set", entry.labelled) for entry in banks[0].entries]
    names = [one.name for _, one in _varied(pool, ("car", "tram"), Choice(count=6, seed=seed))]
    assert names.index("t.png") < 2  # the rarest first
    assert {"t.png", "train.png", "val.png", "8.png", "9.png"} < set(names)
    assert len(set(names)) == 6


def test_only_what_is_asked_for(banks: list[Bank]) -> None:
    assert draw_banks(banks, Choice(classes=("tram",)))[1] == 1
    assert draw_banks(banks, Choice(split="val"))[1] == 2
    assert draw_banks(banks, Choice(count=3))[1] == 3
    with pytest.raises(EmptySplitError, match="test"):
        draw_banks(banks, Choice(split="test"))
    with pytest.raises(UsageError, match="did you mean tram"):
        draw_banks(banks, Choice(classes=("trams",)))
    with pytest.raises(DataError, match="no picture shows bus"):
        draw_banks(banks, Choice(classes=("bus",)))
    with pytest.raises(UsageError, match="--count"):
        Choice(count=0)


def test_the_boxes_are_drawn_where_they_are(draw: Draw, tmp_path: Path) -> None:
    """A picture of 64x48 fills a tile of 320x240 five times enlarged."""
    box = Box("x", (4.0, 6.0, 40.0, 30.0))
    for name, boxes in (("bare", ()), ("boxed", (box,))):
        write_set([Labelled(draw(f"{name}.png", seed=1), "1.png", boxes, "train")], tmp_path / name / "set")
    sheets = [draw_banks(open_banks([tmp_path / name / "set"]), Choice())[0] for name in ("bare", "boxed")]
    bare, boxed = (sheet[36 : 36 + 240, 8 : 8 + 320] for sheet in sheets)
    changed = (bare != boxed).any(axis=2)
    rows, columns = np.flatnonzero(changed[40:].any(1)) + 40, np.flatnonzero(changed.any(0))
    assert abs(rows[-1] - 150) <= 2
    assert (abs(columns[0] - 20) <= 2, abs(columns[-1] - 200) <= 2) == (True, True)
    assert not changed[40:140, 30:190].any()


def test_a_box_that_is_none_is_not_drawn(draw: Draw, tmp_path: Path) -> None:
    folder = write_set([Labelled(draw("1.png"), "1.png", (), "train")], tmp_path / "set").folder
    content = (folder / "labels.json").read_text()
    sheets = []
    for corner in ("NaN", "Infinity"):
        row = f'{{"image_id": 1, "category_id": 1, "bbox": [{corner}, 1, 2, 3]}}'
        named = content.replace('"categories": []', '"categories": [{"id": 1, "name": "x"}]')
        (folder / "labels.json").write_text(named.replace('"annotations": []', f'"annotations": [{row}]'))
        sheets.append(draw_banks(open_banks([folder]), Choice())[0])
        assert corner in (folder / "labels.json").read_text()
    np.testing.assert_array_equal(*sheets)


def test_a_class_folder_has_no_boxes_to_draw(draw: Draw, tmp_path: Path) -> None:
    draw("roses/red/1.png", seed=1)
    sheet, number = draw_banks(open_banks([tmp_path / "roses"]), Choice())
    write_set([Labelled(draw("1.png", seed=1), "1.png", (), "train")], tmp_path / "bare")
    bare, _ = draw_banks(open_banks([tmp_path / "bare"]), Choice())
    assert number == 1
    np.testing.assert_array_equal(sheet[36:276, 8:328], bare[36:276, 8:328])

"""The folder of a report: what is on its sheets, in its table and on its curves."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors import Detections
from detectors.dataset import Picture
from detectors.evaluation import ANY_VEHICLE, evaluate, recall_curves
from detectors.evaluation.curves import plot_recall_curves
from detectors.evaluation.errors import find_errors
from detectors.evaluation.kinds import Error, Kind, Other
from detectors.evaluation.report import write_report
from detectors.evaluation.sheets import (
    ALIKE,
    caption,
    draw_sheet,
    largest_misses,
    sheet_title,
    surest_false_alarms,
)

NAMES = ("car", "truck", "person")
A, B, C = [0.0, 0, 40, 40], [100.0, 0, 140, 40], [250.0, 250, 300, 300]

Pictures = Callable[..., Picture]
Answers = Callable[..., Detections]


def error(look: Picture, side: float, score: float | None, name: str = "car") -> Error:
    return Error(look, name, np.float32([0, 0, side, side]), Kind.NOTHING, score)


def test_a_curve_has_ap50_as_its_mean(picture: Pictures, answers: Answers) -> None:
    pictures, found = [picture((A, 0), (B, 0))], [answers((A, 0, 0.9), (C, 0, 0.8), (B, 0, 0.5))]
    curves = recall_curves(pictures, found, NAMES)
    assert set(curves) == {"car", ANY_VEHICLE}
    assert curves["car"].mean() == pytest.approx(evaluate(pictures, found, NAMES)["car"].ap50)
    assert (curves["car"][50], curves["car"][51]) == (1.0, pytest.approx(2 / 3))
    assert not recall_curves(pictures, [answers()], NAMES)["car"].any()


def test_the_picture_says_why_a_dot_may_lie_off_its_curve(
    picture: Pictures, answers: Answers, tmp_path: Path
) -> None:
    pictures, found = [picture((A, 0))], [answers((A, 0, 0.9))]
    tallies, _ = find_errors(pictures, found, found, NAMES)
    file = tmp_path / "curve.svg"  # matplotlib notes the words beside their outlines
    plot_recall_curves(recall_curves(pictures, found, NAMES), tallies, 0.4, file)
    assert "A dot may lie off its curve" in file.read_text()


def test_every_file_is_written(picture: Pictures, answers: Answers, tmp_path: Path) -> None:
    pictures, found = [picture((A, 1), (C, 0))], [answers((A, 0, 0.9), (B, 2, 0.6))]
    tallies, errors = find_errors(pictures, found, found, NAMES)
    folder = tmp_path / "new" / "report"
    write_report(folder, {"pictures": 1}, recall_curves(pictures, found, NAMES), tallies, errors, 0.4)
    assert json.loads((folder / "figures.json").read_text()) == {"pictures": 1}
    for name in ("precision_recall.png", "misses.png", "false_alarms.png"):
        assert cv2.imread(str(folder / name)) is not None, name
    with (folder / "errors.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["what"], row["class"], row["kind"], row["other_class"]) for row in rows] == [
        ("miss", "car", "nothing", ""),
        ("false alarm", "car", "other class", "truck"),
        ("miss", "truck", "other class", "car"),
        ("false alarm", "person", "background", ""),
    ]
    assert [rows[0][key] for key in ("set", "file", "x1", "y2", "score")] == [
        "made",
        "made_1.png",
        "250.0",
        "300.0",
        "",
    ]
    assert rows[2]["other_score"] == "0.900"


def test_the_largest_and_the_surest_come_first(picture: Pictures) -> None:
    look = picture()
    errors = [error(look, 10, None, "a"), error(look, 30, None, "b"), error(look, 20, 0.5, "c")]
    errors += [error(look, 20, 0.9, "d")]
    assert [e.name for e in largest_misses(errors)] == ["b", "a"]
    assert [e.name for e in surest_false_alarms(errors)] == ["d", "c"]


def test_a_sheet_does_not_repeat_itself(picture: Pictures) -> None:
    look = picture()
    alike = [error(look, 40 + n, None) for n in range(5)]
    chosen = largest_misses([*alike, error(look, 10, None, "truck")])
    assert [e.name for e in chosen] == ["car"] * ALIKE + ["truck"]


def test_a_sheets_title_says_that_it_is_a_choice_and_is_not_cut_off() -> None:
    title = sheet_title("Surest of 12345 false alarms", 0.4, "the label")
    assert f"at most {ALIKE} of one set, class and kind" in title
    line = draw_sheet([], title)[:36]
    assert (line[:, :300] < 255).any(), "it is written"
    assert (line[:, -20:] == 255).all(), "it ends on the sheet"


@pytest.mark.parametrize(
    ("kind", "score", "words"),
    [
        (Kind.OTHER_CLASS, None, "seen as truck 0.71"),
        (Kind.OTHER_CLASS, 0.5, "is a truck"),
        (Kind.POOR_BOX, None, "poor box, IoU 0.42"),
        (Kind.BOTH, 0.5, "at a truck, IoU 0.42"),
        (Kind.UNSURE, None, "unsure, 0.71"),
        (Kind.DUPLICATE, 0.5, "duplicate"),
    ],
)
def test_captions(picture: Pictures, kind: Kind, score: float | None, words: str) -> None:
    box = np.float32([0, 0, 30, 20])
    other = Other("truck", box, 0.42, 0.71 if score is None else None)
    lines = caption(Error(picture(), "car", box, kind, score, other))
    assert lines == ("car 30x20 px" if score is None else "car 0.50", words, "made 1.png")


@pytest.mark.parametrize("box", [A, C, [0.0, 0, 300, 300], [-20.0, -20, 30, 30], [150.0, 150, 156, 170]])
def test_the_box_is_drawn_where_it_is(picture: Pictures, box: list[float]) -> None:
    """Wherever in the picture: what is drawn around is the part of the picture that the box holds."""
    look, (x1, y1, x2, y2) = picture(), (round(max(value, 0)) for value in box)
    image = cv2.imread(str(look.path))
    image[y1:y2, x1:x2] = (0, 0, 255)
    cv2.imwrite(str(look.path), image)
    tile = draw_sheet([Error(look, "car", np.float32(box), Kind.NOTHING)], "title")[36:276, 8:248]
    yellow = np.argwhere((tile[..., 0] < 60) & (tile[..., 1] > 180) & (tile[..., 2] > 200))
    red = np.argwhere((tile[..., 1] < 40) & (tile[..., 2] > 200))
    assert len(red) > 2000
    if min(box) >= 0:
        assert red.min(0) == pytest.approx(yellow.min(0), abs=4)
    assert red.max(0) == pytest.approx(yellow.max(0), abs=4)


def test_a_sheet_without_errors_is_a_title() -> None:
    assert draw_sheet([], "none").shape[2] == 3

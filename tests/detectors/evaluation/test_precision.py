"""Average precision on cases that can be worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from detectors import Detections
from detectors.dataset import Picture
from detectors.evaluation import ANY_VEHICLE, SIZES, Precision, average_precision, evaluate, mean_ap50

NAMES = ("car", "bus", "person")
UNKNOWN = len(NAMES)
A, B, C = [0.0, 0, 20, 20], [50.0, 0, 80, 20], [0.0, 50, 20, 90]
FAR = [200.0, 200, 230, 230]


def boxes(*rows: list[float]) -> np.ndarray:
    return np.float32(rows).reshape(-1, 4)


def score(
    truths: list[tuple[np.ndarray, np.ndarray]], answers: list[tuple[np.ndarray, list[float]]]
) -> Precision:
    return average_precision(truths, [(found, np.float32(scores)) for found, scores in answers])


def test_perfect() -> None:
    result = score(
        [(boxes(A, B), boxes()), (boxes(C), boxes())], [(boxes(A, B), [0.9, 0.5]), (boxes(C), [0.2])]
    )
    assert (result.ap50, result.ap, result.boxes) == (1.0, 1.0, 3)


def test_half_is_missed() -> None:
    result = score([(boxes(A, B), boxes())], [(boxes(A), [0.9])])
    assert result.ap50 == pytest.approx(51 / 101)  # precision 1 at the recalls 0.00 to 0.50


def test_the_second_box_on_one_object_is_false() -> None:
    result = score([(boxes(A, B), boxes())], [(boxes(A, A, B), [0.9, 0.8, 0.7])])
    assert result.ap50 == pytest.approx((51 * 1 + 50 * 2 / 3) / 101)


def test_a_false_box_costs_by_its_score() -> None:
    truth = [(boxes(A), boxes())]
    assert score(truth, [(boxes(A, FAR), [0.9, 0.1])]).ap50 == 1.0
    assert score(truth, [(boxes(A, FAR), [0.1, 0.9])]).ap50 == pytest.approx(0.5)


def test_a_loose_box_counts_at_half_overlap_only() -> None:
    result = score([(boxes(A), boxes())], [(boxes([0, 0, 20, 15.2]), [0.9])])  # IoU 0.76
    assert result.ap50 == 1.0
    assert result.ap == pytest.approx(0.6)  # thresholds 0.50 to 0.75


def test_what_lies_in_an_ignore_region_is_neither_hit_nor_false() -> None:
    answers = [(boxes(A, FAR, [205, 205, 220, 220]), [0.5, 0.9, 0.8])]
    assert score([(boxes(A), boxes(FAR))], answers).ap50 == 1.0
    assert score([(boxes(A), boxes())], answers).ap50 == pytest.approx(1 / 3)


def test_nothing_to_find_and_nothing_found() -> None:
    assert math.isnan(score([(boxes(), boxes())], [(boxes(A), [0.5])]).ap50)
    assert score([(boxes(A), boxes())], [(boxes(), [])]) == Precision(0.0, 0.0, 1)
    assert math.isnan(score([], []).ap50)


def test_only_boxes_of_the_size_count() -> None:
    small, wide, large = [0.0, 0, 10, 10], [50.0, 0, 90, 10], [100.0, 100, 160, 160]
    truth = [(boxes(small, wide, large), boxes())]
    stray = [200.0, 0, 260, 60]  # a false alarm as large as the large box
    answers = [(boxes(large, stray, small), [0.5, 0.9, 0.4])]

    def of(sides: tuple[float, float]) -> Precision:
        return average_precision(truth, [(found, np.float32(s)) for found, s in answers], sides)

    under, middle, over = (of(sides) for sides in SIZES.values())
    assert (under.ap50, under.boxes) == (pytest.approx(51 / 101), 2)  # the wide one is missed
    assert math.isnan(middle.ap50)
    assert (over.ap50, over.boxes) == (pytest.approx(0.5), 1)  # the false alarm stands above it


def picture(
    rows: list[tuple[list[float], int]],
    annotated: tuple[bool, bool, bool] = (True, True, True),
    ignore: np.ndarray | None = None,
) -> Picture:
    return Picture(
        Path("x.png"),
        "made",
        (300, 300),
        boxes(*[box for box, _ in rows]),
        np.array([label for _, label in rows], np.int64),
        boxes() if ignore is None else ignore,
        np.array(annotated),
    )


def found(*rows: tuple[list[float], int, float]) -> Detections:
    return Detections(
        boxes(*[box for box, _, _ in rows]),
        np.array([score for _, _, score in rows], np.float32),
        np.array([label for _, label, _ in rows], np.int64),
    )


def test_classes_are_scored_apart() -> None:
    result = evaluate(
        [picture([(A, 0), (B, 1), (C, 2)])], [found((A, 0, 0.9), (B, 0, 0.8), (C, 2, 0.7))], NAMES
    )
    assert [result[name].ap50 for name in NAMES] == [1.0, 0.0, 1.0]
    assert result[ANY_VEHICLE].ap50 == 1.0, "a bus that is called a car is a vehicle"
    assert mean_ap50(result, NAMES) == pytest.approx(2 / 3)


def test_a_class_that_was_not_annotated_is_not_scored() -> None:
    pictures = [picture([(A, 0), (C, 2)]), picture([(A, 0)], annotated=(True, True, False))]
    answers = [found((A, 0, 0.9), (C, 2, 0.5)), found((A, 0, 0.9), (C, 2, 0.95))]
    result = evaluate(pictures, answers, NAMES)
    assert result["person"] == Precision(1.0, 1.0, 1)
    assert result["car"].boxes == 2
    assert math.isnan(result["bus"].ap50)
    assert mean_ap50(result, NAMES) == 1.0


def test_where_a_vehicle_class_was_not_annotated_vehicles_are_not_scored() -> None:
    pictures = [picture([(A, 0)]), picture([(A, 0)], annotated=(True, False, True))]
    answers = [found((A, 0, 0.8)), found((A, 0, 0.8), (B, 1, 0.9))]
    result = evaluate(pictures, answers, NAMES)
    assert result[ANY_VEHICLE] == Precision(1.0, 1.0, 1)


def test_vehicles_of_unknown_class() -> None:
    pictures = [picture([(A, 0), (B, UNKNOWN)])]
    result = evaluate(pictures, [found((A, 0, 0.5), (B, 0, 0.9))], NAMES)
    assert result["car"] == Precision(1.0, 1.0, 1), "may be a car: neither hit nor false"
    assert result[ANY_VEHICLE] == Precision(1.0, 1.0, 2)


def test_one_vehicle_found_as_two_classes_is_one() -> None:
    result = evaluate([picture([(A, 0), (B, 0)])], [found((A, 0, 0.9), (A, 1, 0.8), (B, 0, 0.7))], NAMES)
    assert result[ANY_VEHICLE].ap50 == 1.0


def test_small_boxes_are_neither_hit_nor_missed() -> None:
    small = [100.0, 100, 105, 130]
    for answers in (found((A, 0, 0.5)), found((A, 0, 0.5), (small, 0, 0.9))):
        result = evaluate([picture([(A, 0), (small, 0)])], [answers], NAMES)
        assert result["car"] == Precision(1.0, 1.0, 1)


def test_without_vehicles_among_the_classes() -> None:
    result = evaluate([picture([(A, 0)])], [found((A, 0, 0.5))], ("cat", "dog", "person"))
    assert set(result) == {"cat", "dog", "person"}
    assert math.isnan(mean_ap50(result, ("dog", "person")))

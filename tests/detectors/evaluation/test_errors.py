"""Kinds of error on cases that can be worked out by hand, and the matching against COCO's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from detectors import Detections
from detectors.dataset import Picture
from detectors.evaluation import ANY_VEHICLE, average_precision
from detectors.evaluation.errors import find_errors, match
from detectors.evaluation.kinds import Error, Kind, Tally, counts

NAMES = ("car", "truck", "person")
CAR, TRUCK, PERSON, UNKNOWN = range(4)
A, B = [0.0, 0, 40, 40], [100.0, 0, 140, 40]
LOOSE = [0.0, 0, 40, 16]  # IoU 0.4 with A

Pictures = Callable[..., Picture]
Answers = Callable[..., Detections]


def errors_of(picture: Picture, found: Detections) -> tuple[dict[str, Tally], list[Error]]:
    """Return the errors of a detector that answers from score 0.4 on."""
    return find_errors([picture], [found.select(found.scores >= 0.4)], [found], NAMES)


def told(errors: list[Error]) -> list[tuple[str, str, Kind, str | None]]:
    """Return of each error what it is, of which class and kind, and what was there instead."""
    return [
        ("miss" if e.missed else "false", e.name, e.kind, e.other.name if e.other else None) for e in errors
    ]


def test_what_is_found_is_no_error(picture: Pictures, answers: Answers) -> None:
    tallies, errors = errors_of(picture((A, CAR), (B, PERSON)), answers((A, CAR, 0.9), (B, PERSON, 0.5)))
    assert errors == []
    assert [(tallies[name].hits, tallies[name].boxes) for name in (*NAMES, ANY_VEHICLE)] == [
        (1, 1),
        (0, 0),
        (1, 1),
        (1, 1),
    ]


def test_another_class_is_a_miss_and_a_false_alarm(picture: Pictures, answers: Answers) -> None:
    tallies, errors = errors_of(picture((A, TRUCK)), answers((A, CAR, 0.7)))
    assert told(errors) == [
        ("false", "car", Kind.OTHER_CLASS, "truck"),
        ("miss", "truck", Kind.OTHER_CLASS, "car"),
    ]
    assert errors[1].other is not None
    assert errors[1].other.score == pytest.approx(0.7)
    assert tallies[ANY_VEHICLE].hits == 1, "a truck that is called a car is a vehicle"


def test_a_poor_box(picture: Pictures, answers: Answers) -> None:
    _, errors = errors_of(picture((A, CAR)), answers((LOOSE, CAR, 0.7)))
    assert told(errors) == [("miss", "car", Kind.POOR_BOX, "car"), ("false", "car", Kind.POOR_BOX, "car")]
    assert all(error.other is not None and error.other.iou == pytest.approx(0.4) for error in errors)


def test_a_poor_box_of_another_class(picture: Pictures, answers: Answers) -> None:
    _, errors = errors_of(picture((A, TRUCK)), answers((LOOSE, CAR, 0.7)))
    assert told(errors) == [("false", "car", Kind.BOTH, "truck"), ("miss", "truck", Kind.NOTHING, None)]


def test_a_second_answer_at_one_object(picture: Pictures, answers: Answers) -> None:
    found = answers((A, CAR, 0.9), ([0, 0, 40, 30], CAR, 0.8))  # IoU 0.75
    _, errors = errors_of(picture((A, CAR)), found)
    assert told(errors) == [("false", "car", Kind.DUPLICATE, "car")]
    assert errors[0].score == pytest.approx(0.8)


def test_background_and_nothing(picture: Pictures, answers: Answers) -> None:
    _, errors = errors_of(picture((A, CAR)), answers((B, CAR, 0.6)))
    assert told(errors) == [("miss", "car", Kind.NOTHING, None), ("false", "car", Kind.BACKGROUND, None)]


def test_what_was_seen_but_not_believed(picture: Pictures, answers: Answers) -> None:
    _, errors = errors_of(picture((A, CAR)), answers((A, CAR, 0.2), (B, CAR, 0.1)))
    assert told(errors) == [("miss", "car", Kind.UNSURE, "car")], "a doubtful answer is no false alarm"


def test_a_neighbour_takes_the_answer(picture: Pictures, answers: Answers) -> None:
    look = picture((A, CAR), ([0, 0, 40, 30], CAR))
    tallies, errors = errors_of(look, answers((A, CAR, 0.9)))
    assert told(errors) == [("miss", "car", Kind.CROWDED, "car")]
    assert tallies["car"].recall == 0.5


def test_where_a_class_was_not_annotated_nothing_is_false(picture: Pictures, answers: Answers) -> None:
    look = picture((A, CAR), annotated=(True, True, False))
    assert errors_of(look, answers((A, CAR, 0.9), (B, PERSON, 0.9)))[1] == []


def test_ignore_regions_small_boxes_and_unknown_vehicles(picture: Pictures, answers: Answers) -> None:
    small = [200.0, 200, 204, 230]
    found = answers((A, CAR, 0.9), (B, CAR, 0.9))
    assert errors_of(picture((small, CAR), (A, UNKNOWN), ignore=[90, 0, 150, 50]), found)[1] == []
    tallies, _ = errors_of(picture((A, UNKNOWN)), answers((A, CAR, 0.9)))
    assert (tallies["car"].boxes, tallies[ANY_VEHICLE].hits) == (0, 1)


def test_plain_numbers(picture: Pictures, answers: Answers) -> None:
    tallies, _ = errors_of(picture((A, CAR), (B, CAR)), answers((A, CAR, 0.9), (A, PERSON, 0.3)))
    plain = counts(tallies)
    assert set(plain) == {"car", ANY_VEHICLE}, "the person is not believed, a truck is nowhere"
    car = plain["car"]
    assert isinstance(car, dict)
    assert (car["boxes"], car["found"], car["recall"], car["precision"]) == (2, 1, 0.5, 1.0)
    assert car["misses"] == {"other class": 0, "poor box": 0, "crowded": 0, "unsure": 0, "nothing": 1}


def test_matching_is_cocos() -> None:
    """Precision and recall of the matching, at every score, give COCO's AP50."""
    random = np.random.default_rng(5)

    def boxes(number: int) -> np.ndarray:
        corner = random.uniform(0, 120, (number, 2))
        return np.concatenate([corner, corner + random.uniform(15, 60, (number, 2))], 1).astype(np.float32)

    truths = [(boxes(12), boxes(2)) for _ in range(8)]
    answers = []
    for truth, _ in truths:
        near = truth + random.normal(0, 4, truth.shape).astype(np.float32)
        found = np.concatenate([near, boxes(10)])
        answers.append((found, random.permutation(len(found)).astype(np.float32) / 100 + 0.1))
    matched = [match(*found, *truth) for found, truth in zip(answers, truths, strict=True)]
    rows, scores = np.concatenate(matched), np.concatenate([scores for _, scores in answers])
    assert {-2, -1} < set(rows.tolist())

    # scores of different pictures are the same here and there: COCO takes the first picture first
    order = np.argsort(-scores, kind="stable")
    hits = (rows[order] >= 0)[rows[order] != -2]
    recall = hits.cumsum() / sum(len(truth) for truth, _ in truths)
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    best = [precision[recall >= r].max(initial=0) for r in np.linspace(0, 1, 101)]
    assert np.mean(best) == pytest.approx(average_precision(truths, answers).ap50, abs=1e-9)

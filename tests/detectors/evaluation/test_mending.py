"""Answers with one kind of error mended: what was right stays, what was wrong becomes a hit or goes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.boxes import iou
from detectors.dataset import Picture
from detectors.detections import Detections
from detectors.evaluation import evaluate, mean_ap50
from detectors.evaluation.mending import with_right_boxes, with_right_classes

NAMES = ("car", "bus")
CAR, BUS, UNKNOWN = 0, 1, 2
HERE, ASIDE, BESIDE, FAR = (0, 0, 20, 20), (10, 0, 30, 20), (2, 0, 22, 20), (60, 60, 80, 80)

Box = tuple[float, float, float, float]


def picture(*objects: tuple[Box, int]) -> Picture:
    boxes = np.array([box for box, _ in objects], np.float32).reshape(-1, 4)
    labels = np.array([label for _, label in objects], np.int64)
    nothing = np.zeros((0, 4), np.float32)
    return Picture(Path("a.png"), "set", (100, 100), boxes, labels, nothing, np.ones(2, bool))


def answers(*rows: tuple[Box, int, float]) -> Detections:
    return Detections(
        np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4),
        np.array([score for _, _, score in rows], np.float32),
        np.array([label for _, label, _ in rows], np.int64),
    )


def rows(found: Detections) -> list[tuple[tuple[int, ...], int, float]]:
    triples = zip(found.boxes.tolist(), found.labels.tolist(), found.scores.tolist(), strict=True)
    return [(tuple(map(int, box)), label, round(score, 2)) for box, label, score in triples]


def classes(where: Picture, found: Detections) -> list[tuple[tuple[int, ...], int, float]]:
    return rows(with_right_classes([where], [found])[0])


def boxes(where: Picture, found: Detections) -> list[tuple[tuple[int, ...], int, float]]:
    return rows(with_right_boxes([where], [found])[0])


def test_another_class_becomes_the_hit_of_who_was_not_found() -> None:
    found = answers((BESIDE, BUS, 0.6), (HERE, BUS, 0.4), (FAR, BUS, 0.3))
    assert classes(picture((HERE, CAR)), found) == [(BESIDE, CAR, 0.6), (FAR, BUS, 0.3)]


def test_another_class_goes_where_the_object_was_found() -> None:
    found = answers((HERE, BUS, 0.9), (BESIDE, CAR, 0.4), (HERE, CAR, 0.2))
    expected = [(BESIDE, CAR, 0.4), (HERE, CAR, 0.2)]  # a second answer of its class is another kind of error
    assert classes(picture((HERE, CAR)), found) == expected


def test_a_box_near_its_object_is_put_there() -> None:
    found = answers((ASIDE, CAR, 0.6), (ASIDE, CAR, 0.5), (ASIDE, BUS, 0.4), (FAR, CAR, 0.3))
    expected = [(HERE, CAR, 0.6), (ASIDE, BUS, 0.4), (FAR, CAR, 0.3)]
    assert boxes(picture((HERE, CAR)), found) == expected


def test_a_box_near_one_that_was_found_goes() -> None:
    assert boxes(picture((HERE, CAR)), answers((ASIDE, CAR, 0.9), (BESIDE, CAR, 0.4))) == [(BESIDE, CAR, 0.4)]


def test_a_vehicle_of_unknown_class_says_nothing_of_classes() -> None:
    where, found = picture((HERE, UNKNOWN)), answers((HERE, BUS, 0.9), (ASIDE, CAR, 0.4))
    assert classes(where, found) == boxes(where, found) == rows(found)


@pytest.mark.parametrize("label", [UNKNOWN, None])
def test_what_counts_neither_way_is_not_mended(label: int | None) -> None:
    """An answer at a vehicle of unknown class, or in an ignore region, beside a car that was missed."""
    where = picture((HERE, CAR)) if label is None else picture((HERE, CAR), (ASIDE, label))
    if label is None:
        where = replace(where, ignore=np.array([ASIDE], np.float32))
    found = answers((ASIDE, CAR, 0.9))
    assert boxes(where, found) == rows(found)


def test_nothing_there_and_nothing_found() -> None:
    assert classes(picture(), answers((HERE, CAR, 0.5))) == [(HERE, CAR, 0.5)]
    assert boxes(picture((HERE, CAR)), answers()) == []


places = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(8, 30), st.integers(8, 30)).map(
    lambda p: (float(p[0]), float(p[1]), float(p[0] + p[2]), float(p[1] + p[3]))
)
labels = st.sampled_from([CAR, BUS])


@given(
    st.lists(st.tuples(places, labels), min_size=1, max_size=4),
    st.lists(st.tuples(places, labels, st.floats(0.0625, 1.0, width=32)), max_size=6),
)
def test_mending_finds_no_fewer_objects(
    objects: list[tuple[Box, int]], seen: list[tuple[Box, int, float]]
) -> None:
    """As many or more can be found, of no more answers, whose scores are what they were."""
    where, found = picture(*objects), answers(*seen)
    for mended in (with_right_classes([where], [found])[0], with_right_boxes([where], [found])[0]):
        assert len(mended.boxes) <= len(found.boxes)
        assert set(mended.scores.tolist()) <= set(found.scores.tolist())
        assert _findable(where, mended) >= _findable(where, found)


def _findable(where: Picture, found: Detections) -> int:
    if not len(found.boxes):
        return 0
    at = (iou(where.boxes, found.boxes) >= 0.5) & (where.labels[:, None] == found.labels)
    return int(at.any(1).sum())


def test_a_class_confused_throughout_costs_all_of_it() -> None:
    where = [picture((HERE, CAR), (FAR, BUS))]
    found = [answers((HERE, BUS, 0.9), (FAR, CAR, 0.8))]
    assert mean_ap50(evaluate(where, found, NAMES), NAMES) == 0
    assert mean_ap50(evaluate(where, with_right_classes(where, found), NAMES), NAMES) == 1

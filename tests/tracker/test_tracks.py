"""The life of a track, beyond what every associator's contract says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors import Detections, Frame
from tracker.tracks import LifeConfig, LifeCycle
from tracker.types import Origin, Track, TrackState

PICTURE = np.zeros((100, 200, 3), np.uint8)


def at(time_s: float) -> Frame:
    return Frame(PICTURE, time_s=time_s)


def one(box: tuple[float, float, float, float], score: float = 0.9) -> Detections:
    return Detections(np.array([box], np.float32), np.array([score], np.float32), np.zeros(1, np.int64))


@pytest.fixture
def life() -> LifeCycle:
    return LifeCycle(LifeConfig())


def confirmed(life: LifeCycle, box: tuple[float, float, float, float] = (10, 10, 50, 40)) -> Track:
    return life.found(at(0.1), life.born(at(0.0), one(box), 0), one(box), 0)


def test_two_life_cycles_do_not_share_ids() -> None:
    first, second = LifeCycle(LifeConfig()), LifeCycle(LifeConfig())
    assert [life.born(at(0), one((0, 0, 9, 9)), 0).id for life in (first, first, second)] == [1, 2, 1]


def test_a_sure_detection_can_be_enough() -> None:
    life = LifeCycle(LifeConfig(sure_score=0.8))
    assert life.born(at(0), one((0, 0, 9, 9), 0.85), 0).state is TrackState.CONFIRMED
    assert life.born(at(0), one((0, 0, 9, 9), 0.75), 0).state is TrackState.TENTATIVE


def follow_classes(life: LifeCycle, *looks: tuple[tuple[float, float, float, float], int]) -> Track:
    """Follow a track through boxes and classes, a look each, all with the same score."""
    seen = [replace(one(box, 0.6), labels=np.array([label], np.int64)) for box, label in looks]
    track = life.born(at(0.0), seen[0], 0)
    for index, detections in enumerate(seen[1:], 1):
        track = life.found(at(index * 0.1), track, detections, 0)
    return track


BUS, TRUCK = 1, 2


def test_near_looks_say_more_of_the_class_than_far_ones(life: LifeCycle) -> None:
    far, near = ((90, 20, 100, 28), TRUCK), ((60, 20, 120, 80), BUS)
    assert follow_classes(life, far, far, far, near).label == BUS
    assert follow_classes(life, *[far] * 9, near).label == TRUCK
    assert follow_classes(life, near, ((50, 20, 110, 80), TRUCK), ((40, 20, 100, 80), TRUCK)).label == TRUCK


@pytest.mark.parametrize("cut", [(0, 20, 60, 80), (140, 20, 200, 80), (60, 0, 120, 60), (60, 40, 120, 100)])
def test_who_is_cut_by_the_border_says_less_of_its_class(
    life: LifeCycle, cut: tuple[float, float, float, float]
) -> None:
    whole = ((60, 20, 120, 80), BUS)
    assert follow_classes(life, (cut, TRUCK), (cut, TRUCK), whole).label == BUS
    shares = follow_classes(life, (cut, TRUCK), whole).class_scores
    np.testing.assert_allclose(shares / shares.sum(), [0, 1 / 1.3, 0.3 / 1.3], rtol=1e-5)


def test_a_track_that_left_the_picture_is_over(life: LifeCycle) -> None:
    inside = replace(confirmed(life), box=np.array([150, 10, 220, 40], np.float32), origin=Origin.PREDICTED)
    outside = replace(inside, box=np.array([190, 10, 260, 40], np.float32))
    after = life.carried(at(0.2), [inside, outside])
    assert [t.state for t in after] == [TrackState.CONFIRMED, TrackState.REMOVED]


def test_only_a_believed_propagation_keeps_a_track_alive(life: LifeCycle) -> None:
    track = replace(confirmed(life), origin=Origin.PROPAGATED)
    sure, unsure = replace(track, confidence=0.9), replace(track, confidence=0.05)
    assert [t.last_seen_s for t in life.carried(at(0.9), [sure, unsure])] == [0.9, 0.1]
    after = life.carried(at(1.2), [sure, unsure])
    assert [t.state for t in after] == [TrackState.CONFIRMED, TrackState.REMOVED]


def test_a_missed_track_on_top_of_a_found_one_is_a_duplicate(life: LifeCycle) -> None:
    found = confirmed(life, (10, 10, 50, 40))
    double = replace(confirmed(life, (12, 10, 52, 40)), origin=Origin.PREDICTED)
    neighbour = replace(confirmed(life, (40, 10, 80, 40)), origin=Origin.PREDICTED)
    after = life.without_duplicates(at(0.1), [found, double, neighbour])
    assert [t.state for t in after] == [TrackState.CONFIRMED, TrackState.REMOVED, TrackState.CONFIRMED]


def test_who_walks_past_somebody_is_no_duplicate_yet() -> None:
    life = LifeCycle(LifeConfig(duplicate_s=0.3))
    found = confirmed(life, (10, 10, 50, 40))
    hidden = replace(confirmed(life, (12, 10, 52, 40)), origin=Origin.PREDICTED)
    for time_s, gone in ((0.2, False), (0.39, False), (0.4, True)):
        after = life.without_duplicates(at(time_s), [found, hidden])[1]
        assert (after.state is TrackState.REMOVED) is gone


def test_a_tentative_track_waits_for_the_next_look_while_it_is_surely_carried(life: LifeCycle) -> None:
    """However long that takes: with a look a second, nobody would ever be confirmed."""
    track = replace(life.born(at(0.0), one((10, 10, 50, 40)), 0), origin=Origin.PROPAGATED)
    sure, unsure = replace(track, confidence=0.9), replace(track, confidence=0.05)
    after = life.carried(at(0.5), [sure, unsure])
    assert [t.state for t in after] == [TrackState.TENTATIVE, TrackState.TENTATIVE]
    after = life.carried(at(1.0), after)
    assert [t.state for t in after] == [TrackState.TENTATIVE, TrackState.REMOVED]
    assert [t.state for t in life.missed(at(1.1), after[:1])] == [TrackState.REMOVED]
    assert life.found(at(1.1), after[0], one((10, 10, 50, 40)), 0).state is TrackState.CONFIRMED


def test_a_miss_ends_who_was_seen_once_and_only_worries_who_was_seen_often(life: LifeCycle) -> None:
    often, once = confirmed(life), life.born(at(0.1), one((90, 10, 130, 40)), 0)
    after = life.missed(at(0.2), [often, once])
    assert [(t.id, t.state) for t in after] == [(1, TrackState.COASTING), (2, TrackState.REMOVED)]
    assert [t.state for t in life.missed(at(1.2), [often])] == [TrackState.REMOVED]

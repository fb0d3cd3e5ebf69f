"""What the overlap associator does beyond the contract of all associators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import Detections, Frame
from tracker.association._kalman import assign
from tracker.association.iou import Config, build
from tracker.types import Origin, Track, TrackState


def look(boxes: np.ndarray, time_s: float, size: tuple[int, int] = (400, 200)) -> tuple[Frame, Detections]:
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    number = len(boxes)
    found = Detections(boxes.astype(np.float32), np.full(number, 0.9, np.float32), np.zeros(number, np.int64))
    return Frame(picture, time_s=time_s), found


def run(steps: list[np.ndarray], size: tuple[int, int] = (400, 200), step_s: float = 0.1) -> list[Track]:
    associator = build(Config())
    live: list[Track] = []
    for index, boxes in enumerate(steps):
        frame, found = look(boxes, index * step_s, size)
        carried = [replace(t, origin=Origin.PREDICTED) for t in live]
        live = [t for t in associator.update(frame, carried, found) if t.state is not TrackState.REMOVED]
    return live


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"min_iou": 1.5}, r"min_iou must lie in \[0, 1\]"),
        ({"min_buffered_iou": -0.1}, r"min_buffered_iou must lie in \[0, 1\]"),
        ({"class_penalty": 2.0}, r"class_penalty must lie in \[0, 1\]"),
        ({"buffers": ()}, "buffers must be one or more"),
        ({"buffers": (0.0, -0.5)}, "buffers must be one or more"),
        ({"buffers": (float("inf"),)}, "buffers must be one or more"),
        ({"propagated_noise": 0.0}, "propagated_noise must be above 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Config(**options)


def test_a_fast_small_vehicle_keeps_its_id_though_its_boxes_do_not_overlap() -> None:
    steps = [np.array([[20 + 25 * i, 50, 40 + 25 * i, 65]]) for i in range(6)]
    assert [t.id for t in run(steps)] == [1]


def test_two_that_cross_keep_their_ids() -> None:
    steps = [
        np.array([[100 + 8 * i, 50, 130 + 8 * i, 80], [220 - 8 * i, 58, 250 - 8 * i, 88]]) for i in range(16)
    ]
    tracks = {t.id: t.velocity[0] for t in run(steps)}
    assert set(tracks) == {1, 2}
    assert tracks[1] > 40
    assert tracks[2] < -40


def test_the_best_sum_wins_not_the_best_pair() -> None:
    rows, columns = assign(np.array([[0.6, 0.5], [0.5, 0.0]]), 0.1)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 1), (1, 0)]


def test_what_is_below_the_gate_is_no_match() -> None:
    rows, _ = assign(np.array([[0.05]]), 0.1)
    assert len(rows) == 0


@given(
    start=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2)).map(lambda p: (20 + 90 * p[0], 10 + 60 * p[1])),
        min_size=1,
        max_size=6,
        unique=True,
    ),
    velocity=st.tuples(st.integers(-60, 60), st.integers(-30, 30)),
    scale=st.sampled_from([0.5, 2.0, 3.0]),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_a_larger_picture_gives_larger_tracks_and_nothing_else(
    start: list[tuple[int, int]], velocity: tuple[int, int], scale: float
) -> None:
    """Everything is measured in units of the boxes: there is no pixel constant in the matching."""
    first = np.array([(x, y, x + 30, y + 20) for x, y in start], np.float64)
    steps = [first + np.array([*velocity, *velocity]) * 0.1 * i for i in range(5)]
    size = (900, 500)
    large = (round(size[0] * scale), round(size[1] * scale))
    plain, scaled = run(steps, size), run([boxes * scale for boxes in steps], large)
    assert [t.id for t in plain] == [t.id for t in scaled]
    for one, other in zip(plain, scaled, strict=True):
        np.testing.assert_allclose(one.box * scale, other.box, rtol=1e-3, atol=1e-2)
        np.testing.assert_allclose(one.velocity * scale, other.velocity, rtol=1e-2, atol=0.5)


def test_after_a_gap_velocities_are_learnt_as_from_the_start() -> None:
    """Filters that are begun behind a gap must not be moved over the gap once more."""
    associator = build(Config())
    picture = np.zeros((200, 400, 3), np.uint8)
    _, found = look(np.array([[300, 100, 340, 130]]), 0.0)
    live = associator.update(Frame(picture, time_s=0.0), [], found)
    for step in range(4):
        time_s = 10.0 + 0.1 * step
        _, found = look(np.array([[20 + 20 * step, 50, 60 + 20 * step, 80]]), time_s)
        frame = Frame(picture, time_s=time_s, gap_s=0.0 if step else 10.0)
        carried = [replace(t, origin=Origin.PREDICTED) for t in live]
        live = [t for t in associator.update(frame, carried, found) if t.state is not TrackState.REMOVED]
    assert [t.id for t in live] == [2]
    assert live[0].velocity[0] > 180


def test_who_is_carried_out_of_the_picture_is_over_at_once() -> None:
    associator = build(Config())
    steps = [np.array([[340 + 20 * i, 50, 380 + 20 * i, 80]]) for i in range(2)]
    live: list[Track] = []
    for index, boxes in enumerate(steps):
        live = associator.update(*_first(live, boxes, 0.1 * index))
    gone = replace(
        live[0], box=np.array([395, 50, 435, 80], np.float32), origin=Origin.PROPAGATED, confidence=0.0
    )
    frame, _ = look(np.zeros((0, 4)), 0.2)
    assert [t.state for t in associator.update(frame, [gone], None)] == [TrackState.REMOVED]


def _first(live: list[Track], boxes: np.ndarray, time_s: float) -> tuple[Frame, list[Track], Detections]:
    frame, found = look(boxes, time_s)
    return frame, [replace(t, origin=Origin.PREDICTED) for t in live], found


CARRIED = np.array([126, 50, 166, 80], np.float32)


def carried_on(looks: int, missed: bool) -> Track:
    """Return a track after a frame without a look; it stood at x = 100, and was carried far aside."""
    associator = build(Config())
    live: list[Track] = []
    for index in range(looks):
        live = associator.update(*_first(live, np.array([[100, 50, 140, 80]]), 0.1 * index))
    if missed:
        live = associator.update(*_first(live, np.zeros((0, 4)), 0.1 * looks))
    assert live[0].state is (TrackState.COASTING if missed else TrackState.CONFIRMED)
    moved = replace(live[0], box=CARRIED, origin=Origin.PROPAGATED, confidence=0.9)
    frame, _ = look(np.zeros((0, 4)), 0.1 * looks + 0.1 * missed + 0.1)
    return associator.update(frame, [moved], None)[0]


def test_a_carried_box_is_smoothed_by_where_its_track_should_be() -> None:
    track = carried_on(looks=3, missed=False)
    assert track.origin is Origin.PROPAGATED
    assert 102 < track.box[0] < CARRIED[0] - 2
    assert track.velocity[0] > 0


def test_who_was_missed_is_where_it_should_be_and_not_where_a_filter_sees_what_hides_it() -> None:
    track = carried_on(looks=3, missed=True)
    assert track.origin is Origin.PREDICTED
    np.testing.assert_allclose(track.box, [100, 50, 140, 80], atol=1)


def test_a_smoothed_box_is_cut_at_the_border_as_a_carried_one_is() -> None:
    associator = build(Config())
    live: list[Track] = []
    for index in range(6):
        left = 300 + 12 * index
        live = associator.update(*_first(live, np.array([[left, 50, left + 40, 80]]), 0.1 * index))
    carried = replace(
        live[0], box=np.array([372, 50, 400, 80], np.float32), origin=Origin.PROPAGATED, confidence=0.5
    )
    frame, _ = look(np.zeros((0, 4)), 0.6)
    (track,) = associator.update(frame, [carried], None)
    assert track.origin is Origin.PROPAGATED
    assert track.box[2] == 400

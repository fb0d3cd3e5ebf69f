"""What sure and doubtful detections do, beyond the contract of all associators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import Detections, Frame
from tracker.association._kalman import assign, buffered_iou, height_iou
from tracker.association.two_stage import Config, build
from tracker.types import Track, TrackState

PICTURE = np.zeros((300, 600, 3), np.uint8)
Look = Sequence[tuple[float, float, float, float, float]]  # x1, y1, x2, y2, score


def follow(looks: Sequence[tuple[float, Look]], **options: float) -> list[list[Track]]:
    """Return all tracks after each look at a moment."""
    associator = build(Config(**options))  # type: ignore[arg-type]
    live: list[Track] = []
    history = []
    for time_s, rows in looks:
        table = np.array(rows, np.float32).reshape(-1, 5)
        found = Detections(table[:, :4], table[:, 4], np.zeros(len(table), np.int64))
        after = associator.update(Frame(PICTURE, time_s=time_s), live, found)
        live = [track for track in after if track.state is not TrackState.REMOVED]
        history.append(after)
    return history


def car(x: float, score: float = 0.9, width: float = 60.0) -> tuple[float, float, float, float, float]:
    return x, 100.0, x + width, 140.0, score


def test_a_doubtful_detection_keeps_who_was_found_before() -> None:
    looks = [(0.1 * i, [car(100 + 5 * i, score)]) for i, score in enumerate([0.9, 0.9, 0.2, 0.2, 0.9])]
    last = follow(looks)[-1]
    assert [(track.id, track.detections, track.state) for track in last] == [(1, 5, TrackState.CONFIRMED)]


def test_a_doubtful_detection_does_not_find_who_was_lost() -> None:
    looks = [(0.0, [car(100)]), (0.1, [car(100)]), (0.2, []), (0.3, [car(100, 0.2)]), (0.4, [car(100)])]
    assert [after[0].detections for after in follow(looks)] == [1, 2, 2, 2, 3]


def test_a_doubtful_detection_begins_nothing_and_confirms_nobody() -> None:
    assert follow([(0.0, [car(100, 0.5)])]) == [[]]
    assert [t.state for t in follow([(0.0, [car(100)]), (0.1, [car(100, 0.5)])])[-1]] == [TrackState.REMOVED]


def test_a_sure_detection_comes_before_a_doubtful_one_that_fits_better() -> None:
    looks = [(0.0, [car(100)]), (0.1, [car(100)]), (0.2, [car(100, 0.3), car(110, 0.9)])]
    (track,) = follow(looks)[-1]
    assert track.score == pytest.approx(0.9)


def test_what_is_too_doubtful_is_nothing() -> None:
    looks = [(0.0, [car(100)]), (0.1, [car(100)]), (0.2, [car(100, 0.05)])]
    assert follow(looks)[-1][0].state is TrackState.COASTING


@pytest.mark.parametrize(("wait_s", "ids"), [(0.3, [1]), (0.02, [1, 2])])
def test_a_small_fast_vehicle_is_found_again_where_there_was_time_for_it(
    wait_s: float, ids: list[int]
) -> None:
    """Its boxes do not overlap; in a fiftieth of a second nobody drives so far."""
    last = follow([(0.0, [car(100, width=20)]), (wait_s, [car(130, width=20)])])[-1]
    assert [track.id for track in last] == ids


def test_two_that_pass_each_other_keep_their_ids() -> None:
    looks = [(0.04 * i, [car(50 + 6 * i, width=30), car(350 - 6 * i, width=30)]) for i in range(40)]
    hidden = [(time_s, row if not 22 <= i <= 28 else row[:1]) for i, (time_s, row) in enumerate(looks)]
    ends = {track.id: track.box[0] for track in follow(hidden)[-1] if track.state is TrackState.CONFIRMED}
    assert ends == {1: pytest.approx(284), 2: pytest.approx(116)}


def test_who_is_a_little_off_its_place_keeps_its_id_when_nobody_else_wants_the_detection() -> None:
    stands = [(0.1 * i, [car(100)]) for i in range(5)]
    jumped = [*stands, (0.5, [car(140)])]  # an overlap of 0.2
    assert [(t.id, t.state) for t in follow(jumped)[-1]] == [(1, TrackState.CONFIRMED)]
    far = [*stands, (0.5, [car(155)])]  # 0.04
    assert [t.id for t in follow(far)[-1]] == [1, 2]


def test_a_track_seen_once_chooses_before_one_that_is_off_its_place() -> None:
    stands = [(0.1 * i, [car(100)]) for i in range(5)]
    last = follow([*stands, (0.5, [car(100), car(150)]), (0.6, [car(150)])])[-1]
    assert {t.id: t.state for t in last} == {1: TrackState.COASTING, 2: TrackState.CONFIRMED}


@pytest.mark.parametrize(("upright", "row"), [(0.5, 0), (0.0, 1)])
def test_who_stands_as_high_in_the_picture_comes_before_who_overlaps_a_little_more(
    upright: float, row: int
) -> None:
    beside, behind = (120.0, 100.0, 180.0, 140.0, 0.9), (100.0, 87.0, 160.0, 127.0, 0.8)  # 0.50, 0.51
    looks: list[tuple[float, Look]] = [(0.1 * i, [car(100)]) for i in range(5)]
    last = follow([*looks, (0.5, [beside, behind])], upright=upright)[-1]
    assert last[0].id == 1
    np.testing.assert_array_equal(last[0].box, np.float32((beside, behind)[row][:4]))


def test_weights_choose_and_do_not_admit() -> None:
    overlap, weights = np.array([[0.5, 0.45], [0.2, 0.0]]), np.array([[0.1, 1.0], [1.0, 1.0]])
    rows, columns = assign(overlap, 0.4, weights)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 1)]
    rows, _ = assign(overlap[:, :1], 0.4, np.array([[0.0], [1.0]]))
    assert len(rows) == 0


@given(
    tops=st.lists(st.tuples(st.floats(0, 200), st.floats(0.1, 200)), min_size=1, max_size=5),
    aside=st.floats(-500, 500),
    scale=st.floats(0.1, 10),
)
@settings(max_examples=50, deadline=None)
def test_shared_heights_are_symmetric_and_know_neither_scale_nor_columns(
    tops: list[tuple[float, float]], aside: float, scale: float
) -> None:
    boxes = np.array([(0, top, 10, top + height) for top, height in tops], np.float32)
    shared = height_iou(boxes, boxes)
    np.testing.assert_allclose(np.diag(shared), 1.0, atol=1e-5)
    np.testing.assert_array_equal(shared, shared.T)
    assert ((shared >= 0) & (shared <= 1)).all()
    moved = (boxes + np.float32([aside, 0, aside, 0])) * np.float32(scale)
    np.testing.assert_allclose(height_iou(moved, boxes * np.float32(scale)), shared, atol=1e-3)


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="min_left_iou must lie in"):
        Config(min_left_iou=1.5)
    for name in ("upright", "most_buffer", "reach", "most_reach"):
        with pytest.raises(ValueError, match=f"{name} must be finite and at least 0"):
            Config(**{name: -1.0})
        with pytest.raises(ValueError, match=f"{name} must be finite and at least 0"):
            Config(**{name: float("inf")})


@given(
    boxes=st.lists(st.tuples(*(st.floats(0, 200) for _ in range(4))), min_size=1, max_size=6),
    buffers=st.lists(st.sampled_from([0.0, 0.2, 0.5]), min_size=6, max_size=6),
)
@settings(max_examples=50, deadline=None)
def test_larger_boxes_of_the_same_place_still_overlap(
    boxes: list[tuple[float, ...]], buffers: list[float]
) -> None:
    first = np.array([(x, y, x + 1 + w, y + 1 + h) for x, y, w, h in boxes], np.float32)
    plain = buffered_iou(first, first, np.zeros(len(first)))
    grown = buffered_iou(first, first, np.array(buffers[: len(first)]))
    np.testing.assert_allclose(np.diag(grown), 1.0, atol=1e-5)
    assert ((grown >= -1e-6) & (grown <= 1 + 1e-5)).all()
    same = np.array(buffers[: len(first)]) == 0
    np.testing.assert_array_equal(grown[same], plain[same])

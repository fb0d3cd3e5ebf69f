"""What every associator keeps, whatever its method. A new file in the folder is picked up by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import Detections, Frame
from detectors.errors import UsageError
from detectors.registry import Registry
from tracker.protocols import Associator
from tracker.types import Origin, Track, TrackState

ASSOCIATORS = Registry("tracker.association", "associator")
PICTURE = np.zeros((200, 400, 3), np.uint8)
LIVE = (TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.COASTING)

pytestmark = pytest.mark.parametrize("name", ASSOCIATORS.names())


def frame(time_s: float, cut: bool = False, gap_s: float = 0.0) -> Frame:
    return Frame(PICTURE, index=round(time_s * 25), time_s=time_s, cut=cut, gap_s=gap_s)


def seen(*boxes: tuple[float, float, float, float], score: float = 0.9, label: int = 0) -> Detections:
    number = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(number, score, np.float32),
        np.full(number, label, np.int64),
    )


def follow(associator: Associator, looks: list[tuple[Frame, Detections | None]]) -> list[list[Track]]:
    """Feed the looks in; what is live goes on, as in the pipeline with nothing propagated."""
    live: list[Track] = []
    history = []
    for now, detections in looks:
        carried = [replace(t, origin=Origin.PREDICTED, confidence=0.0) for t in live]
        after = associator.update(now, carried, detections)
        live = [t for t in after if t.state is not TrackState.REMOVED]
        history.append(after)
    return history


def moving(time_s: float) -> Detections:
    return seen((20 + 100 * time_s, 50, 60 + 100 * time_s, 80))


def test_is_an_associator(name: str) -> None:
    assert isinstance(ASSOCIATORS.build(name), Associator)


def test_a_track_keeps_its_id_and_is_confirmed(name: str) -> None:
    looks = [(frame(i * 0.1), moving(i * 0.1)) for i in range(10)]
    history = follow(ASSOCIATORS.build(name), looks)
    assert [[t.id for t in tracks] for tracks in history] == [[1]] * 10
    assert history[0][0].state is TrackState.TENTATIVE
    assert history[-1][0].state is TrackState.CONFIRMED
    assert history[-1][0].velocity == pytest.approx([100, 0], abs=15)


def test_a_detected_track_is_where_the_detection_is(name: str) -> None:
    history = follow(ASSOCIATORS.build(name), [(frame(i * 0.1), moving(i * 0.1)) for i in range(4)])
    np.testing.assert_allclose(history[-1][0].box, moving(0.3).boxes[0])
    assert history[-1][0].origin is Origin.DETECTED


LEFT, RIGHT = (20, 50, 60, 80), (300, 50, 340, 80)


@pytest.mark.parametrize(
    ("looked_at", "missed"),
    [(None, True), ((200, 0, 400, 200), True), ((0, 0, 200, 200), False), ((0, 0, 320, 200), False)],
    ids=["at the whole", "at its part", "at another part", "at a part that cuts it"],
)
def test_who_lies_outside_of_the_part_that_was_looked_at_is_not_missed(
    name: str, looked_at: tuple[float, float, float, float] | None, missed: bool
) -> None:
    associator = ASSOCIATORS.build(name)
    live = follow(associator, [(frame(i * 0.1), seen(LEFT, RIGHT)) for i in range(4)])[-1]
    carried = [replace(t, origin=Origin.PROPAGATED, confidence=0.9) for t in live]
    part = None if looked_at is None else np.array(looked_at, np.float32)
    left, right = associator.update(frame(0.4), carried, seen(LEFT), part)
    assert (left.id, right.id) == (1, 2)
    assert left.origin is Origin.DETECTED
    assert right.state is (TrackState.COASTING if missed else TrackState.CONFIRMED)


def test_who_was_seen_once_waits_while_other_parts_are_looked_at(name: str) -> None:
    associator = ASSOCIATORS.build(name)
    live, part = follow(associator, [(frame(0.0), seen(RIGHT))])[-1], np.array([0, 0, 200, 200], np.float32)
    for index in range(1, 4):
        carried = [replace(t, origin=Origin.PROPAGATED, confidence=0.9) for t in live]
        live = associator.update(frame(index * 0.1), carried, seen(), part)
        assert [t.state for t in live] == [TrackState.TENTATIVE]
    found = associator.update(frame(0.4), live, seen(RIGHT), None)
    assert [(t.id, t.state) for t in found] == [(1, TrackState.CONFIRMED)]


def test_not_looking_is_no_miss(name: str) -> None:
    looks: list[tuple[Frame, Detections | None]] = [(frame(0.0), moving(0.0)), (frame(0.1), moving(0.1))]
    looks += [(frame(0.1 + i * 0.1), None) for i in range(1, 8)]
    history = follow(ASSOCIATORS.build(name), looks)
    assert history[-1][0].state is TrackState.CONFIRMED
    assert history[-1][0].origin is Origin.PREDICTED


def test_looking_and_seeing_nothing_is_a_miss(name: str) -> None:
    looks = [(frame(0.0), moving(0.0)), (frame(0.1), moving(0.1)), (frame(0.2), seen())]
    history = follow(ASSOCIATORS.build(name), looks)
    assert history[-1][0].state is TrackState.COASTING


def test_a_ghost_of_one_look_is_never_reported(name: str) -> None:
    history = follow(ASSOCIATORS.build(name), [(frame(0.0), moving(0.0)), (frame(0.1), seen())])
    assert history[-1][0].state is TrackState.REMOVED
    assert not any(t.shown for tracks in history for t in tracks)


@pytest.mark.parametrize("step_s", [0.04, 0.08, 0.2])
def test_life_time_is_in_seconds_not_in_frames(name: str, step_s: float) -> None:
    looks: list[tuple[Frame, Detections | None]] = [(frame(0.0), seen((20, 50, 60, 80)))]
    looks.append((frame(step_s), seen((20, 50, 60, 80))))
    looks += [(frame(step_s * i), seen()) for i in range(2, 100)]
    history = follow(ASSOCIATORS.build(name, {"max_missing_s": 1.0}), looks)
    last = max(i for i, tracks in enumerate(history) if any(t.state in LIVE for t in tracks))
    assert last * step_s == pytest.approx(step_s + 1.0, abs=step_s + 1e-6)


def test_found_again_after_a_miss_with_the_same_id(name: str) -> None:
    still = seen((20, 50, 60, 80))
    looks = [(frame(0.0), still), (frame(0.1), still), (frame(0.2), seen()), (frame(0.5), still)]
    history = follow(ASSOCIATORS.build(name), looks)
    assert [(t.id, t.state) for t in history[-1]] == [(1, TrackState.CONFIRMED)]


def test_a_cut_ends_all_tracks_and_begins_new_ones(name: str) -> None:
    looks = [(frame(0.0), moving(0.0)), (frame(0.1), moving(0.1)), (frame(0.2, cut=True), moving(0.1))]
    history = follow(ASSOCIATORS.build(name), looks)
    assert [(t.id, t.state) for t in history[-1]] == [(1, TrackState.REMOVED), (2, TrackState.TENTATIVE)]


def test_a_long_gap_ends_all_tracks_and_a_short_one_does_not(name: str) -> None:
    for gap_s, survives in ((0.3, True), (5.0, False)):
        looks = [(frame(0.0), moving(0.0)), (frame(0.1), moving(0.1))]
        looks.append((frame(0.2 + gap_s, gap_s=gap_s), moving(0.2)))
        history = follow(ASSOCIATORS.build(name), looks)
        assert (history[-1][0].state is not TrackState.REMOVED) is survives


def test_a_weak_detection_starts_no_track_but_keeps_one(name: str) -> None:
    weak = replace(moving(0.2), scores=np.array([0.2], np.float32))
    assert follow(ASSOCIATORS.build(name, {"born_score": 0.4}), [(frame(0.0), weak)]) == [[]]
    looks = [(frame(0.0), moving(0.0)), (frame(0.1), moving(0.1)), (frame(0.2), weak)]
    history = follow(ASSOCIATORS.build(name, {"born_score": 0.4}), looks)
    assert history[-1][0].detections == 3


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("born_score", 1.2, r"born_score must lie in \[0, 1\]"),
        ("min_confidence", -0.1, r"min_confidence must lie in \[0, 1\]"),
        ("duplicate_iou", 2, r"duplicate_iou must lie in \[0, 1\]"),
        ("sure_score", -1, "sure_score must be at least 0"),
        ("confirm_looks", 0, "confirm_looks must be at least 1"),
        ("max_missing_s", -1, "max_missing_s must be at least 0"),
        ("max_tentative_s", -0.5, "max_tentative_s must be at least 0"),
    ],
)
def test_a_life_that_cannot_be_is_refused(name: str, option: str, value: float, words: str) -> None:
    with pytest.raises(UsageError, match=f"^associator {name}: {words}$"):
        ASSOCIATORS.config(name, {option: value})


def test_the_borders_of_what_can_be_are_allowed(name: str) -> None:
    limits = {"born_score": 1, "min_confidence": 0, "duplicate_iou": 1, "sure_score": 1.1, "max_missing_s": 0}
    ASSOCIATORS.config(name, {**limits, "confirm_looks": 1, "max_tentative_s": 0})


def test_the_class_is_the_one_with_most_votes(name: str) -> None:
    box = (20.0, 50.0, 60.0, 80.0)
    looks = [(frame(i * 0.1), seen(box, label=label)) for i, label in enumerate((0, 2, 2, 2, 0))]
    history = follow(ASSOCIATORS.build(name), looks)
    assert [tracks[0].label for tracks in history] == [0, 0, 2, 2, 2]


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_any_sequence_keeps_the_promises(name: str, data: st.DataObject) -> None:
    """Ids are never used again and come in order; input is left alone; no detection is used twice."""
    associator = ASSOCIATORS.build(name)
    corner = st.tuples(st.integers(0, 380), st.integers(0, 180), st.integers(3, 60), st.integers(3, 60))
    live: list[Track] = []
    gone: set[int] = set()
    for step in range(data.draw(st.integers(1, 8))):
        drawn = data.draw(st.none() | st.lists(corner, max_size=6))
        boxes = None if drawn is None else [(x, y, min(x + w, 400), min(y + h, 200)) for x, y, w, h in drawn]
        detections = None if boxes is None else seen(*boxes)
        before = [t.box.copy() for t in live]
        after = associator.update(frame(step * 0.1), live, detections)
        assert all((a == b.box).all() for a, b in zip(before, live, strict=True))
        ids = [t.id for t in after]
        assert ids == sorted(set(ids))
        assert {t.id for t in live} <= set(ids)
        assert not gone & set(ids)
        assert sum(t.origin is Origin.DETECTED and t.last_detected_s == step * 0.1 for t in after) <= len(
            boxes or ()
        ) + sum(t.origin is Origin.DETECTED for t in live)
        gone |= {t.id for t in after if t.state is TrackState.REMOVED}
        live = [t for t in after if t.state is not TrackState.REMOVED]


@given(
    boxes=st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 150), st.integers(8, 60), st.integers(8, 40)),
        min_size=1,
        max_size=6,
        unique_by=lambda b: (b[0] // 70, b[1] // 50),
    ),
    order=st.randoms(),
)
@settings(max_examples=30, deadline=None)
def test_the_order_of_detections_does_not_matter(
    name: str, boxes: list[tuple[int, ...]], order: object
) -> None:
    xyxy = [(x, y, x + w, y + h) for x, y, w, h in boxes]
    mixed = list(xyxy)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    outcomes = []
    for second in (xyxy, mixed):
        history = follow(ASSOCIATORS.build(name), [(frame(0.0), seen(*xyxy)), (frame(0.1), seen(*second))])
        outcomes.append({t.id: tuple(t.box) for t in history[-1] if t.origin is Origin.DETECTED})
    assert outcomes[0] == outcomes[1]

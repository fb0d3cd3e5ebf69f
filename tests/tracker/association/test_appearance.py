"""Who was hidden gets its id back by what it looks like, and nobody else's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from detectors import Detections, Frame
from tracker.association.two_stage import Config, build
from tracker.types import Track, TrackState

PICTURE = np.zeros((300, 1000, 3), np.uint8)
RED, WHITE, LORRY = np.eye(3, dtype=np.float32)
Seen = tuple[float, float, np.ndarray]  # left side, score, what it looks like
TRUCK: Seen = (420, 0.9, LORRY)


def follow(looks: Sequence[tuple[float, list[Seen]]], **options: float) -> list[list[Track]]:
    """Return the live tracks after each look; everything is 60 x 40 pixels, the truck 200 x 100."""
    associator = build(Config(**options))  # type: ignore[arg-type]
    live: list[Track] = []
    history = []
    for time_s, rows in looks:
        boxes = [[x, 80, x + 200, 180] if like is LORRY else [x, 100, x + 60, 140] for x, _, like in rows]
        found = Detections(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array([score for _, score, _ in rows], np.float32),
            np.zeros(len(rows), np.int64),
            np.array([like for _, _, like in rows], np.float32).reshape(len(rows), 3),
        )
        after = associator.update(Frame(PICTURE, time_s=time_s), live, found)
        live = [track for track in after if track.state is not TrackState.REMOVED]
        history.append(live)
    return history


def behind_the_truck(comes_out: list[Seen]) -> list[tuple[float, list[Seen]]]:
    """Return looks at a red car of 200 px/s that brakes behind a truck for 0.9 s, and at who comes out."""
    before = [(0.1 * i, [TRUCK, (210 + 20.0 * i, 0.9, RED)]) for i in range(8)]
    hidden = [(0.1 * i, [TRUCK]) for i in range(8, 17)]
    return [*before, *hidden, *[(0.1 * i, [TRUCK, *comes_out]) for i in (17, 18)]]


def ids(tracks: list[Track], like: np.ndarray) -> list[int]:
    return [t.id for t in tracks if t.embedding is not None and float(t.embedding @ like) > 0.9]


@pytest.mark.parametrize(("appearance", "id_"), [(0.7, 2), (0.0, 3)])
def test_a_car_behind_a_truck_gets_its_id_back(appearance: float, id_: int) -> None:
    history = follow(behind_the_truck([(430, 0.9, RED)]), appearance=appearance)
    assert ids(history[7], RED) == [2]
    shown = [t for t in history[-1] if t.state is TrackState.CONFIRMED]
    assert ids(shown, RED) == [id_]


def test_who_looks_otherwise_is_somebody_else() -> None:
    history = follow(behind_the_truck([(430, 0.9, WHITE)]), appearance=0.7)
    assert ids(history[-1], WHITE) == [3]


@pytest.mark.parametrize("score", [0.9, 0.3])
def test_neither_a_look_alike_far_away_nor_a_doubtful_one(score: float) -> None:
    where = 30 if score > 0.5 else 430
    history = follow(behind_the_truck([(where, score, RED)]), appearance=0.7)
    assert all(t.id != 2 or t.state is TrackState.COASTING for t in history[-1])


def test_of_two_look_alikes_the_place_decides() -> None:
    """Both are seen again where they should be: what they look like says nothing then."""
    looks = [(0.1 * i, [(100 + 5.0 * i, 0.9, RED), (400 - 5.0 * i, 0.9, RED)]) for i in range(10)]
    looks[5] = (0.5, [])
    (first, second) = follow(looks, appearance=0.7)[-1]
    assert (first.id, second.id) == (1, 2)
    assert first.box[0] < second.box[0]


def test_without_embeddings_nothing_changes() -> None:
    associator = build(Config(appearance=0.7))
    live: list[Track] = []
    for time_s, boxes in [
        (0.0, [[10, 10, 50, 50]]),
        (0.1, [[10, 10, 50, 50]]),
        (0.2, []),
        (0.3, [[90, 10, 130, 50]]),
    ]:
        table = np.array(boxes, np.float32).reshape(-1, 4)
        found = Detections(table, np.full(len(table), 0.9, np.float32), np.zeros(len(table), np.int64))
        live = associator.update(Frame(PICTURE, time_s=time_s), live, found)
    assert [(t.id, t.embedding) for t in live] == [(1, None), (2, None)]


def test_a_track_learns_slowly_and_not_from_what_hides_it() -> None:
    mixed = np.array([0.6, 0.8, 0], np.float32)
    looks: list[tuple[float, list[Seen]]] = [(0.1 * i, [(100, 0.9, RED)]) for i in range(20)]
    doubtful = follow([*looks, (2.0, [(100, 0.3, WHITE)])])[-1][0]
    hidden = follow([*looks, (2.0, [(100, 0.9, WHITE), (110, 0.9, LORRY)])])[-1][0]
    clear = follow([*looks, (2.0, [(100, 0.9, mixed)])])[-1][0]
    for track in (doubtful, hidden):
        np.testing.assert_allclose(track.embedding, RED, atol=1e-6)
    assert clear.embedding is not None
    assert np.linalg.norm(clear.embedding) == pytest.approx(1, abs=1e-5)
    assert float(clear.embedding @ WHITE) == pytest.approx(0.08, abs=0.02)


def test_settings_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="appearance"):
        Config(appearance=1.5)
    with pytest.raises(ValueError, match="reach"):
        Config(reach=-1)

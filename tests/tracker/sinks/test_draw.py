"""What the annotated picture shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tracker.sinks._draw import Annotator, colour
from tracker.sinks._labels import LabelPlaces
from tracker.types import FrameResult, Origin, Reason, Track, TrackState

Make = Callable[..., Track]
Result = Callable[..., FrameResult]
NAMES = ("car", "bus", "truck", "motorbike", "bicycle", "person")
SIZE = (320, 240)
BOX = (100.0, 100.0, 180.0, 160.0)


def painted(image: np.ndarray, track_id: int) -> np.ndarray:
    return (image == np.array(colour(track_id), np.uint8)).all(axis=2)


def test_a_new_picture_is_made(make_track: Make, make_result: Result) -> None:
    result = make_result(0, make_track(1, box=BOX), size=SIZE)
    image = Annotator(NAMES).draw(result)
    assert image.shape == (240, 320, 3)
    assert image.dtype == np.uint8
    assert (result.frame.image == 90).all()


def test_the_origin_is_seen_in_the_box(make_track: Make, make_result: Result) -> None:
    ink = {}
    for origin in Origin:
        image = Annotator(NAMES).draw(make_result(0, make_track(1, origin=origin, box=BOX), size=SIZE))
        ink[origin] = painted(image, 1)[100:161, 180].mean()  # the right side
    assert ink[Origin.DETECTED] == 1.0
    assert 0.4 < ink[Origin.PROPAGATED] < 0.6
    assert not painted(image, 1)[130, 180] or ink[Origin.PREDICTED] < 0.8


@pytest.mark.parametrize("state", [TrackState.TENTATIVE, TrackState.REMOVED])
def test_only_confirmed_tracks_are_drawn(make_track: Make, make_result: Result, state: TrackState) -> None:
    image = Annotator(NAMES).draw(make_result(0, make_track(1, state, box=BOX), size=SIZE))
    assert not painted(image, 1).any()


def test_the_trail_is_as_long_in_seconds_at_any_frame_rate(make_track: Make, make_result: Result) -> None:
    reach = []
    for rate_fps in (10, 50):
        annotator = Annotator(NAMES, trail_s=1.0)
        for index in range(2 * rate_fps + 1):
            x = 200.0 * index / rate_fps - 150
            track = make_track(1, origin=Origin.PREDICTED, box=(x, 150.0, x + 10, 200.0))
            image = annotator.draw(make_result(index, track, time_s=index / rate_fps, size=SIZE))
        reach.append(np.flatnonzero((image[200] != 90).any(axis=1)).min())
    assert reach[0] == pytest.approx(55, abs=12)
    assert reach[1] == pytest.approx(reach[0], abs=12)


def test_a_new_shot_begins_without_trails(make_track: Make, make_result: Result) -> None:
    annotator = Annotator(NAMES)
    annotator.draw(make_result(0, make_track(1, box=(0.0, 150.0, 20.0, 200.0)), size=SIZE))
    result = make_result(1, make_track(1, box=(280.0, 150.0, 300.0, 200.0)), size=SIZE)
    frame = type(result.frame)(result.frame.image, 1, 0.04, cut=True)
    image = annotator.draw(FrameResult(frame, None, None, result.tracks))
    assert not painted(image, 1)[190:, 100:200].any()


def test_the_line_at_the_top_says_when_the_cnn_ran(make_result: Result) -> None:
    annotator = Annotator(NAMES)
    before = annotator.draw(make_result(0, size=SIZE))
    looking = annotator.draw(make_result(1, size=SIZE, reason=Reason.TRACK_LOST))
    after = annotator.draw(make_result(2, size=SIZE))
    green = [int((i[:16, :, 1].astype(int) - i[:16, :, 2]).max()) for i in (before, looking, after)]
    assert green[0] == green[2] == 0
    assert green[1] > 80
    assert (after[:16] != before[:16]).any()


@pytest.mark.parametrize("size", [(8, 6), (33, 21), (4000, 30)])
def test_any_size_and_any_box_can_be_drawn(
    make_track: Make, make_result: Result, size: tuple[int, int]
) -> None:
    boxes = [(-1e7, -5.0, 1e7, 3.0), (3.0, 3.0, 3.0, 3.0), (9.0, 9.0, 2.0, 2.0), (1e4, 1e4, 2e4, 2e4)]
    tracks = [
        make_track(4 * i + j + 1, origin=origin, box=box)
        for i, box in enumerate(boxes)
        for j, origin in enumerate(Origin)
    ]
    annotator = Annotator(NAMES)
    for index in range(3):
        assert annotator.draw(make_result(index, *tracks, size=size)).shape == (size[1], size[0], 3)


def test_labels_keep_off_other_boxes_and_one_another() -> None:
    boxes = {
        1: np.array([50, 50, 90, 80], np.float32),
        2: np.array([50, 20, 90, 49], np.float32),  # where the label of 1 would be
        3: np.array([200, 2, 240, 30], np.float32),  # at the top: no room above
    }
    size = (30, 10)
    places = LabelPlaces()
    corners = places.place(boxes, dict.fromkeys(boxes, size), 320, 240, np.zeros((0, 4), np.float32))
    for track_id, (x, y) in corners.items():
        label = np.array([x, y, x + size[0], y + size[1]])
        for box in boxes.values():
            assert (np.minimum(label[2:], box[2:]) - np.maximum(label[:2], box[:2])).min() <= 0, track_id
    again = places.place(boxes, dict.fromkeys(boxes, size), 320, 240, np.zeros((0, 4), np.float32))
    assert again == corners


def test_a_label_does_not_flicker_around_the_width_it_needs(make_track: Make, make_result: Result) -> None:
    annotator = Annotator(NAMES)
    shown = []
    for index, width in enumerate([20, 40, 28, 40, 28, 15]):
        track = make_track(1, box=(100.0, 100.0, 100.0 + width, 140.0))
        image = annotator.draw(make_result(index, track, size=SIZE))
        shown.append(painted(image, 1)[88:99, 100:160].any(axis=0).sum())  # the label above the box
    assert shown[0] == shown[5] < shown[1] == shown[2] == shown[3] == shown[4]


def test_neighbouring_ids_have_different_colours() -> None:
    assert all(colour(i) != colour(i + 1) for i in range(1, 40))
    assert colour(5) == colour(5)

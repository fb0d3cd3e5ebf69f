"""People and plates are hidden so that nothing comes back, and the rest of the picture stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors import Detections, Frame
from tracker.sinks import video
from tracker.sinks._blur import Blur, Place, hide
from tracker.types import FrameResult, Origin, RunInfo, Track, TrackState

Make = Callable[..., Track]
Result = Callable[..., FrameResult]
Image = NDArray[np.uint8]
NAMES = ("car", "bus", "truck", "motorbike", "bicycle", "person")
CAR, MOTORBIKE, PERSON = 0, 3, 5
SIZE = 160


def noise(seed: int = 0, size: int = SIZE) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


def noisy(result: FrameResult, image: Image) -> FrameResult:
    return replace(result, frame=replace(result.frame, image=image))


def likeness(one: Image, two: Image) -> float:
    """Return the correlation of two pictures."""
    a, b = one.astype(float).ravel(), two.astype(float).ravel()
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), 1e-9))


def changed(before: Image, after: Image) -> NDArray[np.bool_]:
    return np.asarray((before != after).any(2))


@given(
    x=st.integers(-40, SIZE),
    y=st.integers(-40, SIZE),
    width=st.integers(16, 150),
    height=st.integers(16, 150),
    label=st.integers(0, len(NAMES) - 1),
    state=st.sampled_from([TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.COASTING]),
    origin=st.sampled_from(Origin),
)
@settings(max_examples=60, deadline=None)
def test_nothing_is_left_inside_and_nothing_changed_far_outside(
    x: int, y: int, width: int, height: int, label: int, state: TrackState, origin: Origin
) -> None:
    votes = np.zeros(len(NAMES), np.float32)
    votes[label] = 1
    box = np.array([x, y, x + width, y + height], np.float32)
    still = np.zeros(2, np.float32)
    track = Track(1, box, still, label, 0.9, votes, state, origin, 0.5, 0.0, 0.0, 0.0)
    image = noise()
    kept = image.copy()
    after = Blur(NAMES).blurred(FrameResult(Frame(image), None, None, (track,))).frame.image
    assert (image == kept).all()
    assert after is not image
    top = y if label >= MOTORBIKE else y + height // 2
    inside = slice(max(top, 0), max(y + height, 0)), slice(max(x, 0), max(x + width, 0))
    if image[inside].shape[0] >= 12 and image[inside].shape[1] >= 12:
        assert changed(image[inside], after[inside]).mean() > 0.98
        assert abs(likeness(image[inside], after[inside])) < 0.35
    far = np.ones((SIZE, SIZE), np.bool_)
    dx, dy = width * 0.15 + 4, height * 0.25 + 4
    above = y - height * 0.95 - 4 if label >= MOTORBIKE else y - dy
    far[
        max(int(above), 0) : max(int(y + height + dy), 0), max(int(x - dx), 0) : max(int(x + width + dx), 0)
    ] = 0
    assert not (changed(image, after) & far).any()


@pytest.mark.parametrize("side", [2, 5, 9, 17])
def test_small_persons_become_very_few_blocks(side: int) -> None:
    image = noise()
    after = hide(image, [Place((20, 20, 20 + side, 20 + 2 * side), 8.0)])
    part = after[20 : 20 + 2 * side, 20 : 20 + side].astype(int)
    assert np.abs(np.diff(part, axis=1)).max(initial=0) < 40  # soft steps, where there was noise
    assert abs(likeness(image[20 : 20 + 2 * side, 20 : 20 + side], part.astype(np.uint8))) < 0.6


def test_a_small_false_box_on_a_face_does_not_show_it_again() -> None:
    image = noise()
    large, small = Place((10, 10, 150, 150), 30.0), Place((60, 60, 80, 80), 8.0)
    assert (hide(image, [large, small]) == hide(image, [large])).all()
    assert (hide(image, [small, large]) == hide(image, [large])).all()


def test_writing_below_a_car_is_gone_and_its_roof_is_seen(make_track: Make, make_result: Result) -> None:
    image = noise()
    result = noisy(make_result(0, make_track(1, box=(40, 40, 120, 100), label=CAR)), image)
    after = Blur(NAMES).blurred(result).frame.image
    assert changed(image, after)[70:104, 40:120].all()
    assert not changed(image, after)[:60].any()


def test_a_rider_is_hidden_above_a_box_that_ends_at_the_saddle(make_track: Make, make_result: Result) -> None:
    image = noise()
    result = noisy(make_result(0, make_track(1, box=(40, 80, 80, 120), label=MOTORBIKE)), image)
    after = Blur(NAMES).blurred(result).frame.image
    assert changed(image, after)[60:120, 40:80].all()


def test_who_was_taken_for_a_person_now_and_then_is_hidden_whole(
    make_track: Make, make_result: Result
) -> None:
    votes = np.array([4, 0, 0, 0, 0, 1], np.float32)
    track = replace(make_track(1, box=(40, 40, 80, 120), label=CAR), class_scores=votes)
    image = noise()
    assert changed(image, Blur(NAMES).blurred(noisy(make_result(0, track), image)).frame.image)[
        40:120, 40:80
    ].all()


def test_a_class_that_nobody_knows_is_hidden_whole(make_track: Make, make_result: Result) -> None:
    image = noise()
    result = noisy(make_result(0, make_track(1, box=(40, 40, 80, 120))), image)
    assert changed(image, Blur(("wheelchair",)).blurred(result).frame.image)[40:120, 40:80].all()


def test_a_detection_that_is_no_track_yet_stays_hidden_until_the_next_looks(make_result: Result) -> None:
    box, score, label = (
        np.array([[40, 40, 80, 120]], np.float32),
        np.array([0.3], np.float32),
        np.array([PERSON]),
    )
    seen = Detections(box, score, label)
    blur, image = Blur(NAMES), noise()
    looked = replace(noisy(make_result(0), image), detections=seen)
    assert changed(image, blur.blurred(looked).frame.image)[40:120, 40:80].all()
    between = noisy(make_result(10, time_s=0.4), image)
    assert changed(image, blur.blurred(between).frame.image)[35:125, 36:84].all()
    after = noisy(make_result(30, time_s=1.2), image)
    assert not changed(image, blur.blurred(after).frame.image).any()


def test_a_lost_track_stays_hidden_a_moment_where_it_went(make_track: Make, make_result: Result) -> None:
    gone = make_track(1, TrackState.REMOVED, box=(20, 40, 50, 120), label=PERSON)
    gone = replace(gone, velocity=np.array([100, 0], np.float32))
    blur, image = Blur(NAMES), noise()
    assert changed(image, blur.blurred(noisy(make_result(0, gone, time_s=0.0), image)).frame.image)[60, 30]
    after = blur.blurred(noisy(make_result(5, time_s=0.5), image)).frame.image
    assert changed(image, after)[40:120, 70:100].all()


def test_a_cut_forgets_who_was_there(make_track: Make, make_result: Result) -> None:
    blur, image = Blur(NAMES), noise()
    blur.blurred(noisy(make_result(0, make_track(1, TrackState.REMOVED, label=PERSON)), image))
    new = noisy(make_result(1), image)
    new = replace(new, frame=replace(new.frame, cut=True))
    assert not changed(image, blur.blurred(new).frame.image).any()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e30])
def test_a_box_that_ran_away_breaks_nothing(wrong: float, make_track: Make, make_result: Result) -> None:
    blur = Blur(NAMES)
    track = replace(make_track(1, label=PERSON), velocity=np.array([wrong, 0], np.float32))
    for index, box in enumerate([(wrong, 4, 20, 16), (4, 6, wrong, wrong), (4, 6, 20, 16)]):
        track = replace(track, box=np.array(box, np.float32))
        assert blur.blurred(make_result(index, track)).frame.image.shape == (64, 64, 3)
    assert blur.blurred(make_result(5)).frame.image.shape == (64, 64, 3)


def test_the_annotated_video_is_blurred_beneath_its_labels(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    frames = {}
    for blurred in (False, True):
        path = tmp_path / f"{blurred}.mp4"
        sink = video.build(video.Config(str(path), blur=blurred))
        sink.open(run_info)
        image = np.kron(noise(size=32), np.ones((8, 8, 1), np.uint8))
        for index in range(3):
            sink.write(noisy(make_result(index, make_track(1, box=(60, 60, 190, 220), label=PERSON)), image))
        sink.close(True)
        with av.open(str(path)) as file:
            frames[blurred] = next(file.decode(video=0)).to_ndarray(format="bgr24")
    rough = {
        which: float(np.abs(np.diff(f[90:200, 90:170].astype(int), axis=1)).mean())
        for which, f in frames.items()
    }
    assert rough[True] < rough[False] / 4
    edge = {which: f[100:180, 58:63].astype(int).std() for which, f in frames.items()}
    assert edge[True] > 10  # the box is drawn on top
    outside = np.abs(frames[True][:, 220:].astype(int) - frames[False][:, 220:].astype(int))
    assert outside.mean() < 3

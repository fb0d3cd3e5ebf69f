"""Where a look that only doubtful tracks ask for may be: at a part of the frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors import Frame
from tracker.triggers.confidence import LEAST_ROOM, Confidence, Config
from tracker.types import Origin, Reason, Track, TrackState

WIDTH, HEIGHT = 640, 360
PICTURE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
Box = tuple[float, float, float, float]


def track(box: Box, confidence: float = 0.1, track_id: int = 1) -> Track:
    still, votes = np.zeros(2, np.float32), np.ones(1, np.float32)
    state, origin = TrackState.CONFIRMED, Origin.PROPAGATED
    placed = np.array(box, np.float32)
    return Track(track_id, placed, still, 0, 0.9, votes, state, origin, confidence, 0.0, 0.0, 0.0)


def asked(tracks: list[Track], at_s: float = 0.12, **options: float) -> tuple[Reason | None, Confidence]:
    """Return the reason after a look at everything at 0 s, and the trigger."""
    trigger = Confidence(Config(**options))
    trigger.looked(Frame(PICTURE), tracks)
    return trigger.reason(Frame(PICTURE, 3, at_s), tracks), trigger


def region_of(trigger: Confidence) -> NDArray[np.float32]:
    assert trigger.region is not None
    return trigger.region


def test_one_doubtful_track_needs_a_part_alone() -> None:
    reason, trigger = asked([track((100, 100, 140, 130)), track((500, 200, 560, 240), 0.9, 2)])
    assert reason is Reason.LOW_CONFIDENCE
    x1, y1, x2, y2 = region_of(trigger).tolist()
    assert (x2 - x1, y2 - y1) == (WIDTH / 2, HEIGHT / 2)
    assert max(x1, y1) <= 100 - LEAST_ROOM * WIDTH
    assert x2 >= 140 + LEAST_ROOM * WIDTH
    assert y2 >= 130 + LEAST_ROOM * WIDTH


@pytest.mark.parametrize("turned", [False, True])
def test_a_part_shows_all_doubtful_tracks_with_room_around(turned: bool) -> None:
    near, far = track((100, 100, 140, 130)), track((230, 150, 310, 190), 0.2, 2)
    x1, y1, x2, y2 = region_of(asked([far, near] if turned else [near, far])[1]).tolist()
    least = LEAST_ROOM * WIDTH
    assert least > 0
    assert (x1 <= 100 - least, y1 <= 100 - least, x2 >= 310 + 40, y2 >= 190 + least) == (True,) * 4


def test_doubts_at_both_ends_need_the_whole() -> None:
    reason, trigger = asked([track((10, 100, 50, 130)), track((590, 100, 630, 130), 0.1, 2)])
    assert reason is Reason.LOW_CONFIDENCE
    assert trigger.region is None


@pytest.mark.parametrize(
    "boxes",
    [
        [(100, 100, 400, 300)],
        [(100, 100, 300, 130)],  # it would fit, but not with room around
        [(20, 100, 40, 120), (300, 100, 320, 120)],  # nor would these two: small ones get room, too
    ],
)
def test_who_leaves_no_room_in_a_part_needs_the_whole(boxes: list[Box]) -> None:
    reason, trigger = asked([track(box, track_id=n) for n, box in enumerate(boxes, 1)])
    assert reason is Reason.LOW_CONFIDENCE
    assert trigger.region is None


@pytest.mark.parametrize(("part", "at_s"), [(0.0, 0.12), (0.5, 0.21)], ids=["never", "the whole is due soon"])
def test_the_whole_is_looked_at(part: float, at_s: float) -> None:
    reason, trigger = asked([track((100, 100, 140, 130))], at_s, part=part, whole_s=0.2)
    assert reason is Reason.LOW_CONFIDENCE
    assert trigger.region is None


def test_looks_at_parts_do_not_put_off_the_look_at_the_whole() -> None:
    trigger, doubtful = Confidence(Config(interval_s=0.3, whole_s=0.3)), [track((100, 100, 140, 130))]
    seen = []
    for index in range(13):
        frame = Frame(PICTURE, index, index * 0.05)
        reason = trigger.reason(frame, doubtful)
        if reason is not None:
            seen.append((index, reason, trigger.region is None))
            trigger.looked(frame, doubtful, trigger.region)
    doubt = Reason.LOW_CONFIDENCE
    assert seen == [
        (0, Reason.FIRST_FRAME, True),
        *((index, doubt, False) for index in (2, 4)),
        (6, doubt, True),  # 0.3 s after the last look at the whole
        *((index, doubt, False) for index in (8, 10)),
        (12, doubt, True),
    ]


def test_no_part_without_a_doubt() -> None:
    reason, trigger = asked([track((100, 100, 140, 130), 0.9)], 0.31, whole_s=1.0)
    assert reason is Reason.INTERVAL
    assert trigger.region is None


@given(
    st.tuples(*(st.floats(-30, side - 5) for side in (WIDTH, HEIGHT)), st.floats(4, 200), st.floats(4, 200)),
    st.floats(0.2, 1),
)
def test_a_part_lies_in_the_frame_and_shows_what_is_visible(
    place: tuple[float, float, float, float], part: float
) -> None:
    left, top, width, height = place
    box = (left, top, left + width, top + height)
    _, trigger = asked([track(box)], part=part)
    if trigger.region is None:
        return
    size = np.array([WIDTH, HEIGHT])
    low, high = trigger.region[:2], trigger.region[2:]
    assert (low >= 0).all()
    assert (high <= size + 1e-3).all()
    np.testing.assert_allclose(high - low, part * size, rtol=1e-4)
    assert (low <= np.clip(box[:2], 0, size) + 1e-3).all()
    assert (high >= np.clip(box[2:], 0, size) - 1e-3).all()


def test_a_part_that_is_no_share_is_refused() -> None:
    with pytest.raises(ValueError, match="part"):
        Config(part=1.5)
    with pytest.raises(ValueError, match="times"):
        Config(whole_s=-1)

"""When what moves makes the CNN look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from detectors import Frame
from tracker.triggers._background import Watching
from tracker.triggers.motion import Config, build
from tracker.types import Origin, Reason, Track, TrackState

RATE_FPS = 20.0
SIZE = (384, 240)
rng = np.random.default_rng(3)
ROAD = rng.integers(90, 110, (SIZE[1], SIZE[0], 3), np.uint8)
Box = tuple[int, int, int, int]
Place = Callable[[int], Box | None]


def picture(box: Box | None, light: float = 1.0) -> np.ndarray:
    image = (ROAD * light).clip(0, 255).astype(np.uint8)
    if box is not None:
        x1, y1, x2, y2 = box
        image[y1:y2, x1:x2] = 220
    return image


def track(box: Box, track_id: int = 1) -> Track:
    place, still = np.array(box, np.float32), np.zeros(2, np.float32)
    votes = np.ones(1, np.float32)
    times = (0.0, 0.0, 0.0)
    return Track(track_id, place, still, 0, 0.9, votes, TrackState.CONFIRMED, Origin.PROPAGATED, 0.9, *times)


def looks(
    trigger: Watching[Config], frames: int, place: Place, followed: bool = False, first: int = 0
) -> list[tuple[int, Reason]]:
    """Return on which frames the trigger wants a look; a look finds nothing new."""
    found = []
    for index in range(first, first + frames):
        box = place(index)
        tracks: Sequence[Track] = [track(box)] if followed and box is not None else []
        frame = Frame(picture(box), index, index / RATE_FPS)
        if reason := trigger.reason(frame, tracks):
            found.append((index, reason))
            trigger.looked(frame, tracks)
    return found


def nobody(index: int) -> Box | None:
    return None


def driver(index: int, begin: int = 30) -> Box | None:
    x = 8 * (index - begin)
    return (x, 100, x + 30, 120) if index >= begin and x + 30 < SIZE[0] else None


def quiet(**options: float) -> Watching[Config]:
    return build(Config(**{"interval_s": 60.0, **options}))  # type: ignore[arg-type]


def test_an_empty_road_needs_no_look_but_the_first() -> None:
    assert looks(quiet(), 100, nobody) == [(0, Reason.FIRST_FRAME)]


def test_who_is_new_is_looked_at_within_three_frames() -> None:
    found = looks(quiet(), 34, driver)
    assert found[1] in [(31, Reason.UNEXPLAINED_MOTION), (32, Reason.UNEXPLAINED_MOTION)]


def test_who_is_followed_already_explains_it() -> None:
    assert looks(quiet(), 100, driver, followed=True) == [(0, Reason.FIRST_FRAME)]


def test_the_longest_interval_holds_anyway() -> None:
    found = looks(build(Config(interval_s=0.5)), 41, nobody)
    assert found == [(0, Reason.FIRST_FRAME), *((index, Reason.INTERVAL) for index in (10, 20, 30, 40))]


def test_a_tree_is_looked_at_less_and_less() -> None:
    sway = np.random.default_rng(1).integers(0, 40, (600, 2))

    def tree(index: int) -> Box | None:
        x, y = sway[index].tolist()
        return (200 + x, 40 + y, 230 + x, 70 + y)

    found = [index for index, reason in looks(quiet(), 600, tree) if reason is Reason.UNEXPLAINED_MOTION]
    early, late = (np.count_nonzero([first <= index < first + 200 for index in found]) for first in (0, 400))
    assert early >= 5
    assert late <= early / 2


def test_a_dull_place_does_not_hide_what_drives_on() -> None:
    found = [index for index, reason in looks(quiet(), 70, driver) if reason is Reason.UNEXPLAINED_MOTION]
    assert len(found) >= 3  # it moves on out of the places at which it was not found


def test_the_lights_going_on_are_nobody() -> None:
    trigger = quiet()
    looks(trigger, 40, nobody)
    for index in range(40, 60):
        frame = Frame(picture(None, light=1.8), index, index / RATE_FPS)
        assert trigger.reason(frame, []) is None


@pytest.mark.parametrize("change", ["cut", "size"])
def test_what_cannot_be_compared_begins_anew(change: str) -> None:
    trigger = quiet()
    looks(trigger, 40, nobody)
    image = picture((100, 100, 180, 160))
    frame = Frame(image if change == "cut" else image[::2, ::2].copy(), 40, 2.0, cut=change == "cut")
    assert trigger.reason(frame, []) is None
    for index in range(41, 50):
        again = replace(frame, index=index, time_s=index / RATE_FPS, cut=False)
        assert trigger.reason(again, []) is None


def test_doubtful_looks_leave_the_cnn_its_rest() -> None:
    trigger = quiet(rest_s=0.5)
    found = [index for index, reason in looks(trigger, 75, driver) if reason is Reason.UNEXPLAINED_MOTION]
    assert min(np.diff([0, *found])) >= 10


@pytest.mark.parametrize(
    "options",
    [
        {"interval_s": -1.0},
        {"memory_s": 0.0},
        {"least_share": 0.0},
        {"least_share": 0.5},
        {"side_px": 8},
        {"contrast": 0.0},
        {"dull_s": (2.0, 1.0)},
    ],
)
def test_settings_with_which_nothing_can_be_seen(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Config(**options)  # type: ignore[arg-type]

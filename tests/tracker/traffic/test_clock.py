"""Intervals that begin at full quarters of an hour on the local clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Frame
from tracker.scene import Scene
from tracker.traffic.clock import Clock

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
BERLIN = ZoneInfo("Europe/Berlin")
PICTURE = np.zeros((2, 2, 3), np.uint8)


def test_without_a_clock_intervals_begin_with_the_video() -> None:
    clock = Clock()
    assert clock.interval(1000.0, 900) == (900.0, 1800.0)
    assert clock.text(5.0) == ""


def test_intervals_are_aligned_to_the_clock() -> None:
    clock = Clock(datetime(2026, 3, 2, 7, 40, tzinfo=SAO_PAULO))
    assert clock.interval(0.0, 900) == (-600.0, 300.0)
    assert clock.interval(300.0, 900) == (300.0, 1200.0)
    assert clock.text(-600.0) == "2026-03-02T07:30:00.000-03:00"


def test_the_scenes_zone_is_that_of_the_clock() -> None:
    scene = Scene(start=datetime(2026, 3, 2, 10, 40, tzinfo=UTC), time_zone="America/Sao_Paulo")
    clock = Clock.of(scene, Frame(PICTURE))
    assert clock.text(0.0) == "2026-03-02T07:40:00.000-03:00"


def test_a_cameras_own_clock_serves_where_the_scene_has_none() -> None:
    frame = Frame(PICTURE, time_s=10.0, wall_time=datetime(2026, 3, 2, 10, 0, 10, tzinfo=UTC))
    assert Clock.of(None, frame).text(0.0) == "2026-03-02T10:00:00.000+00:00"


def test_summer_time_ends_in_the_middle() -> None:
    """In Berlin 2026-10-25 has 25 hours: an interval of an hour stays one in seconds."""
    clock = Clock(datetime(2026, 10, 25, 0, 0, tzinfo=BERLIN))
    assert clock.interval(1.5 * 3600, 900) == (5400.0, 6300.0)
    assert clock.at(3.5 * 3600) == datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1)


@given(st.floats(-1e6, 1e6), st.sampled_from([60.0, 300.0, 900.0, 3600.0]), st.integers(0, 86400))
def test_every_moment_lies_in_its_interval(time_s: float, length_s: float, offset_s: int) -> None:
    start = datetime(2026, 3, 2, tzinfo=SAO_PAULO) + timedelta(seconds=offset_s)
    for clock in (Clock(), Clock(start)):
        begin, end = clock.interval(time_s, length_s)
        assert begin <= time_s + 1e-6
        assert time_s < end + 1e-6
        assert end - begin == pytest.approx(length_s)
        at = clock.at(begin)
        if at is not None:
            assert (at.hour * 3600 + at.minute * 60 + at.second) % length_s == 0


@given(st.floats(-1e5, 1e7) | st.integers(-5, 10**8).map(lambda ms: ms / 1000))
def test_the_text_is_that_of_the_moment(time_s: float) -> None:
    clock = Clock(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    moment = clock.at(time_s)
    assert moment is not None
    assert clock.text(time_s) == moment.isoformat(timespec="milliseconds")

"""The hub hears cameras, keeps what they said in bounded memory, and lets nobody wait for anybody."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import UnknownNameError, UsageError
from tracker.live.counting import Crossings, Growing
from tracker.live.messages import Happened, Record, ShownEvent, Watch

Live = Any  # conftest.Live: test files do not import one another
NOW = datetime(2026, 3, 2, 7, 30, 20, tzinfo=UTC)


def crossing_at(time: datetime, name: str = "North") -> ShownEvent:
    return ShownEvent(time, "crossing", name, "in", "car", 1, None, "detected")


def test_it_knows_what_a_camera_said(live: Live) -> None:
    live.open()
    view = live.hub.view("gate")
    assert view.hello is not None
    assert view.hello.source == "rtsp://camera/1"
    assert view.status is not None
    assert view.status.fps == 14.5
    assert view.cnn_runs == {"first_frame": 1, "low_confidence": 9}
    assert view.dropped == {"late": 15, "overtaken": 5}


def test_a_camera_begins_open_and_ends_gone(live: Live) -> None:
    camera = live.plug()
    assert live.hub.view("gate").state == "starting"
    camera.send(live.status())
    live.until(lambda: live.hub.view("gate").state == "open")
    camera.send(live.status("lost"))
    live.until(lambda: live.hub.view("gate").state == "lost")
    camera.die()
    live.until(lambda: live.hub.view("gate").state == "gone")
    assert not live.hub.send("gate", Record(True))


def test_totals_and_events_outlive_the_process(live: Live) -> None:
    first = live.open()
    first.send(Happened([live.crossing(), live.crossing(label="bus")]))
    live.until(lambda: live.hub.counts("gate").totals)
    first.die()
    live.until(lambda: live.hub.view("gate").state == "gone")
    again = live.open()
    again.send(Happened([live.crossing()]))
    ways = {("North", "in", "bus"): 1, ("North", "in", "car"): 2}
    live.until(lambda: live.hub.counts("gate").totals == ways)
    ids = [known.id for known in live.hub.events("gate", None, 10)]
    assert len(ids) == 3
    assert ids == sorted(set(ids))
    # the sums of the CNN's looks go on too, though the second process began at 0
    assert live.hub.view("gate").cnn_runs["low_confidence"] == 18


def test_the_last_words_of_a_replaced_process_change_nothing(live: Live) -> None:
    old = live.open()
    live.open()
    old.die()
    live.until(lambda: [thread.name for thread in threading.enumerate()].count("of gate") == 1)
    assert live.hub.view("gate").state == "open"


def test_events_are_a_ring_and_can_be_followed(live: Live) -> None:
    camera = live.open()
    other = live.open("ramp")
    camera.send(Happened([live.crossing() for _ in range(1500)]))
    live.until(lambda: sum(live.hub.counts("gate").totals.values()) == 1500)
    other.send(Happened([live.crossing("Ramp")]))
    live.until(lambda: live.hub.counts("ramp").totals)
    known = live.hub.events("gate", None, 5000)
    assert len(known) == 1000
    assert [x.id for x in live.hub.events("gate", known[-4].id, 2)] == [known[-3].id, known[-2].id]
    everywhere = live.hub.events(None, known[-2].id, 10)
    assert [x.camera for x in everywhere] == ["gate", "ramp"]


def test_only_crossings_are_counted(live: Live) -> None:
    camera = live.open()
    zone = ShownEvent(datetime.now(UTC), "zone", "Stop", "enter", "car", 1, None, "detected")
    camera.send(Happened([zone, live.crossing()]))
    live.until(lambda: len(live.hub.events("gate", None, 10)) == 2)
    assert sum(live.hub.counts("gate").totals.values()) == 1


def test_the_first_viewer_and_the_last_are_told_to_the_camera(live: Live) -> None:
    camera = live.open()

    async def watch() -> None:
        with live.hub.watching("gate"):
            with live.hub.watching("gate"):
                assert live.hub.view("gate").viewers == 2
            assert await asyncio.to_thread(camera.heard) == Watch(True)
            assert await asyncio.to_thread(camera.heard, 0.1) is None
        assert await asyncio.to_thread(camera.heard) == Watch(False)

    asyncio.run(watch())


def test_a_camera_that_comes_again_is_told_that_somebody_watches(live: Live) -> None:
    live.open()

    async def watch() -> None:
        with live.hub.watching("gate"):
            again = live.plug()
            assert await asyncio.to_thread(again.heard) == Watch(True)

    asyncio.run(watch())


def test_a_viewer_gets_the_newest_picture_and_skips_those_missed(live: Live) -> None:
    camera = live.open()

    async def watch() -> list[int]:
        with live.hub.watching("gate") as viewer:
            seen = []
            for burst in range(3):
                for number in range(burst * 10, burst * 10 + 10):
                    camera.picture(number)
                await asyncio.sleep(0.1)  # slow: ten came meanwhile
                picture = await viewer.picture(2)
                seen.append(picture.index)
            assert await viewer.picture(0.05) is None  # each is shown once
            return seen

    assert asyncio.run(watch()) == [9, 19, 29]


def test_a_slow_viewer_delays_nobody(live: Live) -> None:
    camera = live.open()

    async def watch() -> int:
        with live.hub.watching("gate"), live.hub.watching("gate") as quick:  # the first never looks
            for number in range(20):
                camera.picture(number)
                assert (await quick.picture(2)).index == number
        return 20

    assert asyncio.run(watch()) == 20


def test_an_old_picture_is_not_shown_to_who_comes_new(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = live.open()

    async def watch() -> None:
        with live.hub.watching("gate") as viewer:
            camera.picture(1)
            assert (await viewer.picture(2)).index == 1
        with live.hub.watching("gate") as viewer:  # at once: it is fresh
            assert (await viewer.picture(2)).index == 1
        monkeypatch.setattr("tracker.live.hub._FRESH_S", -1.0)
        with live.hub.watching("gate") as viewer:
            assert await viewer.picture(0.05) is None

    asyncio.run(watch())


def test_who_waits_is_woken_by_a_change_of_state_alone(live: Live) -> None:
    camera = live.open()

    async def wait() -> None:
        with live.hub.waiting() as waiter:
            camera.send(live.status())
            assert not await waiter.wait(0.1)
            camera.send(live.status("lost"))
            assert await waiter.wait(2)
            camera.die()
            assert await waiter.wait(2)

    asyncio.run(wait())


def test_closing_ends_viewers(live: Live) -> None:
    live.open()

    async def watch() -> object:
        with live.hub.watching("gate") as viewer:
            threading.Timer(0.05, live.hub.close).start()
            return await viewer.picture(5)

    assert asyncio.run(watch()) is None


def test_a_camera_that_does_not_read_holds_nobody_up(live: Live) -> None:
    live.open()
    assert live.hub.send("gate", Record(True))
    refused, end = 0, time.monotonic() + 20
    while refused < 50 and time.monotonic() < end:  # one alone may be the writer's, who has not run yet
        refused = 0 if live.hub.send("gate", Record(True)) else refused + 1
        time.sleep(0.001 if refused else 0)
    assert refused == 50  # it took nothing for long


def test_a_silent_camera_is_said(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live.open()
    monkeypatch.setattr("tracker.live.known._SILENT_S", 0.0)
    assert live.hub.view("gate").state == "silent"


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\\b", "x" * 81, "a\nb", " a"])
def test_a_name_must_fit_into_an_address(live: Live, name: str) -> None:
    with pytest.raises(UsageError):
        live.plug(name)


def test_an_unknown_camera_is_an_error(live: Live) -> None:
    live.open()
    with pytest.raises(UnknownNameError, match="gate"):
        live.hub.view("gaet")


def test_the_hour_counts_by_the_minute_and_forgets() -> None:
    crossings = Crossings()
    crossings.add(crossing_at(NOW - timedelta(minutes=2)), NOW)
    crossings.add(crossing_at(NOW), NOW)
    hour = crossings.hour(NOW)
    minutes = hour.crossings[("North", "in", "car")]
    assert (minutes[57], minutes[59], sum(minutes)) == (1, 1, 2)
    assert hour.begin_s % 60 == 0
    later = crossings.hour(NOW + timedelta(minutes=59))
    assert sum(sum(numbers) for numbers in later.crossings.values()) == 1
    crossings.add(crossing_at(NOW + timedelta(hours=3)), NOW + timedelta(hours=3))
    assert len(crossings._minutes) == 1
    assert sum(crossings.totals().values()) == 3


def test_a_camera_with_a_wrong_clock_is_counted_by_the_servers() -> None:
    crossings = Crossings()
    crossings.add(crossing_at(NOW - timedelta(hours=3)), NOW)
    crossings.add(crossing_at(NOW + timedelta(days=1)), NOW)
    assert crossings.hour(NOW).crossings[("North", "in", "car")][59] == 2


def test_the_share_of_a_minute_that_was_seen() -> None:
    crossings = Crossings()
    begin = NOW.replace(second=0)
    for second in range(181):  # lost during the second minute
        crossings.see(not 60 <= second < 120, begin + timedelta(seconds=second))
    seen = crossings.hour(begin + timedelta(seconds=180)).seen
    assert seen[55] == 0
    assert seen[56] == pytest.approx(1, abs=0.05)
    assert seen[57] == pytest.approx(0, abs=0.05)
    assert seen[58] == pytest.approx(1, abs=0.05)


def test_names_are_bounded() -> None:
    crossings = Crossings()
    for number in range(5000):
        crossings.add(crossing_at(NOW, f"Line {number}"), NOW)
    assert len(crossings.totals()) == 4096


@given(st.lists(st.lists(st.integers(0, 50), min_size=1), min_size=1))
def test_sums_never_fall_and_add_up_over_runs(runs: list[list[int]]) -> None:
    growing, told = Growing(), 0
    for run in runs:
        growing.restart()
        for number in sorted(run):
            growing.take({"late": number})
            assert growing.totals()["late"] >= told
            told = growing.totals()["late"]
    assert told == sum(max(run) for run in runs)


def test_a_number_that_fell_began_again() -> None:
    growing = Growing()
    for number in (5, 9, 2, 4):
        growing.take({"late": number})
    assert growing.totals() == {"late": 13}

"""Rows wait until it is known whether their track is real."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tracker.sinks._decided import Decided, Rows
from tracker.types import FrameResult, Track, TrackState

Make = Callable[..., Track]
Result = Callable[..., FrameResult]
TENTATIVE, REMOVED = TrackState.TENTATIVE, TrackState.REMOVED


def plain(ready: Iterator[Rows]) -> list[tuple[int, list[int]]]:
    return [(rows.frame_index, [track.id for track in rows.tracks]) for rows in ready]


def test_a_frame_without_tentative_tracks_leaves_at_once(make_track: Make, make_result: Result) -> None:
    held = Decided()
    assert plain(held.add(make_result(0))) == [(0, [])]
    assert plain(held.add(make_result(1, make_track(9), make_track(2)))) == [(1, [2, 9])]


def test_rows_of_a_track_that_is_confirmed_are_written_late(make_track: Make, make_result: Result) -> None:
    held = Decided()
    assert plain(held.add(make_result(0, make_track(1), make_track(2, TENTATIVE)))) == []
    assert plain(held.add(make_result(1, make_track(1), make_track(2, TENTATIVE)))) == []
    ready = plain(held.add(make_result(2, make_track(1), make_track(2))))
    assert ready == [(0, [1, 2]), (1, [1, 2]), (2, [1, 2])]


def test_rows_of_a_track_that_is_not_are_dropped(make_track: Make, make_result: Result) -> None:
    held = Decided()
    assert plain(held.add(make_result(0, make_track(1), make_track(2, TENTATIVE)))) == []
    assert plain(held.add(make_result(1, make_track(1), make_track(2, REMOVED)))) == [(0, [1]), (1, [1])]


def test_a_track_that_just_vanishes_is_dropped_too(make_track: Make, make_result: Result) -> None:
    held = Decided()
    assert plain(held.add(make_result(0, make_track(2, TENTATIVE)))) == []
    assert plain(held.add(make_result(1))) == [(0, []), (1, [])]


def test_a_later_tentative_track_holds_only_its_own_frames(make_track: Make, make_result: Result) -> None:
    held = Decided()
    assert plain(held.add(make_result(0, make_track(1, TENTATIVE)))) == []
    assert plain(held.add(make_result(1, make_track(1), make_track(2, TENTATIVE)))) == [(0, [1])]
    assert plain(held.add(make_result(2, make_track(1), make_track(2)))) == [(1, [1, 2]), (2, [1, 2])]


def test_what_is_never_decided_holds_rows_for_the_longest_time_only(
    make_track: Make, make_result: Result
) -> None:
    held = Decided(hold_s=2.0)
    tracks = (make_track(1), make_track(2, TENTATIVE))
    early = [plain(held.add(make_result(i, *tracks, time_s=i / 8))) for i in range(17)]
    assert not any(early)
    assert plain(held.add(make_result(17, *tracks, time_s=17 / 8))) == [(0, [1])]
    assert plain(held.flush())[0] == (1, [1])


def test_the_end_drops_what_was_never_confirmed(make_track: Make, make_result: Result) -> None:
    held = Decided()
    list(held.add(make_result(0, make_track(1, TENTATIVE), make_track(2, TrackState.COASTING))))
    assert plain(held.flush()) == [(0, [2])]
    assert plain(held.flush()) == []

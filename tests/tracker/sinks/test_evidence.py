"""``evidence/``: pictures of events that are over, under names that are safe whatever a line is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tracker.errors import SinkError
from tracker.sinks._evidence_name import EVIDENCE_NAME, evidence_name
from tracker.sinks._views import Views
from tracker.sinks.evidence import Config, EvidenceSink, build
from tracker.types import Event, FrameResult, Origin, RunInfo, Track, TrackState

Make = Callable[..., Track]
Result = Callable[..., FrameResult]
WORDS = st.text(st.characters(), max_size=60) | st.sampled_from(
    ["../../etc/passwd", "C:\\x", "\ud800", "", "CON"]
)
BLUE, GREEN = (255, 0, 0), (0, 255, 0)


def crossing(time_s: float = 1.0, track_id: int = 1, name: str = "north", kind: str = "crossing") -> Event:
    box = np.array([0, 0, 1, 1], np.float32)
    return Event(kind, time_s, round(25 * time_s), track_id, name, "in", 0, 1.0, Origin.DETECTED, box)


def painted(result: FrameResult, colour: tuple[int, int, int] = BLUE) -> FrameResult:
    """Paint every shown track's box."""
    image = result.frame.image.copy()
    for track in result.tracks:
        x1, y1, x2, y2 = (max(int(value), 0) for value in track.box)
        image[y1:y2, x1:x2] = colour
    return replace(result, frame=replace(result.frame, image=image))


def opened(folder: Path, run: RunInfo, **options: object) -> EvidenceSink:
    sink = build(Config(str(folder), **options))  # type: ignore[arg-type]
    sink.open(run)
    return sink


def picture(folder: Path) -> NDArray[np.uint8]:
    (path,) = folder.iterdir()
    image = cv2.imread(str(path))
    assert image is not None
    return np.asarray(image, np.uint8)


def test_a_vehicle_that_is_gone_is_shown_as_it_was_at_the_line(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    sink = opened(tmp_path, run_info)
    for index in range(40):
        track = make_track(1, box=(40 + 2 * index, 60, 80 + 2 * index, 90))
        colour = BLUE if index in range(23, 28) else GREEN  # blue at the event's second
        sink.write(painted(make_result(index, track, size=(200, 150)), colour))
    sink.write(make_result(45, size=(200, 150), events=(crossing(1.0),)))
    image = picture(tmp_path)
    assert image.shape[0] < 60
    assert image.shape[1] < 70
    middle = image[image.shape[0] // 2, image.shape[1] // 2]
    assert middle[0] > 200
    assert middle[1] < 60
    assert [path.name for path in tmp_path.iterdir()] == [evidence_name(crossing(1.0))]


def test_a_view_with_the_whole_vehicle_is_better_than_a_nearer_one_without(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    sink = opened(tmp_path, run_info, margin=0.0)
    sink.write(painted(make_result(0, make_track(1, box=(20, 10, 50, 40)), time_s=0.0)))
    sink.write(painted(make_result(5, make_track(1, box=(50, 10, 80, 40)), time_s=0.25), GREEN))
    sink.write(make_result(10, time_s=0.5, events=(crossing(0.25),)))
    assert picture(tmp_path)[20, 20, 0] > 150


def test_a_covered_vehicle_is_shown_before_it_was_covered(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    sink = opened(tmp_path, run_info, margin=0.0)
    one, over = make_track(1, box=(10, 10, 40, 40)), make_track(2, box=(8, 12, 42, 50))
    sink.write(painted(make_result(0, one, time_s=0.0)))
    sink.write(painted(make_result(8, one, over, time_s=0.3), GREEN))
    sink.write(make_result(9, one, time_s=0.35, events=(crossing(0.3),)))
    assert picture(tmp_path)[20, 20, 0] > 150


@pytest.mark.parametrize("kind", ["zone", "turn"])
def test_only_crossings_of_known_tracks_have_pictures(
    kind: str, tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    sink = opened(tmp_path, run_info)
    hidden = make_track(3, TrackState.TENTATIVE)
    events = (crossing(kind=kind), crossing(track_id=2), crossing(track_id=3))
    sink.write(make_result(0, make_track(1), hidden))
    sink.write(make_result(1, make_track(1), hidden, events=events))
    sink.close(True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("blur", [False, True])
def test_who_is_beside_the_vehicle_is_hidden_on_demand(
    blur: bool, tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    sink = opened(tmp_path, run_info, blur=blur, quality=100)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    result = make_result(0, make_track(1, box=(8, 20, 40, 40)), make_track(2, box=(30, 10, 44, 40), label=5))
    sink.write(replace(result, frame=replace(result.frame, image=noise)))
    sink.write(make_result(1, events=(crossing(0.0),)))
    person = picture(tmp_path)[:28, 30:43].astype(int)  # the picture begins 8 pixels above the box of the car
    assert (np.abs(np.diff(person, axis=1)).mean() < 10) == blur


def test_memory_is_bounded_however_many_there_are(make_track: Make, make_result: Result) -> None:
    views = Views(margin=0.5, side_px=200, most_bytes=400_000)
    tracks = [make_track(i, box=(10, 10, 150, 150)) for i in range(1, 31)]
    for index in range(200):
        views.add(make_result(index, size=(200, 200)).frame, tracks, ())
        assert views.held_bytes <= 400_000
    assert views.held_bytes > 100_000
    views.add(make_result(0, time_s=100.0).frame, [], ())
    assert views.held_bytes == 0


def test_large_vehicles_become_small_pictures(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    sink = opened(tmp_path, run_info, side_px=50)
    sink.write(make_result(0, make_track(1, box=(10, 10, 210, 110)), size=(300, 200)))
    sink.write(make_result(1, events=(crossing(0.0),)))
    assert max(picture(tmp_path).shape) == 50


def test_a_full_disk_is_one_line_and_leaves_no_half_picture(
    tmp_path: Path,
    run_info: RunInfo,
    make_track: Make,
    make_result: Result,
    small_disk: Callable[[int], None],
) -> None:
    sink = opened(tmp_path, run_info)
    sink.write(make_result(0, make_track(1)))
    small_disk(100)
    with pytest.raises(SinkError, match=r"cannot write .*\.jpg: File too large") as caught:
        sink.write(make_result(1, make_track(1), events=(crossing(0.0),)))
    assert "\n" not in str(caught.value)
    sink.close(False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_folder_should_be_is_said(tmp_path: Path, run_info: RunInfo) -> None:
    (tmp_path / "evidence").write_text("mine")
    with pytest.raises(SinkError, match="it is a file, not a folder"):
        opened(tmp_path / "evidence", run_info)
    assert (tmp_path / "evidence").read_text() == "mine"


@given(
    name=WORDS,
    direction=WORDS,
    time_s=st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 1e6),
    track_id=st.integers(0, 10**30),
)
@example(name="", direction="", time_s=-0.0, track_id=0)
@settings(max_examples=150, deadline=None)
def test_names_are_safe_and_short_whatever_a_line_is_called(
    name: str, direction: str, time_s: float, track_id: int
) -> None:
    event = replace(crossing(), name=name, direction=direction, time_s=time_s, track_id=track_id)
    file = evidence_name(event)
    assert EVIDENCE_NAME.fullmatch(file)
    assert len(file) <= 120
    assert Path("evidence", file).parent == Path("evidence")
    assert file == evidence_name(replace(event, label=3, class_score=0.1))


@given(names=st.lists(WORDS, min_size=2, max_size=8, unique=True))
@settings(max_examples=60, deadline=None)
def test_two_events_never_have_one_name(names: list[str]) -> None:
    events = [replace(crossing(), name=name) for name in names]
    events += [replace(event, track_id=2) for event in events] + [
        replace(event, time_s=1.0001) for event in events
    ]
    assert len({evidence_name(event).lower() for event in events}) == len(events)


def test_a_name_says_when_where_and_who() -> None:
    event = replace(crossing(83.48, 17, "Av. São João"), direction="norte → sul")
    assert evidence_name(event).startswith("000083.480s_av-sao-joao_norte-sul_17_")

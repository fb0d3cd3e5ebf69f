"""``tracks.csv``: columns, order, and what is in it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.errors import SinkError
from tracker.sinks.csv import COLUMNS, Config, CsvSink, build
from tracker.types import FrameResult, Origin, RunInfo, Track, TrackState

Make = Callable[..., Track]
Result = Callable[..., FrameResult]
Limit = Callable[[int], None]
RATE_FPS = 25.0


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_all(sink: CsvSink, frames: Iterable[FrameResult]) -> None:
    for result in frames:
        sink.write(result)


def test_a_row_has_these_columns_and_digits(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    sink = build(Config(str(tmp_path / "tracks.csv")))
    sink.open(run_info)
    track = make_track(7, TrackState.COASTING, Origin.PREDICTED, (1.0, 2.346, 30.5, 40.0), label=2)
    sink.write(make_result(12, track, time_s=0.48049))
    sink.close(True)
    assert (tmp_path / "tracks.csv").read_text().splitlines() == [
        "frame,time_s,track_id,class,score,x1,y1,x2,y2,origin,confidence",
        "12,0.480,7,truck,0.750,1.00,2.35,30.50,40.00,predicted,0.500",
    ]


def test_a_removed_track_has_no_row(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    sink = build(Config(str(tmp_path / "tracks.csv")))
    sink.open(run_info)
    sink.write(make_result(0, make_track(1)))
    sink.write(make_result(1, make_track(1, TrackState.REMOVED)))
    sink.close(True)
    assert [row["frame"] for row in read(tmp_path / "tracks.csv")] == ["0"]


def test_the_file_is_there_and_whole_while_the_run_goes_on(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    sink = build(Config(str(tmp_path / "tracks.csv")))
    sink.open(run_info)
    for index in range(3000):
        sink.write(make_result(index, make_track(1)))
        if index % 500 == 0:
            text = (tmp_path / "tracks.csv").read_text()
            assert text.startswith(",".join(COLUMNS))
            assert text.endswith("\n")
    assert len(read(tmp_path / "tracks.csv")) > 500
    sink.close(False)
    assert len(read(tmp_path / "tracks.csv")) == 3000


def test_what_fits_on_a_full_disk_stays_whole(
    tmp_path: Path,
    run_info: RunInfo,
    make_track: Make,
    make_result: Result,
    small_disk: Limit,
) -> None:
    sink = build(Config(str(tmp_path / "tracks.csv")))
    sink.open(run_info)
    small_disk(100_000)
    frames = (make_result(index, make_track(1)) for index in range(20_000))
    with pytest.raises(SinkError, match=r"cannot write .*tracks\.csv: File too large") as caught:
        write_all(sink, frames)
    sink.close(False)
    assert "\n" not in str(caught.value)
    text = (tmp_path / "tracks.csv").read_text()
    assert text.endswith("\n")
    rows = read(tmp_path / "tracks.csv")
    assert [int(row["frame"]) for row in rows] == list(range(len(rows)))
    assert len(rows) > 1000


lives = st.lists(
    st.tuples(
        st.integers(0, 20),  # first frame
        st.integers(0, 12),  # tentative frames
        st.integers(0, 12),  # frames after that
        st.booleans(),  # whether it is confirmed
        st.sampled_from(list(Origin)),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives=lives)
def test_rows_come_back_sorted_and_complete(
    tmp_path: Path,
    run_info: RunInfo,
    make_track: Make,
    make_result: Result,
    lives: list[tuple[int, int, int, bool, Origin]],
) -> None:
    frames: list[list[Track]] = [[] for _ in range(50)]
    expected = []
    for number, (first, tentative, after, confirmed, origin) in enumerate(lives, start=1):
        shown = after + 1 if confirmed else 0
        box = (float(number), 2.0, 30.0 + number, 20.0)
        states = [TrackState.TENTATIVE] * tentative + [TrackState.CONFIRMED] * shown + [TrackState.REMOVED]
        for step, state in enumerate(states):
            frames[first + step].append(make_track(number, state, origin, box, label=number % 6))
        if confirmed:
            expected += [(first + i, number, origin.value, box) for i in range(tentative + shown)]

    path = tmp_path / "tracks.csv"
    sink = build(Config(str(path)))
    sink.open(run_info)
    for index, tracks in enumerate(frames):
        sink.write(make_result(index, *tracks, time_s=index / RATE_FPS, size=(4, 4)))
    sink.close(True)

    rows = read(path)
    found = [
        (
            int(r["frame"]),
            int(r["track_id"]),
            r["origin"],
            tuple(float(r[k]) for k in ("x1", "y1", "x2", "y2")),
        )
        for r in rows
    ]
    assert found == sorted(expected)
    times = np.array([float(row["time_s"]) for row in rows])
    np.testing.assert_allclose(times, [row[0] / RATE_FPS for row in found], atol=5e-4)

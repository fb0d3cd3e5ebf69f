"""``tracks.parquet`` and ``events.parquet``: columns, types, row groups, and what a failure leaves."""

from __future__ import annotations

import csv
import dataclasses
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from detectors.errors import UsageError
from tracker.compose import build_sink
from tracker.errors import SinkError
from tracker.scene.model import Scene
from tracker.sinks import csv as tracks_csv
from tracker.sinks import events as events_csv
from tracker.types import Event, FrameResult, Origin, RunInfo, Track, TrackState

Make = Callable[..., Track]
Result = Callable[..., FrameResult]
START = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)


def crossing(track_id: int, time_s: float, **more: object) -> Event:
    box = np.array([1.0, 2.5, 21.0, 40.0], np.float32)
    event = Event(
        "crossing", time_s, 30, track_id, "north", "in", 1, 0.75, Origin.DETECTED, box, 51.5, headway_s=2.5
    )
    return dataclasses.replace(event, **more)  # type: ignore[arg-type]


def test_tracks_are_those_of_the_csv_with_types(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    sinks = [
        build_sink("parquet", {"path": str(tmp_path)}),
        build_sink("csv", {"path": str(tmp_path / "tracks.csv")}),
    ]
    states = [TrackState.TENTATIVE] * 3 + [TrackState.CONFIRMED] * 6 + [TrackState.REMOVED]
    for sink in sinks:
        sink.open(run_info)
        for index, state in enumerate(states):
            ghost = make_track(2, TrackState.TENTATIVE)
            sink.write(
                make_result(index, make_track(1, state, box=(index, 2.5, 30.25, 40.0), label=2), ghost)
            )
        sink.close(True)
    table = parquet.read_table(tmp_path / "tracks.parquet")
    assert tuple(table.column_names) == tracks_csv.COLUMNS
    assert dict(zip(table.column_names, table.schema.types, strict=True)) == {
        **{"frame": pa.int64(), "time_s": pa.float64(), "track_id": pa.int64(), "class": pa.string()},
        **{side: pa.float32() for side in ("score", "x1", "y1", "x2", "y2", "confidence")},
        "origin": pa.string(),
    }
    with (tmp_path / "tracks.csv").open(newline="") as file:
        expected = [
            {name: type(row[name])(text) for name, text in line.items()}
            for row, line in zip(table.to_pylist(), csv.DictReader(file), strict=True)
        ]
    assert table.to_pylist() == expected
    assert len(expected) == 9


def test_events_are_those_of_the_csv_with_types(
    tmp_path: Path, run_info: RunInfo, make_result: Result
) -> None:
    sink = build_sink("parquet", {"path": str(tmp_path), "evidence": "shots"})
    sink.open(dataclasses.replace(run_info, scene=Scene(start=START)))
    sink.write(make_result(31, events=(crossing(4, 1.2), crossing(5, 1.3, kind="zone", speed_kmh=None))))
    sink.close(True)
    table = parquet.read_table(tmp_path / "events.parquet")
    assert tuple(table.column_names) == events_csv.COLUMNS
    first, second = table.to_pylist()
    assert first.pop("evidence").startswith("shots/000001.200s_north_in_4_")
    assert first == {
        **{"time_s": 1.2, "clock": START + timedelta(seconds=1.2), "frame": 30, "kind": "crossing"},
        **{"name": "north", "direction": "in", "track_id": 4, "class": "bus", "class_score": 0.75},
        **{
            "speed_kmh": 51.5,
            "speed_error_kmh": None,
            "dwell_s": None,
            "headway_s": 2.5,
            "origin": "detected",
        },
        **{"x1": 1.0, "y1": 2.5, "x2": 21.0, "y2": 40.0},
    }
    assert (second["speed_kmh"], second["evidence"]) == (None, None)


def test_row_groups_are_written_while_the_run_goes_on(
    tmp_path: Path, run_info: RunInfo, make_track: Make, make_result: Result
) -> None:
    sink = build_sink("parquet", {"path": str(tmp_path)})
    sink.open(run_info)
    tracks = [make_track(number) for number in range(1, 1001)]
    for index in range(45):
        sink.write(make_result(index, *tracks))
    assert (tmp_path / "tracks.parquet.part").stat().st_size > 1000
    assert not (tmp_path / "tracks.parquet").exists()
    sink.close(False)
    file = parquet.ParquetFile(tmp_path / "tracks.parquet")
    assert file.metadata.num_rows == 45_000
    assert file.metadata.num_row_groups == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.parquet", "tracks.parquet"]


def test_a_full_disk_leaves_no_file_that_cannot_be_read(
    tmp_path: Path,
    run_info: RunInfo,
    make_track: Make,
    make_result: Result,
    small_disk: Callable[[int], None],
) -> None:
    sink = build_sink("parquet", {"path": str(tmp_path)})
    sink.open(run_info)
    small_disk(20_000)
    random = np.random.default_rng(0).uniform(0, 64, (100, 4)).astype(np.float32)
    tracks = [make_track(number, box=tuple(box)) for number, box in enumerate(random, 1)]

    def write() -> None:
        for index in range(1000):
            sink.write(make_result(index, *tracks))

    with pytest.raises(SinkError, match=r"cannot write .*tracks\.parquet: File too large") as caught:
        write()
    assert "\n" not in str(caught.value)
    sink.close(False)
    assert [path.name for path in tmp_path.iterdir()] == ["events.parquet"]
    assert parquet.read_table(tmp_path / "events.parquet").num_rows == 0


def test_without_pyarrow_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # for Python the same as if it were not there
    with pytest.raises(UsageError, match=r"need pyarrow: pip install 'pyarrow>=") as caught:
        build_sink("parquet", {})
    assert "\n" not in str(caught.value)


def test_without_psycopg_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UsageError, match=r"PostgreSQL needs psycopg: pip install 'psycopg\[binary\]>="):
        build_sink("database", {"url": "postgresql://host/traffic"})


def test_nobody_else_pays_for_these_libraries() -> None:
    code = (
        "import sys; from tracker.cli.app import run_app; run_app(['--help']);"
        "from tracker.compose import build_sink; from tracker.compose.registries import SINKS;"
        "SINKS.names(); build_sink('csv', {});"
        "found = {'sqlalchemy', 'alembic', 'psycopg', 'pyarrow'} & sys.modules.keys();"
        "sys.exit(' '.join(sorted(found)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

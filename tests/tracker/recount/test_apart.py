"""Sinks in a process of their own write what they would write here, and fail as they would here."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tracker import recount as package
from tracker.compose import build_sink
from tracker.errors import ResultError, SinkError
from tracker.protocols import Sink
from tracker.recount import _ahead, recount
from tracker.scene import Calibration, Gate, Line, PlanePoint, Scene, Zone

CORNERS = ((0.0, 0.0), (160.0, 0.0), (160.0, 120.0), (0.0, 120.0))
SCENE = Scene(
    size=(160, 120),
    lines=(Line("middle", ((80.0, 0.0), (80.0, 119.0)), ("left", "right")),),
    zones=(Zone("all", ((40.0, 0.0), (120.0, 0.0), (120.0, 119.0), (40.0, 119.0))),),
    gates=(Gate("w", ((30.0, 0.0), (30.0, 119.0))), Gate("e", ((130.0, 0.0), (130.0, 119.0)))),
    calibration=Calibration(points=tuple(PlanePoint((x, y), (x / 4, y / 4)) for x, y in CORNERS)),
)
ROW = "{0},{1:.3f},{2},car,0.9,{3},50,{4},70,detected,0.9\n"
FILES = ("events", "counts", "zones", "turns")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(package, "_LARGE_BYTES", 0)
    about = {
        "source": {"name": "x.mp4", "width": 160, "height": 120},
        "class_names": ["car", "bus", "person"],
    }
    (tmp_path / "run.json").write_text(json.dumps({**about, "seen_s": [[0.0, 60.0]]}))
    # three vehicles, one behind the other, 60 px a second
    places = [(i, n, 4 * (i - 10 * n)) for i in range(60) for n in (1, 2, 3) if 10 * n <= i < 10 * n + 38]
    rows = (ROW.format(i, i / 15, n, x - 15, x + 15) for i, n, x in places)
    head = "frame,time_s,track_id,class,score,x1,y1,x2,y2,origin,confidence\n"
    (tmp_path / "tracks.csv").write_text(head + "".join(rows))
    return tmp_path


def tables(folder: Path, out: Path) -> dict[str, bytes]:
    out.mkdir()
    sinks = [build_sink(name, {"path": str(out / f"{name}.csv")}) for name in FILES]
    assert list(recount(folder, SCENE, [*sinks, database_of(out)]))
    assert completed(out) == [1]
    return {name: (out / f"{name}.csv").read_bytes() for name in FILES}


def test_the_same_files(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apart = tables(folder, tmp_path / "apart")
    monkeypatch.setattr(package, "_LARGE_BYTES", 1 << 40)
    assert apart == tables(folder, tmp_path / "here")
    crossings = [line.split(b",") for line in apart["events"].splitlines() if b"crossing" in line]
    assert [float(row[9]) for row in crossings] == [pytest.approx(54.0, abs=0.05)] * 3  # 60 px, 15 m a second
    assert all(len(content.splitlines()) > 1 for content in apart.values())


def database_of(out: Path) -> Sink:
    return build_sink("database", {"url": str(out / "traffic.db")})


def completed(out: Path) -> list[int]:
    with closing(sqlite3.connect(out / "traffic.db")) as connection:
        return [row[0] for row in connection.execute("SELECT completed FROM runs")]


def test_a_sink_that_cannot_be_opened(folder: Path) -> None:
    with pytest.raises(SinkError, match=r"tracks\.csv"):
        list(recount(folder, SCENE, [build_sink("events", {"path": str(folder / "tracks.csv" / "x.csv")})]))
    assert not multiprocessing.active_children()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_sink_that_fails_and_one_before_it(folder: Path) -> None:
    with pytest.raises(SinkError, match="No space left"):
        list(recount(folder, SCENE, [database_of(folder), build_sink("events", {"path": "/dev/full"})]))
    assert completed(folder) == [0]


def test_a_process_that_dies(folder: Path) -> None:
    results = recount(folder, SCENE, [database_of(folder)])
    next(results)
    # begun first: the one that writes, then the one that reads
    writer, _ = sorted(multiprocessing.active_children(), key=lambda child: child.pid or 0)
    assert writer.pid
    os.kill(writer.pid, signal.SIGKILL)
    with pytest.raises(SinkError, match="the process that writes the results has died"):
        list(results)
    assert completed(folder) == [0]


def test_a_reader_that_dies(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ahead, "_next", os.abort)
    with pytest.raises(ResultError, match=r"the process that reads .*tracks\.csv has died"):
        list(recount(folder, SCENE, [database_of(folder)]))
    assert completed(folder) == [0]


def test_who_stops_early_loses_nothing(folder: Path) -> None:
    sinks = [build_sink("events", {"path": str(folder / "events.csv")}), database_of(folder)]
    results = recount(folder, SCENE, sinks)
    event = next(event for result in results for event in result.events)
    results.close()  # type: ignore[attr-defined]
    assert completed(folder) == [0]
    assert (folder / "events.csv").read_text().splitlines()[1].startswith(f"{event.time_s:.3f},")

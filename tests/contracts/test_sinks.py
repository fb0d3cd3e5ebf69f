"""What every sink promises, whichever is in the folder."""

from __future__ import annotations

import contextlib
import csv
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest
from pyarrow import parquet

from detectors import Frame
from detectors.errors import UsageError
from detectors.registry import Registry
from tracker.errors import NoDisplayError, SinkError
from tracker.protocols import Sink
from tracker.scene import Gate, Line, Scene, Zone, read_scene
from tracker.types import FrameResult, Origin, Reason, RunInfo, SourceInfo, Track, TrackState

REGISTRY = Registry("tracker.sinks", "sink")
FRAMES = 12


def read_csv(path: Path) -> int:
    with path.open(newline="") as file:
        return len({row["frame"] for row in csv.DictReader(file)})


def read_mot(path: Path) -> int:
    return len({line.split(",")[0] for line in path.read_text().splitlines() if line.count(",") == 9})


def read_video(path: Path) -> int:
    with av.open(str(path)) as file:
        return sum(1 for _ in file.decode(video=0))


def read_recording(path: Path) -> int:
    return sum(read_video(part) for part in path.glob("annotated-*.mp4"))


def read_run(path: Path) -> int:
    return int(json.loads(path.read_text())["frames"])


def read_database(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT frames FROM runs").fetchone()[0])


def read_parquet(path: Path) -> int:
    return len(set(parquet.read_table(path / "tracks.parquet")["frame"].to_pylist()))


# How many frames are in the file of each sink that writes one; a new sink must be added here.
READERS: dict[str, Callable[[Path], int]] = {
    "csv": read_csv,
    "mot": read_mot,
    "video": read_video,
    "recording": read_recording,
    "run_json": read_run,
    "database": read_database,
    "parquet": read_parquet,
}
WITHOUT_FILE = {"window"}
#: They write what happens in a scene: tests/tracker/cli/test_scene.py has what is in them.
SCENES = {"counts", "events", "scene", "turns", "zones"}
#: It has a row a look: tests/tracker/sinks/test_looks.py.
LOOKS = {"looks"}
# Their pictures are not one a frame: what is in them is tried beside the other tests of these sinks.
PICTURES = {"background", "evidence"}
#: What is given to these is the folder of their files.
FOLDERS = {"parquet", "recording"}
#: The option that says where, if it is not the path.
PLACES = {"database": "url"}


def run_info() -> RunInfo:
    source = SourceInfo("road.mp4", 64, 64, 25.0, duration_s=FRAMES / 25)
    line, zone = Line("line", ((0, 30), (60, 30))), Zone("zone", ((0, 0), (60, 0), (60, 60)))
    scene = Scene((64, 64), (line,), (zone,), (Gate("gate", ((0, 9), (9, 9))),))
    return RunInfo(source, ("car", "bus"), {}, datetime(2026, 1, 1, tzinfo=UTC), scene=scene)


def results() -> list[FrameResult]:
    """A track that is tentative for two frames, then confirmed, coasts, and ends on the last frame."""
    states = [TrackState.TENTATIVE] * 2 + [TrackState.CONFIRMED] * 8 + [TrackState.COASTING]
    return [result(index, state) for index, state in enumerate([*states, TrackState.REMOVED])]


def result(index: int, state: TrackState) -> FrameResult:
    image = np.full((64, 64, 3), 10 * index, np.uint8)
    box = np.array([2 * index, 20, 2 * index + 20, 40], np.float32)
    looked = index % 4 == 0
    origin = Origin.DETECTED if looked else Origin.PROPAGATED
    zero, votes = np.zeros(2, np.float32), np.ones(2, np.float32)
    track = Track(1, box, zero, 0, 0.9, votes, state, origin, 0.8, 0.0, index / 25, 0.0)
    return FrameResult(Frame(image, index, index / 25), Reason.INTERVAL if looked else None, None, (track,))


@pytest.fixture(params=sorted(READERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=sorted(READERS.keys() | PICTURES | SCENES | LOOKS))
def writer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def build(name: str, path: Path) -> Sink:
    sink = REGISTRY.build(name, {PLACES.get(name, "path"): str(path)})
    assert isinstance(sink, Sink)
    return sink


def content(path: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in (path, *path.rglob("*")) if file.is_file()}


def test_every_sink_is_tried_here() -> None:
    assert set(REGISTRY.names()) == READERS.keys() | WITHOUT_FILE | PICTURES | SCENES | LOOKS


def test_a_run_leaves_its_file_and_nothing_else(name: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / f"result.{name}"
    sink = build(name, path)
    sink.open(run_info())
    for one in results():
        sink.write(one)
    sink.close(True)
    assert list(path.parent.iterdir()) == [path]
    assert list(path.parent.rglob("*.part")) == []
    expected = FRAMES if name in ("video", "recording", "run_json", "database") else FRAMES - 1
    assert READERS[name](path) == expected


@pytest.mark.parametrize("completed", [True, False])
@pytest.mark.parametrize("of_scene", sorted(SCENES))
def test_a_table_of_a_scene_has_its_header_and_whole_lines(
    of_scene: str, completed: bool, tmp_path: Path
) -> None:
    path = tmp_path / "new" / of_scene
    sink = build(of_scene, path)
    sink.open(run_info())
    assert path.read_text().endswith("\n")  # from the start
    for one in results():
        sink.write(one)
    sink.close(completed)
    sink.close(completed)
    assert list(path.parent.iterdir()) == [path]
    if of_scene == "scene":
        assert read_scene(path) == run_info().scene
    else:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == {"counts": 4, "zones": 1}.get(of_scene, 0)


def test_a_broken_off_run_leaves_a_valid_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"result.{name}"
    sink = build(name, path)
    sink.open(run_info())
    for one in results()[:5]:
        sink.write(one)
    sink.close(False)
    assert list(tmp_path.iterdir()) == [path]
    assert READERS[name](path) == 5


def test_results_and_their_pictures_stay_as_they_are(writer: str, tmp_path: Path) -> None:
    sink = build(writer, tmp_path / f"result.{writer}")
    sink.open(run_info())
    given = results()
    for one in given:
        sink.write(one)
    sink.close(True)
    for index, one in enumerate(given):
        assert (one.frame.image == 10 * index).all()
        assert one.tracks[0].box.tolist() == [2 * index, 20, 2 * index + 20, 40]


def test_a_run_without_frames_leaves_no_broken_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"result.{name}"
    sink = build(name, path)
    sink.open(run_info())
    sink.close(True)
    assert list(tmp_path.rglob("*.part")) == []
    assert not path.exists() or READERS[name](path) == 0


def test_closing_twice_or_without_opening_is_harmless(name: str, tmp_path: Path) -> None:
    build(name, tmp_path / "never").close(False)
    assert list(tmp_path.iterdir()) == []
    sink = build(name, tmp_path / f"result.{name}")
    sink.open(run_info())
    sink.write(results()[5])
    sink.close(True)
    before = content(tmp_path / f"result.{name}")
    sink.close(True)
    sink.close(False)
    assert content(tmp_path / f"result.{name}") == before


def test_a_folder_that_cannot_be_made_is_said_in_one_line(writer: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for path in (
        tmp_path / "file" / "result",
        tmp_path / "file" / "deeper" / "result",
        Path("/proc/none/result"),
    ):
        sink = build(writer, path)
        with pytest.raises(SinkError, match=f"cannot write {path}") as caught:
            sink.open(run_info())
        assert "\n" not in str(caught.value)
        sink.close(False)
    assert (tmp_path / "file").read_text() == "not a folder"


# the parts of a recording get names that are free
@pytest.mark.parametrize("named", sorted(READERS.keys() - {"recording"}))
def test_a_path_that_is_a_folder_is_said_in_one_line(named: str, tmp_path: Path) -> None:
    path = tmp_path / "tracks.parquet" if named in FOLDERS else tmp_path
    path.mkdir(exist_ok=True)
    sink = build(named, tmp_path)
    with pytest.raises(SinkError, match="it is a folder"):
        sink.open(run_info())
    sink.close(False)


def test_a_folder_without_permission_is_said_in_one_line(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    probe = folder / "probe"
    try:
        probe.touch()
    except PermissionError:
        with pytest.raises(SinkError, match="Permission denied; choose a folder"):
            build(name, folder / "result").open(run_info())
    else:  # root may write anywhere: then the sink may too
        probe.unlink()
        sink = build(name, folder / "result")
        sink.open(run_info())
        sink.close(True)


def test_an_older_file_is_replaced(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"result.{name}"
    if name in FOLDERS:
        path.mkdir()
    (path / "tracks.parquet" if name in FOLDERS else path).write_text("older\n" * 1000)
    sink = build(name, path)
    if name == "database":  # it would be somebody's, under a name that was mistaken
        with pytest.raises(SinkError, match=f"cannot write {path}: file is not a database; name another"):
            sink.open(run_info())
        sink.close(False)
        assert path.read_text() == "older\n" * 1000
        return
    sink.open(run_info())
    sink.write(results()[5])
    sink.close(True)
    assert READERS[name](path) == 1


@pytest.mark.parametrize("name", sorted(WITHOUT_FILE))
def test_a_window_needs_a_display(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    sink = REGISTRY.build(name)
    assert isinstance(sink, Sink)
    with pytest.raises(NoDisplayError):
        sink.open(run_info())
    sink.close(False)
    sink.close(False)


@pytest.mark.parametrize(
    ("owner", "option", "values"),
    [
        ("csv", "hold_s", ("-1", "inf", "nan")),
        ("mot", "hold_s", ("-1", "inf", "nan")),
        ("parquet", "hold_s", ("-1", "inf", "nan")),
        ("database", "wait_s", ("-1", "inf", "nan")),
        ("video", "trail_s", ("-1", "inf", "nan")),
        ("video", "queue_frames", ("0", "-3")),
        ("window", "title", ("",)),
        ("evidence", "margin", ("-1", "3", "nan")),
        ("evidence", "side_px", ("0", "100000")),
        ("evidence", "quality", ("0", "101")),
        ("evidence", "memory_mb", ("0", "inf")),
        ("background", "samples", ("1", "1000")),
        ("background", "step_s", ("0", "inf", "nan")),
    ],
)
def test_settings_out_of_range_are_usage_errors(owner: str, option: str, values: tuple[str, ...]) -> None:
    for value in values:
        with pytest.raises(UsageError, match=f"sink {owner}: {option}"):
            REGISTRY.config(owner, {option: value})


@pytest.mark.parametrize(
    ("owner", "options"),
    [("csv", {"hold_s": 0}), ("mot", {"hold_s": 0}), ("video", {"trail_s": 0, "queue_frames": 1})],
)
def test_settings_at_the_end_of_their_range_work(
    owner: str, options: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "result"
    sink = REGISTRY.build(owner, {**options, "path": str(path)})
    sink.open(run_info())
    for one in results():
        sink.write(one)
    sink.close(True)
    assert READERS[owner](path) > 0

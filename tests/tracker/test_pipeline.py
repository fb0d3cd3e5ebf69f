"""The loop: cuts, beginnings anew, and sinks that are closed whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from detectors.errors import UsageError
from tracker import open_pipeline
from tracker.compose import build_sink
from tracker.errors import SinkError, SourceError
from tracker.pipeline import record
from tracker.protocols import Sink
from tracker.types import FrameResult, Reason, RunInfo, SourceInfo, TrackState

INFO = RunInfo(SourceInfo("road.mp4", 160, 120, 25.0), ("car",), {}, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def two_shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 20 frames of one street, then 20 of another, a vehicle at the same place in both."""
    path = tmp_path_factory.mktemp("shots") / "shots.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "14", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for index in range(40):
            coarse = np.random.default_rng(index // 20).integers(0, 255, (6, 8, 3), dtype=np.uint8)
            image = cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC)
            image[40:70, 50:100] = (40, 200, 240) if index < 20 else (200, 40, 40)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        file.mux(stream.encode(None))
    rows = "".join(f"{frame},-1,50,40,50,30,0.9\n" for frame in range(1, 41))
    path.with_suffix(".txt").write_text(rows)
    return path


@pytest.mark.parametrize("associate", ["two_stage", "iou", "centroid"])
@pytest.mark.parametrize("trigger", ["confidence", "always", "interval"])
@pytest.mark.parametrize("propagate", ["dlib", "kalman"])
def test_tracks_end_at_a_cut_and_do_not_jump(
    two_shots: Path, propagate: str, trigger: str, associate: str
) -> None:
    boxes = f"replay:{two_shots.with_suffix('.txt')}"
    chosen = {"propagate": propagate, "trigger": trigger, "associate": associate}
    with open_pipeline(two_shots, detector=boxes, **chosen) as pipeline:
        results = list(pipeline.run())
    assert [result.frame.index for result in results if result.frame.cut] == [20]
    before = {track.id for result in results[:20] for track in result.tracks}
    ended = {track.id for track in results[20].tracks if track.state is TrackState.REMOVED}
    after = {track.id for result in results[21:] for track in result.tracks}
    assert before
    assert after
    assert ended == {track.id for track in results[19].tracks}
    assert not before & after
    if trigger == "confidence":
        assert results[20].reason is Reason.CUT


class _Notebook:
    """A sink that writes down what it is told; it may fail where it is asked to."""

    def __init__(self, fails_at: str = "") -> None:
        self.fails_at = fails_at
        self.told: list[str] = []

    def _note(self, what: str) -> None:
        self.told.append(what)
        if what.partition(" ")[0] == self.fails_at:
            raise SinkError(f"{what} failed")

    def open(self, run: RunInfo) -> None:
        self._note("open")

    def write(self, result: FrameResult) -> None:
        self._note("write")

    def close(self, completed: bool) -> None:
        self._note(f"close {completed}")


@pytest.fixture
def some(tiny_video: Path, tiny_boxes: Path) -> Iterator[FrameResult]:
    with open_pipeline(tiny_video, detector=f"replay:{tiny_boxes}", propagate="kalman") as pipeline:
        yield iter(list(pipeline.run())[:3])


def test_a_notebook_is_a_sink() -> None:
    assert isinstance(_Notebook(), Sink)


def test_every_sink_gets_every_result(some: Iterator[FrameResult]) -> None:
    sinks = [_Notebook(), _Notebook()]
    assert len(list(record(some, sinks, INFO))) == 3
    assert [sink.told for sink in sinks] == [["open", *["write"] * 3, "close True"]] * 2


def test_a_sink_that_cannot_be_opened_stops_the_run(some: Iterator[FrameResult]) -> None:
    sinks = [_Notebook(), _Notebook("open"), _Notebook()]
    with pytest.raises(SinkError, match="open failed"):
        list(record(some, sinks, INFO))
    assert [sink.told for sink in sinks] == [["open", "close False"], ["open", "close False"], []]


def test_a_sink_that_cannot_write_stops_the_run(some: Iterator[FrameResult]) -> None:
    sinks = [_Notebook(), _Notebook("write"), _Notebook("close")]
    with pytest.raises(SinkError, match="write failed"):  # the first failure, not that of closing
        list(record(some, sinks, INFO))
    assert [sink.told[-1] for sink in sinks] == ["close False"] * 3


def test_a_sink_that_cannot_be_closed_makes_the_run_incomplete(some: Iterator[FrameResult]) -> None:
    sinks = [_Notebook("close"), _Notebook()]
    with pytest.raises(SinkError, match="close True failed"):
        list(record(some, sinks, INFO))
    assert sinks[1].told[-1] == "close False"


def test_a_consumer_that_stops_early_breaks_the_run_off(some: Iterator[FrameResult]) -> None:
    sink = _Notebook()
    results = record(some, [sink], INFO)
    next(results)
    results.close()
    assert sink.told == ["open", "write", "close False"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SourceError("line is down")])
def test_an_error_in_the_middle_breaks_the_run_off(
    some: Iterator[FrameResult], error: BaseException | type[BaseException], tmp_path: Path
) -> None:
    def broken() -> Iterator[FrameResult]:
        yield next(some)
        raise error

    sinks: list[Sink] = [
        build_sink("csv", {"path": str(tmp_path / "tracks.csv")}),
        build_sink("run_json", {"path": str(tmp_path / "run.json")}),
    ]
    with pytest.raises(error if isinstance(error, type) else type(error)):
        list(record(broken(), sinks, INFO))
    assert '"completed": false' in (tmp_path / "run.json").read_text()
    assert not list(tmp_path.glob("*.part"))


def test_a_pipeline_runs_once(tiny_video: Path, tiny_boxes: Path) -> None:
    """Its parts remember the first run: the second would begin with old tracks and without a look."""
    pipeline = open_pipeline(tiny_video, detector=f"replay:{tiny_boxes}", propagate="kalman")
    with pipeline:
        assert sum(1 for _ in pipeline.run()) == 50
    with pipeline, pytest.raises(UsageError, match="once"):
        next(iter(pipeline.run()))

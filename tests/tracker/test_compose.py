"""From settings to a pipeline, through ``open_pipeline`` as a library user has it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors import Detections, Frame, load_detector
from detectors.errors import UnknownNameError, UsageError
from detectors.zoo._weights import Description, build_network, save_weights
from tracker import open_pipeline
from tracker.compose import (
    budget_of,
    build_detector,
    build_pipeline,
    options_in_force,
    run_info,
    wanted_classes,
)
from tracker.compose.checks import check_settings
from tracker.config import Settings, read_settings
from tracker.protocols import FrameSource
from tracker.types import Event, FrameResult, Origin, Reason


def test_five_lines_are_enough(tiny_video: Path, tiny_boxes: Path) -> None:
    with open_pipeline(tiny_video, detector=f"replay:{tiny_boxes}") as pipeline:
        results = list(pipeline.run())
    assert [result.frame.index for result in results] == list(range(50))
    assert results[0].reason is Reason.FIRST_FRAME
    assert {track.id for result in results for track in result.tracks if track.shown} == {1, 2, 3}


def test_none_means_not_looked_and_propagated_tracks_move(tiny_video: Path, tiny_boxes: Path) -> None:
    with open_pipeline(str(tiny_video), detector=f"replay:{tiny_boxes}", propagate="kalman") as pipeline:
        results = list(pipeline.run())
    for result in results:
        assert (result.reason is None) == (result.detections is None)
        looked = {track.origin for track in result.tracks} == {Origin.DETECTED}
        assert looked == (result.reason is not None)
    carried = [r.tracks[0].box for r in results if r.reason is None]
    assert carried[-1][0] - carried[0][0] > 50


def test_stages_are_timed(tiny_video: Path, tiny_boxes: Path) -> None:
    with open_pipeline(tiny_video, detector=f"replay:{tiny_boxes}", propagate="kalman") as pipeline:
        first, second, *_ = pipeline.run()
    assert {"read", "trigger", "detect", "associate"} <= set(first.stage_s)
    assert "propagate" in second.stage_s
    assert all(seconds >= 0 for seconds in second.stage_s.values())


class _Counting:
    """An observer as a user might write one."""

    def observe(self, result: FrameResult) -> list[Event]:
        place = result.frame
        return [
            Event("seen", place.time_s, place.index, t.id, "all", "", 0, 1.0, t.origin, t.box)
            for t in result.tracks
        ]

    def finish(self) -> list[Event]:
        box = np.zeros(4, np.float32)
        return [Event("over", 0.0, 0, 1, "all", "", 0, 1.0, Origin.PREDICTED, box)]


def test_observers_report_with_the_frame(tiny_video: Path, tiny_boxes: Path) -> None:
    with open_pipeline(
        tiny_video, [_Counting()], detector=f"replay:{tiny_boxes}", propagate="kalman"
    ) as pipeline:
        results = list(pipeline.run())
    for result in results:
        seen = [event for event in result.events if event.kind == "seen"]
        assert [event.track_id for event in seen] == [track.id for track in result.tracks]
        assert "observe" in result.stage_s
    over = [result.frame.index for result in results for event in result.events if event.kind == "over"]
    assert over == [results[-1].frame.index]


def test_settings_are_checked_like_those_of_a_file(tiny_video: Path, tiny_boxes: Path) -> None:
    boxes = f"replay:{tiny_boxes}"
    with pytest.raises(UnknownNameError, match="did you mean detector"):
        open_pipeline(tiny_video, detecter=boxes)
    with pytest.raises(UnknownNameError, match="did you mean kalman"):
        open_pipeline(tiny_video, detector=boxes, propagate="kalmn")
    with pytest.raises(UsageError, match="--trigger always"):
        open_pipeline(tiny_video, detector=boxes, propagate="none")
    with pytest.raises(UnknownNameError, match="person"):
        open_pipeline(tiny_video, detector=boxes, classes="car,bus")
    with pytest.raises(UsageError, match="no video"):
        open_pipeline("", detector=boxes)


def test_wrong_names_are_told_before_a_detector_is_loaded(tiny_video: Path) -> None:
    with pytest.raises(UnknownNameError, match="propagator"):
        open_pipeline(tiny_video, detector="gone.pt", propagate="dlip")


def test_options_reach_their_component(tiny_video: Path, tiny_boxes: Path) -> None:
    settings = Settings(detector=f"replay:{tiny_boxes}", score=0.95)
    settings = settings.with_option("detector", "replay", "class_name", "car")
    detector = build_detector(settings)
    assert detector.class_names == ("car",)
    settings = settings.changed(score=None, video=str(tiny_video), trigger="interval", propagate="kalman")
    with open_pipeline(settings.with_option("trigger", "interval", "interval_s", 1.0)) as pipeline:
        looks = [result.frame.index for result in pipeline.run() if result.reason]
    assert looks == [0, 25]


def test_appearance_without_embeddings_is_refused(tiny_video: Path, tiny_boxes: Path) -> None:
    settings = Settings(video=str(tiny_video), detector=f"replay:{tiny_boxes}")
    with pytest.raises(UsageError, match=r"detector\.replay\.embeddings=true"):
        open_pipeline(settings.with_option("associate", "two_stage", "appearance", 0.7))


class _Twofold:
    """Knows a vehicle and half of another at the border of whatever part it looks at; notes the parts."""

    class_names = ("car",)

    def __init__(self) -> None:
        self.parts: list[list[float] | None] = []

    def _answer(self, *boxes: list[float]) -> Detections:
        number = len(boxes)
        return Detections(
            np.array(boxes, np.float32), np.full(number, 0.9, np.float32), np.zeros(number, np.int64)
        )

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        self.parts += [None] * len(frames)
        return [self._answer([20, 20, 50, 40]) for _ in frames]

    def detect_within(
        self, frame: Frame, region: NDArray[np.float32]
    ) -> tuple[Detections, NDArray[np.float32] | None]:
        x2, y2 = region[2:].tolist()
        self.parts.append(region.tolist())
        return self._answer([20, 20, 50, 40], [x2 - 20, y2 - 30, x2, y2 - 10]), region


@pytest.mark.parametrize(("budget", "in_parts"), [(None, True), (0.9, False)])
def test_looks_at_parts_and_what_their_border_cuts(
    tiny_video: Path, budget: float | None, in_parts: bool
) -> None:
    settings = Settings(video=str(tiny_video), propagate="kalman", calibrated="none", budget=budget)
    settings = settings.with_option("trigger", "confidence", "threshold", 0.99)  # always in doubt
    detector = _Twofold()
    with build_pipeline(settings, detector) as pipeline:
        results = list(pipeline.run())
    looked = [result for result in results if result.reason]
    told = [None if result.looked_at is None else result.looked_at.tolist() for result in looked]
    assert told == detector.parts
    assert any(part is not None for part in told) == in_parts
    assert None in told  # the whole, too
    assert {track.id for result in results for track in result.tracks} == {1}


@pytest.fixture
def random_pt(tmp_path: Path) -> Path:
    """Write weights that know nothing."""
    about = Description("faster_rcnn", "smaller_vgg", ("car",), (0,), (96, 64), 0.4)
    save_weights(tmp_path / "random.pt", build_network(about), about)
    return tmp_path / "random.pt"


def test_the_width_at_the_network_reaches_the_detector(random_pt: Path) -> None:
    settings = read_settings(None, [f"detector={random_pt}", "detector.faster_rcnn.input_width=768"])
    frame = Frame(np.zeros((720, 1280, 3), np.uint8))
    assert build_detector(settings).detector.input_size(frame) == (768, 448)  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="input_width must lie in 128"):
        build_detector(settings.with_option("detector", "faster_rcnn", "input_width", "64"))


def test_wanted_classes() -> None:
    assert wanted_classes((), ("car", "bus")) is None
    chosen = wanted_classes(("bus",), ("car", "bus"))
    assert chosen is not None
    np.testing.assert_array_equal(chosen, [False, True])
    with pytest.raises(UnknownNameError, match="did you mean bus"):
        wanted_classes(("buss",), ("car", "bus"))


def test_run_info_knows_no_password(tiny_video: Path, tiny_boxes: Path) -> None:
    with open_pipeline(tiny_video, detector=f"replay:{tiny_boxes}") as pipeline:
        assert isinstance(pipeline.source, FrameSource)
        settings = Settings(video="rtsp://me:hunter2@cam/live?token=hunter3", detector=f"replay:{tiny_boxes}")
        info = run_info(settings, pipeline)
    assert "hunter" not in str(info)
    assert info.settings["video"] == "rtsp://me:***@cam/live?token=***"
    assert info.detector["boxes"] == str(tiny_boxes)


def test_run_info_tells_of_the_weights_that_were_loaded(tiny_video: Path, random_pt: Path) -> None:
    digest = sha256(random_pt.read_bytes()).hexdigest()
    settings = Settings(video=str(tiny_video), detector=str(random_pt))
    with build_pipeline(settings, build_detector(settings)) as pipeline:
        random_pt.write_bytes(b"a training has written another file since")
        assert run_info(settings, pipeline).detector["sha256"] == digest


def test_a_detector_of_ones_own_is_called_what_it_is(tiny_video: Path, tiny_boxes: Path) -> None:
    """And not what stands in the settings, which are the defaults."""
    own = load_detector(f"replay:{tiny_boxes}")
    with build_pipeline(Settings(video=str(tiny_video)), own) as pipeline:
        info = run_info(Settings(video=str(tiny_video)), pipeline)
    assert info.detector == {"name": "Replay"}
    assert "detector" not in info.settings["options"]  # type: ignore[operator]


def test_tracks_start_at_the_detectors_own_score_or_a_lower_one_that_is_asked_for(random_pt: Path) -> None:
    settings = Settings(video="road.mp4", detector=str(random_pt))
    detector = build_detector(settings)
    own = detector.born_score
    assert own is not None

    def born(chosen: Settings) -> object:
        return options_in_force(chosen, detector, ())["associate"][chosen.associate]["born_score"]

    for associate in ("two_stage", "iou", "centroid"):
        chosen = settings.changed(associate=associate)
        assert born(chosen) == own
        assert born(chosen.changed(score=own / 2)) == own / 2
        assert born(chosen.changed(score=(own + 1) / 2)) == own
        table = chosen.with_option("associate", associate, "born_score", "0.55")
        assert born(table.changed(score=0.1)) == 0.55


def test_a_lower_score_tracks_more(tiny_video: Path, tiny_boxes: Path, tmp_path: Path) -> None:
    (tmp_path / "faint.txt").write_text(tiny_boxes.read_text().replace(",0.9,", ",0.3,"))
    numbers = []
    for score in (None, 0.25, 0.35):
        faint = f"replay:{tmp_path / 'faint.txt'}"
        with open_pipeline(tiny_video, detector=faint, propagate="kalman", score=score) as pipeline:
            tracks = [track for result in pipeline.run() for track in result.tracks if track.shown]
        numbers.append(len({track.id for track in tracks}))
    assert numbers == [0, 3, 0]


def test_every_option_of_every_component_is_told(tiny_video: Path, random_pt: Path) -> None:
    settings = Settings(video=str(tiny_video), detector=str(random_pt), trigger="confidence,interval")
    settings = settings.with_option("trigger", "interval", "interval_s", "0.5")
    settings = settings.with_option("associate", "centroid", "gate", 2)  # for another run
    options = options_in_force(settings, build_detector(settings), ("csv", "run_json"))
    assert {kind: set(table) for kind, table in options.items()} == {
        "source": {"video"},
        "detector": {"faster_rcnn"},
        "propagate": {settings.propagate},
        "trigger": {"confidence", "interval"},
        "associate": {settings.associate},
        "sink": {"csv", "run_json"},
    }
    assert options["trigger"]["interval"] == {"interval_s": 0.5}
    assert options["trigger"]["confidence"]["threshold"] == 0.4
    assert options["detector"]["faster_rcnn"]["score"] == 0.4  # the weights' own
    assert options["source"]["video"]["cuts"] is True
    assert "path" not in options["source"]["video"] | options["sink"]["csv"]


@pytest.mark.parametrize("frames", [1, 2])
def test_what_was_too_short_for_a_second_look_is_said(
    tiny_video: Path, tiny_boxes: Path, frames: int
) -> None:
    with open_pipeline(tiny_video, detector=f"replay:{tiny_boxes}") as pipeline:
        results = list(islice(pipeline.run(), frames))
        assert not any(track.shown for result in results for track in result.tracks)
        [warning] = pipeline.warnings
        assert warning.startswith("no tracks: 3 road users were seen")
        assert "confirm_looks=1" in warning


@pytest.mark.parametrize("more", [{}, {"score": 0.95}], ids=["tracks", "nothing seen"])
def test_nothing_is_said_where_there_are_tracks_or_nothing_to_track(
    tiny_video: Path, tiny_boxes: Path, more: dict[str, float]
) -> None:
    with open_pipeline(tiny_video, detector=f"replay:{tiny_boxes}", **more) as pipeline:
        assert list(pipeline.run())
        assert pipeline.warnings == ()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (Settings(video="rtsp://camera/1", raw=True, blur=True), "with --blur there can be none"),
        (Settings(video="road.mp4", raw=True), "--raw keeps a live stream as it comes, and road.mp4 is none"),
        (
            Settings(video="http://me:s3cr3t@host/road.mp4", raw=True),
            r"http://me:\*\*\*@host/\S+ is none",
        ),
        (Settings(video="0", raw=True), "--raw keeps a live stream"),
        (
            Settings(video="rtsp://camera/1").with_option("source", "video", "raw_path", "x"),
            "source.video.raw_path is said with --raw",
        ),
    ],
)
def test_what_cannot_be_kept_raw(settings: Settings, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        check_settings(settings)


def test_a_live_run_can_always_be_paced(tiny_boxes: Path) -> None:
    detector = build_detector(Settings(detector=f"replay:{tiny_boxes}"))
    shares = {"rtsp://camera/1": 1.0, "0": 1.0, "road.mp4": None, "http://host/road.mp4": None}
    for video, share in shares.items():
        budget = budget_of(build_pipeline(Settings(video=video), detector))
        assert (budget.share if budget else None) == share
    limited = budget_of(build_pipeline(Settings(video="road.mp4", budget=0.3), detector))
    assert limited is not None
    assert limited.share == 0.3

"""What is learnt of how sure carried boxes are, from a real run and from made-up probabilities."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Detections, Frame
from detectors.errors import UsageError, WeightsError
from tracker.confidence import EVIDENCE, Calibration, read_fits
from tracker.config import Settings
from tracker.errors import ResultError
from tracker.lab.calibrating import Fit, calibrate, check_place, write_fit
from tracker.lab.diagram import draw_reliability
from tracker.lab.fitting import BINS, fit, quality, reliability
from tracker.lab.sampling import Examiner, Samples, judged, sample
from tracker.sources._source import Source
from tracker.types import Reason, Track

KALMAN = Settings(propagate="kalman")
BOX = np.array([[10.0, 10, 30, 30]], np.float32)


def made_up(number: int, bias: float = 0.5, seed: int = 0) -> tuple[Samples, np.ndarray]:
    """Return samples whose true probabilities are a logistic of two pieces of evidence, and these."""
    rng = np.random.default_rng(seed)
    evidence = rng.normal(0, 1, (number, len(EVIDENCE)))
    own, overlap = (evidence[:, EVIDENCE.index(name)] for name in ("own", "overlap"))
    truth = 1 / (1 + np.exp(-(bias + 2.0 * own - 1.0 * overlap)))
    return Samples("made up", evidence, rng.uniform(size=number) < truth), truth


def test_a_fit_finds_the_probabilities_that_made_the_samples() -> None:
    samples, truth = made_up(20_000)
    found = fit([samples])
    wanted = {**dict.fromkeys(EVIDENCE, 0.0), "own": 2.0, "overlap": -1.0}
    assert found.weights == pytest.approx(wanted, abs=0.1)
    assert found.bias == pytest.approx(0.5, abs=0.1)
    assert found.probability(samples.evidence) == pytest.approx(truth, abs=0.08)
    other, _ = made_up(20_000, seed=1)
    held = quality(found.probability(other.evidence), other.right)
    assert held.ece < 0.02
    assert held.brier_gain > 0.3
    assert held.auroc > 0.8


def test_evidence_that_never_varies_says_nothing() -> None:
    samples, _ = made_up(2_000)
    samples.evidence[:, 5] = 1.0
    assert fit([samples]).weights[EVIDENCE[5]] == pytest.approx(0, abs=1e-6)


def test_a_long_video_does_not_drown_a_short_one() -> None:
    long, short = made_up(20_000, bias=2.0)[0], made_up(200, bias=-2.0, seed=1)[0]
    alone, both = fit([long]).bias, fit([long, short]).bias
    share = 200 / 20_200  # of the boxes, but a tenth of what counts
    assert both < alone - 10 * share * (2.0 - -2.0) / 3


@pytest.mark.parametrize("right", [np.ones(500, np.bool_), np.arange(500) < 20])
def test_too_little_to_fit(right: np.ndarray) -> None:
    evidence = np.random.default_rng(0).normal(size=(500, len(EVIDENCE)))
    with pytest.raises(UsageError, match=r"too little to fit a confidence: .* right and .* wrong boxes"):
        fit([Samples("x", evidence, right)])


def test_stated_shares_that_hold_and_such_that_do_not() -> None:
    right = np.arange(1000) % 10 < 8
    honest = quality(np.full(1000, 0.8), right)
    assert honest.ece == pytest.approx(0, abs=0.015)  # a bin has 66 or 67 boxes
    assert honest.brier_gain == pytest.approx(0, abs=1e-9)
    assert honest.auroc == pytest.approx(0.5)
    assert quality(np.full(1000, 0.3), right).ece == pytest.approx(0.5, abs=1e-9)
    assert quality(right.astype(np.float64), right).brier_gain == 1
    assert quality(right.astype(np.float64), right).auroc == 1


@pytest.mark.parametrize("right", [[], [True, True], [False]])
def test_where_there_is_nothing_to_tell(right: list[bool]) -> None:
    found = quality(np.full(len(right), 0.7), np.array(right, np.bool_))
    assert found.boxes == len(right)
    assert np.isnan([found.ece, found.brier_gain, found.auroc]).all()


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=200))
def test_bins_hold_all_boxes(drawn: list[tuple[float, bool]]) -> None:
    probability, right = (np.array(column) for column in zip(*drawn, strict=True))
    bins = reliability(probability, right)
    assert len(bins) == min(BINS, len(right))
    assert bins[:, 2].sum() == len(right)
    assert np.ptp(bins[:, 2]) <= 1
    assert bins[:, 0] @ bins[:, 2] == pytest.approx(probability.sum())
    assert bins[:, 1] @ bins[:, 2] == pytest.approx(right.sum())
    assert (np.diff(bins[:, 0]) >= -1e-12).all()


@pytest.mark.parametrize(
    ("found", "right", "known"),
    [
        ([[11.0, 11, 31, 31]], True, True),
        ([[22.0, 10, 42, 30]], False, True),  # near, but not on it
        ([[80.0, 80, 90, 90]], False, False),  # the CNN may just not have seen it
        ([], False, False),
        ([[80.0, 80, 90, 90], [12.0, 10, 32, 30]], True, True),
    ],
)
def test_what_is_right_and_what_is_not_known(found: list[list[float]], right: bool, known: bool) -> None:
    answer = judged(BOX, np.array(found, np.float32).reshape(-1, 4))
    assert (bool(answer[0][0]), bool(answer[1][0])) == (right, known)


def test_three_looks_and_a_pause() -> None:
    def nobody(frame: Frame, carried: Sequence[Track]) -> tuple[np.ndarray, np.ndarray]:
        raise AssertionError("nobody was carried")

    examiner, picture, looks = Examiner(nobody, 1.0), np.zeros((8, 8, 3), np.uint8), []
    for index in range(50):
        frame = Frame(picture, index=index, time_s=index / 10)
        if examiner.reason(frame, []) is Reason.INTERVAL:
            looks.append(index)
            examiner.looked(frame, [])
    assert looks == [0, 2, 4, 14, 16, 18, 28, 30, 32, 42, 44, 46]
    assert examiner.reason(replace(frame, cut=True), []) is Reason.CUT


class Jumping:
    """Sees one vehicle that jumps aside every tenth frame."""

    class_names = ("car",)
    born_score = 0.4

    def __init__(self) -> None:
        self.asked: list[int] = []

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        self.asked += [frame.index for frame in frames]
        return [self._at(frame.index) for frame in frames]

    def _at(self, index: int) -> Detections:
        x = 20.0 + index + (25 if index % 10 > 6 else 0)
        return Detections(
            np.array([[x, 40, x + 40, 70]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64)
        )


def test_a_run_is_sampled_and_each_frame_looked_at_once(tiny_video: Path) -> None:
    detector, told = Jumping(), []
    samples = sample(replace(KALMAN, video=str(tiny_video)), detector, told.append)
    assert sorted(set(detector.asked)) == sorted(detector.asked)
    assert set(detector.asked) >= set(range(6, 50))
    assert told == [*range(50)] * 2
    assert len(samples.right) == len(samples.evidence) > 50
    assert 0.3 < samples.right.mean() < 0.95
    again = sample(replace(KALMAN, video=str(tiny_video)), Jumping())
    np.testing.assert_array_equal(again.evidence, samples.evidence)


def test_a_camera_cannot_be_watched_twice(tiny_video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Source.info.fget
    assert told is not None
    live = property(lambda source: replace(told(source), live=True))
    monkeypatch.setattr(Source, "info", live)
    with pytest.raises(UsageError, match="is live and cannot be watched twice: record it first"):
        sample(replace(KALMAN, video=str(tiny_video)), Jumping())


def test_videos_to_fit_to_and_to_judge_by(tiny_video: Path, tmp_path: Path) -> None:
    copy = tmp_path / "other.mp4"
    copy.write_bytes(tiny_video.read_bytes())
    found = calibrate(KALMAN, Jumping(), [str(tiny_video)], [str(copy)], lambda name, index: None)
    assert found.quality(found.fitted) == found.quality(found.tested)  # the same video
    assert found.quality(found.fitted).brier_gain > 0
    with pytest.raises(UsageError, match="is named twice"):
        calibrate(KALMAN, Jumping(), [str(tiny_video)], [str(tiny_video)], lambda name, index: None)


@pytest.fixture
def fitted() -> Fit:
    samples, _ = made_up(500)
    return Fit(Calibration(0.5, {"own": 2.0}), (samples,), ())


def test_fits_for_several_propagators_lie_in_one_file(fitted: Fit, tmp_path: Path) -> None:
    file = tmp_path / "road.confidence.json"
    check_place(file, "dcf", "abc", overwrite=False)
    for name in ("dcf", "kalman"):
        write_fit(file, name, "abc", fitted, "track calibrate")
    content = json.loads(file.read_text())
    assert set(content["fits"]) == {"dcf", "kalman"}
    assert content["fits"]["dcf"]["fitted"]["boxes"] == 500
    assert "tested" not in content["fits"]["dcf"]
    for propagator, sha256, words in (
        ("dcf", "abc", "has a fit for dcf"),
        ("dlib", "def", "belongs to other weights"),
    ):
        with pytest.raises(UsageError, match=words):
            check_place(file, propagator, sha256, overwrite=False)
        check_place(file, propagator, sha256, overwrite=True)
    write_fit(file, "dlib", "def", fitted, "track calibrate")
    assert set(json.loads(file.read_text())["fits"]) == {"dlib"}
    file.write_text('{"sha256": "def", "fits": {"kalman": {"bias": 0, "weights": {"colour": 1}}}}')
    with pytest.raises(WeightsError, match="no such evidence: colour"):
        check_place(file, "dcf", "def", overwrite=False)
    write_fit(file, "dcf", "def", fitted, "track calibrate")
    assert set(read_fits(file)["fits"]) == {"dcf"}, "an hour's work is not lost for what lay there"
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_where_no_fit_can_be_written(fitted: Fit, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        check_place(tmp_path / "none" / "x.json", "dcf", "abc", overwrite=False)
    with pytest.raises(WeightsError, match="cannot be written"):
        write_fit(tmp_path / "none" / "x.json", "dcf", "abc", fitted, "track calibrate")


def test_a_diagram(tmp_path: Path) -> None:
    samples, truth = made_up(500)
    draw_reliability(
        {"fitted": (truth, samples.right), "few": (truth[:2], samples.right[:2])}, tmp_path / "d.png"
    )
    picture = cv2.imread(str(tmp_path / "d.png"))
    assert picture is not None
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    with pytest.raises(ResultError, match="cannot write the picture"):
        draw_reliability({}, tmp_path / "none" / "d.png")

"""What speaks for a carried box, and the files of fits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Frame
from detectors.errors import UsageError, WeightsError
from tracker.confidence import EVIDENCE, Calibration, Evidence, beside, find_fit
from tracker.types import Origin, Track, TrackState

PICTURE = np.zeros((100, 200, 3), np.uint8)
FIT = {"bias": 1.0, "weights": {"own": 0.5}}


def carried(track_id: int = 1, box: tuple[float, ...] = (10, 10, 30, 30), confidence: float = 0.5) -> Track:
    return Track(
        id=track_id,
        box=np.array(box, np.float32),
        velocity=np.zeros(2, np.float32),
        label=0,
        score=0.75,
        class_scores=np.ones(1, np.float32),
        state=TrackState.CONFIRMED,
        origin=Origin.PROPAGATED,
        confidence=confidence,
        first_seen_s=0.0,
        last_seen_s=1.0,
        last_detected_s=1.0,
        detections=3,
    )


def seen(tracks: list[Track], time_s: float = 1.5, evidence: Evidence | None = None) -> dict[str, np.ndarray]:
    table = (evidence or Evidence()).of(Frame(PICTURE, time_s=time_s), tracks)
    assert table.shape == (len(tracks), len(EVIDENCE))
    return dict(zip(EVIDENCE, table.T, strict=True))


def test_every_piece_of_evidence() -> None:
    lost = replace(carried(2, (20, 10, 40, 30)), state=TrackState.COASTING, score=0.25, detections=100)
    found = seen(
        [carried(confidence=0.9), lost, replace(carried(3, (90, 0, 190, 100)), state=TrackState.TENTATIVE)]
    )
    assert found["own"] == pytest.approx([np.log(9), 0, 0])
    assert found["fallen"] == pytest.approx([0, 0, 0])
    assert found["age"] == pytest.approx([np.log(0.55)] * 3)
    assert found["overlap"] == pytest.approx([1 / 3, 1 / 3, 0])
    assert found["missed"].tolist() == [0, 1, 0]
    assert found["score"] == pytest.approx([0.75, 0.25, 0.75])
    assert found["looks"] == pytest.approx(np.log([3, 8, 3]))
    assert found["tentative"].tolist() == [0, 0, 1]


def test_the_way_gone_since_the_look_is_in_sizes_of_the_box() -> None:
    """Half a second at 40 pixels a second is one size of a box of 20 pixels, and half of one of 40."""
    moving = np.array([24, 32], np.float32)
    small = replace(carried(1), velocity=moving)
    large = replace(carried(2, (40, 10, 80, 50)), velocity=moving)
    found = seen([small, large, carried(3, (90, 10, 110, 30))])
    assert found["way"] == pytest.approx([1, 0.5, 0])
    slow = replace(small, velocity=moving / 10)
    later = seen([small, slow], time_s=60.0)["way"]
    assert later == pytest.approx([3, 0.6]), "three sizes at most, and as far as in three seconds"


def test_a_picture_of_twice_the_size_tells_the_same() -> None:
    moving = np.array([24, 32], np.float32)
    near = [replace(carried(1), velocity=moving), carried(2, (20, 10, 40, 30))]
    large = [replace(t, box=2 * t.box, velocity=2 * t.velocity) for t in near]
    once, twice = seen(near), seen(large)
    for name in EVIDENCE:
        assert twice[name] == pytest.approx(once[name]), name


def test_how_far_a_confidence_has_fallen_counts_from_the_last_look() -> None:
    evidence = Evidence()
    assert seen([carried(confidence=0.9)], evidence=evidence)["fallen"] == pytest.approx([0])
    assert seen([carried(confidence=0.5)], evidence=evidence)["fallen"] == pytest.approx([np.log(9)])
    evidence.restart([1, 77])
    assert seen([carried(confidence=0.5)], evidence=evidence)["fallen"] == pytest.approx([0])


def test_nobody() -> None:
    assert Evidence().of(Frame(PICTURE), []).shape == (0, len(EVIDENCE))
    assert Calibration(0.0, {}).probability(np.zeros((0, len(EVIDENCE)))).shape == (0,)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(-1e3, 1e3), st.floats(0, 500)), min_size=1, max_size=8),
    st.floats(0, 1e6),
)
def test_any_track_has_finite_evidence_in_any_order(
    rows: list[tuple[float, float, float]], later_s: float
) -> None:
    tracks = [carried(i, (x, 0, x + side, side), c) for i, (c, x, side) in enumerate(rows)]
    table = Evidence().of(Frame(PICTURE, time_s=1 + later_s), tracks)
    assert np.isfinite(table).all()
    np.testing.assert_array_equal(
        Evidence().of(Frame(PICTURE, time_s=1 + later_s), tracks[::-1]), table[::-1]
    )
    probability = Calibration(0.3, dict.fromkeys(EVIDENCE, 2.0)).probability(table)
    assert ((probability >= 0) & (probability <= 1)).all()


def test_probabilities_follow_the_evidence() -> None:
    rows = np.zeros((3, len(EVIDENCE)))
    rows[:, EVIDENCE.index("own")] = [-2, 0, 2]
    assert Calibration(0.0, {"own": 1.0}).probability(rows) == pytest.approx([0.1192, 0.5, 0.8808], abs=1e-4)


@pytest.mark.parametrize(("bias", "weights"), [(0.0, {"colour": 1.0}), (np.nan, {}), (0.0, {"own": np.inf})])
def test_a_calibration_that_cannot_be(bias: float, weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"evidence|finite"):
        Calibration(bias, weights)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "road.pt"
    beside(file).write_text(json.dumps({"sha256": "abc", "fits": {"dcf": FIT}}))
    return file


def test_a_fit_lies_beside_the_weights(weights: Path) -> None:
    assert beside(weights).name == "road.confidence.json"
    assert find_fit("auto", weights, "abc", "dcf") == (Calibration(1.0, {"own": 0.5}), "")
    assert find_fit(str(beside(weights)), Path("elsewhere.pt"), "abc", "dcf")[0] is not None


@pytest.mark.parametrize(
    ("asked", "sha256", "propagator"),
    [("none", "abc", "dcf"), ("auto", None, "dcf"), ("auto", "abc", "kalman")],
    ids=["not wanted", "no weights", "another propagator"],
)
def test_no_fit_is_no_fault(weights: Path, asked: str, sha256: str | None, propagator: str) -> None:
    assert find_fit(asked, weights, sha256, propagator) == (None, "")
    assert find_fit("auto", weights.with_name("other.pt"), "abc", "dcf") == (None, "")
    assert find_fit("auto", None, None, "dcf") == (None, "")


def test_a_fit_to_other_weights_is_not_used_silently(weights: Path) -> None:
    calibration, warning = find_fit("auto", weights, "def", "dcf")
    assert calibration is None
    assert "road.confidence.json was fitted to other weights" in warning
    with pytest.raises(UsageError, match="was fitted to other weights"):
        find_fit(str(beside(weights)), weights, "def", "dcf")
    with pytest.raises(UsageError, match="was fitted to dcf, not to kalman"):
        find_fit(str(beside(weights)), weights, "abc", "kalman")


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"sha256": "abc", "fits": []}',
        '{"sha256": "abc", "fits": {"dcf": {"bias": 1}}}',
        '{"sha256": "abc", "fits": {"dcf": {"bias": "x", "weights": {}}}}',
        '{"sha256": "abc", "fits": {"dcf": {"bias": 0, "weights": {"colour": 1}}}}',
        '{"sha256": "abc", "fits": {"dcf": {"bias": NaN, "weights": {}}}}',
    ],
)
def test_a_damaged_file(weights: Path, content: str) -> None:
    beside(weights).write_text(content)
    with pytest.raises(WeightsError, match=r"road\.confidence\.json is no file of this version's"):
        find_fit(str(beside(weights)), weights, "abc", "dcf")
    calibration, warning = find_fit("auto", weights, "abc", "dcf")
    assert calibration is None, "who asked for nothing can track without it"
    assert "road.confidence.json is no file of this version's 'track calibrate'" in warning


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nothing\.json cannot be read: No such file"):
        find_fit(str(tmp_path / "nothing.json"), None, None, "dcf")

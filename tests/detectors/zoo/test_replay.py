"""The replay detector reads both formats, and says which line is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import Frame
from detectors.errors import DataError, DetectorError, ProjectError
from detectors.registry import Registry
from detectors.zoo.replay import unit_scores

CALM = settings(deadline=None, derandomize=True, max_examples=100)  # the same on a busy machine
HEADER = "frame,time_s,track_id,class,score,x1,y1,x2,y2,origin,confidence\n"
PICTURE = np.zeros((4, 4, 3), np.uint8)


def replay(path: Path, **options: object):
    return Registry("detectors.zoo", "detector").build("replay", {"path": str(path), **options})


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "boxes.txt"
    path.write_text(text)
    return path


def test_det_txt_counts_from_one_and_sorts_by_score(tmp_path: Path) -> None:
    path = write(tmp_path, "1,-1,10,20,30,40,0.5,-1,-1,-1\n3,-1,1,2,3,4,0.2\n1,-1,0,0,5,5,0.9\n")
    detector = replay(path, class_name="car")
    first, second, third = detector.detect([Frame(PICTURE, index=i) for i in range(3)])
    assert detector.class_names == ("car",)
    np.testing.assert_allclose(first.boxes, [[0, 0, 5, 5], [10, 20, 40, 60]])
    np.testing.assert_allclose(first.scores, [0.9, 0.5])
    assert len(second) == 0
    np.testing.assert_allclose(third.boxes, [[1, 2, 4, 6]])


def test_own_csv_counts_from_zero_and_has_classes(tmp_path: Path) -> None:
    text = (
        HEADER + "0,0.00,1,person,0.9,1,2,3,4,detected,1\n0,0.0,2,car,0.8,5,6,7,8,propagated,0.5\n"
        "2,0.08,3,tram,0.7,1,1,2,2,predicted,0\n"
    )
    detector = replay(write(tmp_path, text))
    assert detector.class_names == ("car", "person", "tram")
    (first,) = detector.detect([Frame(PICTURE)])
    assert first.labels.tolist() == [1, 0]
    assert detector.detect([Frame(PICTURE, index=2)])[0].labels.tolist() == [2]


def test_a_run_that_saw_nothing_can_be_replayed(tmp_path: Path) -> None:
    for text in (HEADER, HEADER + "\n"):
        detector = replay(write(tmp_path, text), min_score="0.1")
        assert detector.class_names == ()
        assert [len(found) for found in detector.detect([Frame(PICTURE), Frame(PICTURE, index=9)])] == [0, 0]


def test_min_score_leaves_boxes_out(tmp_path: Path) -> None:
    path = write(tmp_path, "1,-1,1,2,3,4,0.5\n1,-1,1,2,3,4,0.4\n")
    assert replay(path, min_score="0.45").detect([Frame(PICTURE)])[0].scores.tolist() == [0.5]


@CALM
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_scores_come_to_the_unit_interval_in_their_order(values: list[float]) -> None:
    scores = np.array(values)
    unit = unit_scores(scores)
    assert unit.dtype == np.float32
    assert (unit >= 0).all()
    assert (unit <= 1).all()
    assert (np.diff(unit[np.argsort(scores, kind="stable")]) >= 0).all()


def test_scores_in_the_unit_interval_stay(tmp_path: Path) -> None:
    scores = np.array([0.0, 0.3, 1.0])
    np.testing.assert_array_equal(unit_scores(scores), scores.astype(np.float32))


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("", DataError, "empty"),
        ("\n\n", DataError, "empty"),
        ("1,-1,1,2,3,4,0.5\n\n2,-1,1,2,x,4,0.5\n", DataError, "line 3: 'x' is no number"),
        ("1,-1,1,2,3,4,0.5\n2,-1,1,2\n", DataError, "line 2: 4 columns"),
        ("1,-1,1,2,3,4,nan\n", DataError, "line 1: 'nan' is no number"),
        ("frame,class,score\n0,car,1\n", DataError, "line 1: the header has no column x1"),
        (HEADER + "0,0,1,car,0.9,1,2,3,oops,detected,1\n", DataError, "line 2: 'oops' is no number"),
        (HEADER + "0,0,1,car,0.9,1,2\n", DataError, "line 2: 7 columns"),
        ("<html>\n", DataError, "line 1"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, kind: type, words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        replay(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_or_binary_file(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="No such file"):
        replay(tmp_path / "nowhere.txt")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x80\x81")
    with pytest.raises(DetectorError, match="no text"):
        replay(tmp_path / "binary")
    assert issubclass(DetectorError, ProjectError)

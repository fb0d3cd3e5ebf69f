"""TrackEval on our readers gives the published figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tracker.errors import ResultError
from tracker.evaluation.hota import score_tables, score_tracking
from tracker.evaluation.results import TrackTable, read_mot

pytest.importorskip("trackeval", reason="TrackEval is not installed (a development extra)")

MOT = Path(__file__).resolve().parents[4] / "shared" / "data" / "mot"
STADTMITTE = MOT / "TUD-Stadtmitte"
FRAMES = 20


def walkers(count: int = 3) -> TrackTable:
    """Objects that walk side by side, 40 px apart."""
    frames = np.tile(np.arange(FRAMES), count)
    ids = np.repeat(np.arange(1, count + 1), FRAMES)
    corner = np.stack([frames * 2.0, ids * 40.0], axis=1)
    boxes = np.concatenate([corner, corner + 20], axis=1).astype(np.float32)
    return TrackTable.sort(frames, frames / 25.0, ids, boxes, ("",) * len(frames))


def rows(table: TrackTable, keep: np.ndarray) -> TrackTable:
    kept = np.flatnonzero(keep)
    names = tuple(table.classes[i] for i in kept)
    return TrackTable.sort(table.frames[kept], table.times_s[kept], table.ids[kept], table.boxes[kept], names)


@pytest.mark.skipif(not STADTMITTE.is_dir(), reason=f"REAL DATA ABSENT: no {STADTMITTE}")
def test_the_published_figures_of_a_published_result() -> None:
    """REFERENCE.md number 2: CEM on TUD-Stadtmitte, from py-motmetrics and the Matlab devkit."""
    score = score_tracking(STADTMITTE / "gt" / "gt.txt", STADTMITTE / "ref" / "CEM_result_test.txt", 179)
    published = {"IDF1": 0.644619, "IDP": 0.819760, "IDR": 0.531142, "MOTA": 0.564014}
    published |= {"CLR_Re": 0.608997, "CLR_Pr": 0.939920, "MOTP": 1 - 0.345904}
    published |= {"CLR_FP": 45, "CLR_FN": 452, "IDSW": 7, "Frag": 6, "MT": 5, "PT": 4, "ML": 1}
    for name, value in published.items():
        assert score[name] == pytest.approx(value, abs=1e-6), name


def test_the_truth_itself_is_perfect() -> None:
    score = score_tables(walkers(), walkers(), FRAMES)
    for name in ("HOTA", "DetA", "AssA", "IDF1", "MOTA"):
        assert score[name] == pytest.approx(1.0)


def test_exchanged_ids_cost_association_and_not_detection() -> None:
    truth = walkers(2)
    swapped = np.where(truth.frames >= FRAMES // 2, 3 - truth.ids, truth.ids)
    result = TrackTable.sort(truth.frames, truth.times_s, swapped, truth.boxes, truth.classes)
    score = score_tables(truth, result, FRAMES)
    assert score["DetA"] == pytest.approx(1.0)
    assert score["AssA"] < 0.6
    assert score["IDSW"] == 2


def test_nothing_found_scores_nothing() -> None:
    empty = rows(walkers(), np.zeros(len(walkers()), bool))
    score = score_tables(walkers(), empty, FRAMES)
    assert (score["HOTA"], score["IDF1"]) == (0.0, 0.0)


def test_boxes_on_ignored_ones_are_left_out() -> None:
    everyone = walkers(3)
    truth, ignored = rows(everyone, everyone.ids != 2), rows(everyone, everyone.ids == 2)
    assert score_tables(truth, everyone, FRAMES, ignored)["MOTA"] == pytest.approx(1.0)
    assert score_tables(truth, everyone, FRAMES)["MOTA"] == pytest.approx(0.5)


def test_one_id_twice_in_a_frame_is_refused() -> None:
    truth = walkers(2)
    doubled = replace(truth, ids=np.ones_like(truth.ids))
    result = TrackTable.sort(doubled.frames, doubled.times_s, doubled.ids, doubled.boxes, doubled.classes)
    with pytest.raises(ResultError, match="the result has id 1 twice in frame 0"):
        score_tables(truth, result, FRAMES)


def test_frames_behind_the_end_are_refused() -> None:
    with pytest.raises(ResultError, match="frames 0 to 19 of 10"):
        score_tables(walkers(), walkers(), 10)


@pytest.mark.parametrize("text", ["1,1,2,3\n", "1,1,x,3,4,5,1\n"])
def test_faults_in_a_result_file_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tracks.mot.txt"
    path.write_text("1,1,2,3,4,5,1,-1,-1,-1\n" + text)
    with pytest.raises(ResultError, match="line 2"):
        read_mot(path, 25.0)


def test_unscored_rows_of_the_truth_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1,1,2,3,4,5,1\n1,-1,2,3,4,5,0\n1,-1,9,9,4,5,0\n")
    assert len(read_mot(path, 25.0)) == 3
    assert read_mot(path, 25.0, truth=True).ids.tolist() == [1]
    assert read_mot(path, 25.0, ignored=True).ids.tolist() == [-1, -1]

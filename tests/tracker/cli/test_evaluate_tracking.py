"""``track evaluate tracking``: sequences, results and what is said of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

pytest.importorskip("trackeval", reason="TrackEval is not installed (a development extra)")

Track = Callable[..., Any]
STADTMITTE = Path(__file__).resolve().parents[4] / "shared" / "data" / "mot" / "TUD-Stadtmitte"
HEAD = "frame,time_s,track_id,class,score,x1,y1,x2,y2,origin,confidence"


def sequence(folder: Path, frames: int = 10, said: str = "") -> Path:
    """Write one in which two walk side by side, and a third row that is not to be found."""
    (folder / "gt").mkdir(parents=True)
    rows = [f"{f},{i},{2 * f},{50 * i},20,40,1,1,1" for f in range(1, frames + 1) for i in (1, 2)]
    rows += [f"{f},-1,{2 * f},300,20,40,0,1,1" for f in range(1, frames + 1)]
    (folder / "gt" / "gt.txt").write_text("\n".join(rows))
    (folder / "seqinfo.ini").write_text(f"[Sequence]\nframeRate=10\nseqLength={said or frames}\n")
    return folder


def found(path: Path, *, ids: tuple[int, ...] = (1, 2), frames: int = 10, y: int = 50) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{f},{i},{2 * f},{y * i},20,40,0.9,-1,-1,-1" for f in range(1, frames + 1) for i in ids]
    path.write_text("\n".join(rows))
    return path


def scored(track: Track, *given: object) -> Any:
    ran = track("evaluate", "tracking", *given, "--json")
    assert ran.code == 0, ran.complaint
    return json.loads(ran.out)


def test_one_sequence_and_one_file(track: Track, tmp_path: Path) -> None:
    gt, result = sequence(tmp_path / "road"), found(tmp_path / "tracks.mot.txt", ids=(1,))
    figures = scored(track, "--gt", gt, "--result", result)["sequences"]["road"]
    assert (figures["CLR_FN"], figures["CLR_FP"], figures["IDSW"]) == (10, 0, 0)
    assert figures["HOTA"] == pytest.approx(0.5**0.5)  # DetA is a half, AssA is 1


def test_several_sequences_are_added_up(track: Track, tmp_path: Path) -> None:
    for name, frames in (("a", 10), ("b", 30)):
        sequence(tmp_path / "gt" / name, frames)
    found(tmp_path / "results" / "a.txt", ids=(1,))
    found(tmp_path / "results" / "b" / "tracks.mot.txt", frames=30)
    got = scored(track, "--gt", tmp_path / "gt", "--result", tmp_path / "results")
    assert list(got["sequences"]) == ["a", "b"]
    assert got["all"]["CLR_Re"] == pytest.approx(70 / 80)
    assert "TrackEval" in got["settings"]["library"]


def test_the_table_and_the_picture(track: Track, tmp_path: Path) -> None:
    gt, run = sequence(tmp_path / "road"), found(tmp_path / "run" / "tracks.mot.txt").parent
    ran = track("evaluate", "tracking", "--gt", gt, "--result", run, "--plot", tmp_path / "hota.png")
    assert ran.code == 0
    assert "100.0" in ran.out
    assert "rows with conf 0 are not to be found" in " ".join(ran.out.split())
    assert cv2.imread(str(tmp_path / "hota.png")).shape[1] > 400


def test_classes_of_a_run(track: Track, tmp_path: Path) -> None:
    gt, csv = sequence(tmp_path / "road"), tmp_path / "tracks.csv"
    rows = [
        f"{f - 1},{f / 10},{i},{name},0.9,{2 * f},{50 * i},{2 * f + 20},{50 * i + 40},detected,0.9"
        for f in range(1, 11)
        for i, name in ((1, "car"), (2, "bus"))
    ]
    csv.write_text("\n".join([HEAD, *rows]))
    both = scored(track, "--gt", gt, "--result", csv)
    cars = scored(track, "--gt", gt, "--result", csv, "--classes", "car")
    assert (both["all"]["CLR_FN"], cars["all"]["CLR_FN"]) == (0, 10)
    txt = found(tmp_path / "tracks.txt")
    assert (
        "names no classes"
        in track("evaluate", "tracking", "--gt", gt, "--result", txt, "--classes", "car").complaint
    )


def test_boxes_on_what_is_not_to_be_found(track: Track, tmp_path: Path) -> None:
    gt, result = sequence(tmp_path / "road"), found(tmp_path / "x.txt", ids=(6,), y=50)
    assert scored(track, "--gt", gt, "--result", result)["all"]["CLR_FP"] == 10
    assert scored(track, "--gt", gt, "--result", result, "--leave-out-ignored")["all"]["CLR_FP"] == 0


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("0", "0 frames, 10 a second"),
        ("x", "seqinfo.ini is damaged"),
        ("3", "has frames 0 to 9 of 3"),
    ],
)
def test_a_sequence_that_says_what_cannot_be(track: Track, tmp_path: Path, said: str, words: str) -> None:
    gt = sequence(tmp_path / "road", said=said)
    ran = track("evaluate", "tracking", "--gt", gt, "--result", found(tmp_path / "x.txt"))
    assert ran.code == 1
    assert words in ran.complaint


def test_what_is_not_there(track: Track, tmp_path: Path) -> None:
    gt = sequence(tmp_path / "gt" / "road")
    sequence(tmp_path / "gt" / "street")
    run = ("evaluate", "tracking", "--result", tmp_path / "results", "--gt")
    assert "no folder" in track(*run, tmp_path / "nowhere").complaint
    assert "has no gt/gt.txt" in track(*run, tmp_path / "gt" / "road" / "gt").complaint
    assert "has no gt/other.txt" in track(*run, gt, "--gt-name", "other.txt").complaint
    assert "has no result of road: none of road.txt" in track(*run, gt).complaint
    one = found(tmp_path / "x.txt")
    ran = track("evaluate", "tracking", "--gt", tmp_path / "gt", "--result", one)
    assert "one file, but there are several sequences" in ran.complaint
    picture = tmp_path / "nowhere" / "x.png"
    ran = track("evaluate", "tracking", "--gt", gt, "--result", one, "--plot", picture)
    assert "cannot write the picture" in ran.complaint


@pytest.mark.skipif(not STADTMITTE.is_dir(), reason=f"REAL DATA ABSENT: no {STADTMITTE}")
def test_the_published_figures_of_a_published_result(track: Track) -> None:
    """REFERENCE.md number 2: CEM on TUD-Stadtmitte, from py-motmetrics and the Matlab devkit."""
    got = scored(track, "--gt", STADTMITTE, "--result", STADTMITTE / "ref" / "CEM_result_test.txt")["all"]
    assert (got["IDSW"], got["CLR_FP"], got["CLR_FN"]) == (7, 45, 452)
    assert got["MOTA"] == pytest.approx(0.564014, abs=1e-6)
    assert got["IDF1"] == pytest.approx(0.644619, abs=1e-6)

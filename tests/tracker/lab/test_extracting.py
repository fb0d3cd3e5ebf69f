"""Which frames are picked to be labelled, by rows made up and on a small video."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.bank.cvat import read_cvat
from detectors.errors import DataError, UsageError
from tracker.errors import ResultError, SinkError
from tracker.lab.choosing import ALIKE_BITS, Candidate, Look, choose, look_at
from tracker.lab.cvat_tracks import tracks_of
from tracker.lab.extracting import COLUMNS, FRAMES, PROPOSAL, Wanted, check_frames, extract, match_runs
from tracker.lab.run_rows import read_rows
from tracker.lab.teaching import teaching_of

HEADER = "frame,time_s,track_id,class,score,x1,y1,x2,y2,origin,confidence"
NewRun = Callable[..., Path]


def row(frame: int, track: int, label: str, x: float, origin: str = "detected", score: float = 0.9) -> str:
    return f"{frame},{frame / 25:.3f},{track},{label},{score},{x},40.00,{x + 20},55.00,{origin},0.9"


@pytest.fixture
def new_run(tmp_path: Path) -> NewRun:
    """Return a function that writes a run of 50 frames with some rows of tracks."""

    def write(rows: list[str], name: str = "run", video: str = "tiny.mp4", **more: object) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        source = {"name": video, "width": 160, "height": 120, "live": False}
        about = {"source": source, "class_names": ["car", "bus"], "frames": 50} | more
        (folder / "run.json").write_text(json.dumps(about))
        (folder / "tracks.csv").write_text("\n".join([HEADER, *rows]) + "\n")
        return folder

    return write


def test_a_runs_tracks_end_with_their_last_sight_and_have_their_last_class(new_run: NewRun) -> None:
    rows = [row(f, 1, "car" if f < 5 else "bus", 30 + 2 * f) for f in range(10)]
    rows += [row(f, 1, "bus", 30 + 2 * f, "predicted") for f in range(10, 14)]
    rows += [row(f, 2, "car", 90, "predicted" if f in (22, 23) else "propagated") for f in range(20, 27)]
    rows += [row(f, 2, "car", 90) for f in range(30, 50)]
    rows += [row(40, 3, "car", 90, "predicted"), row(41, 4, "car", 300)]  # never seen; beyond the border
    task = tracks_of(read_rows(new_run(rows)), 1.0)
    assert (task.labels, task.source, task.size) == (("car", "bus"), "tiny.mp4", (160, 120))
    assert task.frames == range(50)
    first, second = task.tracks
    assert (first.label, second.label) == ("bus", "car")
    states = [[(k.frame, k.outside, k.occluded) for k in track.keyframes] for track in task.tracks]
    assert states[0] == [(0, False, False), (9, False, False), (10, True, False)]
    assert states[1] == [
        *((20, False, False), (22, False, True), (24, False, False), (26, False, False), (27, True, False)),
        *((30, False, False), (49, False, False)),
    ]


def test_runs_that_cannot_be_used(new_run: NewRun, tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="nothing was seen in that run"):
        read_rows(new_run([]))
    with pytest.raises(ResultError, match="gone is no run"):
        read_rows(tmp_path / "gone")
    about = {"source": {"name": "rtsp://cam", "width": 160, "height": 120, "live": True}}
    live = read_rows(new_run([row(0, 1, "car", 30)], "live", **about))
    with pytest.raises(UsageError, match="live is a run of a live stream"):
        tracks_of(live, 1.0)
    with pytest.raises(UsageError, match="--tolerance is in pixels"):
        tracks_of(live, -1.0)
    with pytest.raises(UsageError, match="--share is a share"):
        tracks_of(live, 1.0, 1.5)


def test_what_speaks_for_a_frame(new_run: NewRun) -> None:
    rows = [row(f, track, "car", 40 + track) for track in range(1, 5) for f in range(30)]  # lost behind 29
    rows += [row(f, 9, "bus", 60) for f in (10, 11, 49)]
    rows += [row(20, 10, "car", 0, score=0.3), row(21, 10, "car", 0, "predicted")]
    teaching = teaching_of(read_rows(new_run(rows)))
    assert teaching.why(5) == ""
    assert teaching.why(10) == "rare bus, 5 objects"
    assert teaching.why(20) == "1 unsure, 5 objects"
    assert teaching.why(21) == "1 predicted, 5 objects"
    assert teaching.why(30) == "4 lost, 0 objects"
    total = teaching.total
    assert total[10] > total[5] > total[40] == 0
    assert total[20] > total[21] > total[5]
    assert (total <= 1).all()


def candidates(number: int, seed: int = 0) -> list[Candidate]:
    """Return candidates a second apart, whose pictures have nothing in common."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, number, np.uint64, endpoint=False)
    return [Candidate(0, 25 * n, float(n), Look(hashes[n], 1000.0, 40.0)) for n in range(number)]


def changed(one: Candidate, **more: object) -> Candidate:
    fields = {name: getattr(one, name) for name in Candidate.__slots__}
    return Candidate(**{**fields, **more})  # type: ignore[arg-type]


def test_without_a_run_frames_are_spread_over_time() -> None:
    chosen = choose(candidates(81), 5, 20.0).chosen
    assert [c.time_s for c in chosen] == [0, 20, 40, 60, 80]


def test_blurred_blank_and_alike_ones_are_left_out() -> None:
    offered = candidates(20)
    offered[3] = changed(offered[3], look=Look(offered[3].look.phash, 400.0, 40.0), teaching=1.0)
    offered[5] = changed(offered[5], look=Look(offered[5].look.phash, 1000.0, 2.0), teaching=1.0)
    offered[9] = changed(offered[9], teaching=1.0)
    for other, bits in ((12, 0b101), (15, 0b11111)):
        look = Look(offered[9].look.phash ^ np.uint64(bits), 1000.0, 40.0)
        offered[other] = changed(offered[other], look=look)
    choice = choose(offered, 99, 1.0)
    assert (choice.poor, choice.alike) == (2, 1)
    assert {c.frame // 25 for c in choice.chosen} == set(range(20)) - {3, 5, 12}
    assert choose(offered, 1, 1.0).chosen[0].frame == 9 * 25


@settings(max_examples=15)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 9))
def test_no_two_chosen_frames_are_alike(number: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    offered = [
        changed(c, look=Look(np.uint64(rng.integers(0, 256)), 1000.0, 40.0), teaching=float(rng.uniform()))
        for c in candidates(number)
    ]
    choice = choose(offered, count, 5.0)
    hashes = np.array([c.look.phash for c in choice.chosen], np.uint64)
    bits = np.bitwise_count(hashes[:, None] ^ hashes)
    assert (bits[~np.eye(len(hashes), dtype=bool)] > ALIKE_BITS).all()
    assert 1 <= len(choice.chosen) <= count
    assert len(choice.chosen) == count or len(choice.chosen) + choice.alike == number
    assert list(choice.chosen) == sorted(choice.chosen, key=lambda c: c.frame)


def test_a_picture_out_of_focus_is_less_sharp() -> None:
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    assert look_at(cv2.GaussianBlur(image, (0, 0), 3)).sharpness < 0.5 * look_at(image).sharpness
    assert look_at(np.full((240, 320, 3), 17, np.uint8)).spread == 0


def extracted(wanted: Wanted, out: Path) -> list[dict[str, str]]:
    extract(wanted, out, lambda name, index: None)
    with (out / FRAMES).open(newline="") as stream:
        table = csv.DictReader(stream)
        rows = list(table)
        assert tuple(table.fieldnames or ()) == COLUMNS
    return rows


def test_frames_of_a_run_come_with_its_boxes(new_run: NewRun, tmp_path: Path, tiny_video: Path) -> None:
    rows = [row(f, 1, "car", 30) for f in range(50)]
    rows += [row(31, 2, "bus", 90, "predicted"), row(32, 2, "bus", 90), row(0, 3, "car", 60)]
    run = read_rows(new_run(rows, video=str(tiny_video)))
    wanted = Wanted((str(tiny_video),), 3, runs=match_runs([str(tiny_video)], [run]))
    told = extracted(wanted, tmp_path / "frames")
    names = [one["file"] for one in told]
    assert "tiny_000031.jpg" in names
    assert next(one["why"] for one in told if one["frame"] == "31") == "rare bus, 1 predicted, 2 objects"
    assert {path.name for path in (tmp_path / "frames").iterdir()} == {*names, FRAMES, PROPOSAL}
    labelled = read_cvat(tmp_path / "frames" / PROPOSAL, tmp_path / "frames")
    assert [one.name for one in labelled] == names
    boxes = {one.name: [box.label for box in one.boxes] for one in labelled}
    assert boxes["tiny_000031.jpg"] == ["car", "bus"]
    assert list(tmp_path.glob(".frames-*")) == []


def test_several_videos_and_a_second_time(tmp_path: Path, tiny_video: Path) -> None:
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / "tiny.mp4"
    other.write_bytes(tiny_video.read_bytes())
    out = tmp_path / "new" / "frames"
    told = extracted(Wanted((str(tiny_video), str(other)), 8, every_s=0.2), out)
    assert {one["file"][:-11] for one in told} == {"tiny", "tiny-2"}
    assert len({one["frame"] for one in told}) == len(told)  # the same one of both would be alike
    assert {one["why"] for one in told} == {"spread over time"}
    frame = cv2.imread(str(out / told[0]["file"]))
    assert frame.shape == (120, 160, 3)
    (out / "mine.txt").write_text("notes")
    with pytest.raises(UsageError, match="has frames already"):
        check_frames(out, overwrite=False)
    again = extracted(Wanted((str(other),), 2), out)
    assert {path.name for path in out.iterdir()} == {"mine.txt", FRAMES, *(one["file"] for one in again)}
    with pytest.raises(UsageError, match=r"has no frames\.csv"):
        check_frames(tmp_path / "b", overwrite=True)
    with pytest.raises(SinkError, match="cannot write"):
        extracted(Wanted((str(other),), 1), tmp_path / "b" / "tiny.mp4" / "frames")


def test_a_run_of_another_video(new_run: NewRun, tmp_path: Path, tiny_video: Path) -> None:
    name = str(tiny_video)
    run = read_rows(new_run([row(3, 1, "car", 30)], video="elsewhere/tiny.mp4"))
    assert match_runs([name], [run]) == {name: run}
    with pytest.raises(UsageError, match="both runs of"):
        match_runs([name], [run, run])
    with pytest.raises(UsageError, match=r"a run of elsewhere/tiny\.mp4, which is not among"):
        match_runs(["road.mp4"], [run])
    longer = read_rows(new_run([row(70, 1, "car", 30)], "longer"))
    with pytest.raises(ResultError, match=r"has 71 frames, .* 50: it is another"):
        extracted(Wanted((name,), 2, runs={name: longer}), tmp_path / "o")
    source = {"name": name, "width": 640, "height": 120}
    wider = read_rows(new_run([row(7, 1, "car", 30)], "wider", source=source))
    with pytest.raises(ResultError, match="wider is of 640x120 pixels"):
        extracted(Wanted((name,), 2, runs={name: wider}), tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_blank_pictures_alone_are_not_worth_it(tmp_path: Path) -> None:
    (tmp_path / "black").mkdir()
    for number in range(3):
        cv2.imwrite(str(tmp_path / "black" / f"{number}.png"), np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(DataError, match="all are blank"):
        extracted(Wanted((str(tmp_path / "black"),), 2), tmp_path / "o")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"videos": ()}, "no video"),
        ({"videos": ("a", "a")}, "a is named twice"),
        ({"count": 0}, "--count must be 1"),
        ({"every_s": 0.0}, "--every is a time"),
    ],
)
def test_wrong_requests(change: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Wanted(**{"videos": ("a",), **change})  # type: ignore[arg-type]

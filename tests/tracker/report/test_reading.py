"""What is read of a run, and that a damaged file is one line that names file and row."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tracker.errors import ProjectError, ResultError
from tracker.report import results, write_report
from tracker.report.drawing import TimeAxis
from tracker.report.intervals import joined, peak_hour
from tracker.report.left_out import unseen_spans
from tracker.report.paths import digest_tracks
from tracker.report.reading import RunFacts, read_facts
from tracker.report.results import read_results
from tracker.report.tables import Interval, read_crossings
from tracker.report.words import Language

HEADER = "frame,time_s,track_id,class,score,x1,y1,x2,y2,origin,confidence\n"
FACTS = RunFacts("x", (320, 160), 100, 10.0, {}, 0.0, None, True, (), ("car", "bus"), {})


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("tracks.csv", None, "x", r"tracks\.csv line 4: not a row of tracks"),
        ("tracks.csv", None, "nan", r"tracks\.csv line 4: a number is not finite"),
        ("tracks.csv", None, "1,2", r"tracks\.csv line 4: not a row of tracks"),
        ("events.csv", None, "soon", r"events\.csv line 4: time_s is no number: 'soon'"),
        ("events.csv", None, "1,2", r"events\.csv line 4: 20 cells, 19 expected"),
        ("counts.csv", None, "", r"counts\.csv line 4: start_s is empty"),
        ("counts.csv", "coverage", "covers", r"counts\.csv line 1: the header has no column coverage"),
        ("zones.csv", None, "inf", r"zones\.csv line 4: start_s is no number: 'inf'"),
        ("turns.csv", "count", "number", r"turns\.csv line 1: the header has no column count"),
        ("tracks.csv", "origin", "source", r"tracks\.csv line 1: the header has no column origin"),
        ("run.json", '"frames"', '"pictures"', r"run\.json is not what a run writes: 'frames' is missing"),
        ("run.json", '"duration_s": 480.0', '"duration_s": "long"', r"run\.json is not what a run writes"),
        ("run.json", "{", "", r"run\.json is no JSON"),
        ("scene.toml", "[[line]]", "[[lines]]", r"scene\.toml: lines is unknown"),
        ("background.jpg", None, None, r"background\.jpg is no picture"),
    ],
)
def test_a_damaged_file_is_named(
    run_folder: Path, name: str, old: str | None, new: str | None, told: str
) -> None:
    path = run_folder / name
    if new is None:
        path.write_bytes(b"no picture")
    elif old is None:
        lines = path.read_text("utf-8").splitlines()
        place = 1 if name == "tracks.csv" else 0
        cells = lines[3].split(",")
        lines[3] = ",".join([*cells[:place], new, *cells[place + 1 :]])
        path.write_text("\n".join(lines) + "\n", "utf-8")
    else:
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(ProjectError, match=told) as told_in:
        write_report(run_folder)
    assert "\n" not in str(told_in.value)


def test_events_of_an_earlier_version_have_no_headways(run_folder: Path) -> None:
    path = run_folder / "events.csv"
    now = read_crossings(path)
    place = path.read_text("utf-8").splitlines()[0].split(",").index("headway_s")
    with path.open(newline="", encoding="utf-8") as file:
        rows = [[*row[:place], *row[place + 1 :]] for row in csv.reader(file)]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    before = read_crossings(path)
    assert len(before) == len(now)
    assert np.isfinite(now.headway_s).all()
    assert np.isnan(before.headway_s).all()


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"holds no run\.json"):
        read_facts(tmp_path)
    with pytest.raises(ResultError, match="is no folder"):
        read_facts(tmp_path / "nowhere")


def test_damage_far_down_is_named_by_its_line(tmp_path: Path) -> None:
    """Rows are read in pieces: the line is the file's, not the piece's."""
    rows = [f"{at},{at / 10:.3f},1,car,0.9,1,1,9,9,detected,0.9\n" for at in range(50_100)]
    for place, bad in ((50_050, "x,1,1,car,0.9,one,1,9,9,detected,0.9\n"), (49_999, "1,2,car\n")):
        damaged = [*rows[:place], bad, *rows[place + 1 :]]
        (tmp_path / "tracks.csv").write_text(HEADER + "".join(damaged))
        with pytest.raises(ResultError, match=f"line {place + 2}: not a row of tracks"):
            digest_tracks(tmp_path / "tracks.csv", FACTS)


def test_tracks_over_pieces_keep_their_beginning(tmp_path: Path) -> None:
    rows = [
        f'{at},{at / 10:.3f},{id_},"{name}",0.9,{at % 300},10,{at % 300 + 10},20,propagated,0.9\n'
        for at in range(30_000)
        for id_, name in ((3, "bus" if at > 20 else "car"), (8, "kombi, velha"))
    ]
    path = tmp_path / "tracks.csv"
    path.write_text(HEADER + "".join(rows))
    digest = digest_tracks(path, FACTS)
    assert digest.ids.tolist() == [3, 8]
    assert digest.length_s == pytest.approx([2999.9, 2999.9])
    assert [digest.class_names[label] for label in digest.label] == ["bus", "kombi, velha"]
    assert digest.heat_s.sum() == pytest.approx(60_000 * 0.1)


def test_a_large_file_is_read_in_another_process(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = read_results(run_folder).tracks
    monkeypatch.setattr(results, "_LARGE_BYTES", 0)
    there = read_results(run_folder).tracks
    assert there.class_names == here.class_names
    for name in ("ids", "length_s", "label", "heat_s"):
        np.testing.assert_array_equal(getattr(there, name), getattr(here, name))
    assert there.paths.keys() == here.paths.keys()
    with (run_folder / "tracks.csv").open("a") as file:
        file.write("1,2\n")
    with pytest.raises(ResultError, match="not a row of tracks"):
        read_results(run_folder).tracks  # noqa: B018


def test_what_nobody_saw_does_not_heat(tmp_path: Path) -> None:
    rows = "".join(f"{at},{at},1,car,0.9,10,10,20,20,predicted,0.1\n" for at in range(5))
    (tmp_path / "tracks.csv").write_text(HEADER + rows)
    digest = digest_tracks(tmp_path / "tracks.csv", FACTS)
    assert len(digest.ids) == 1
    assert not digest.heat_s.any()


def test_a_sample_holds_whole_tracks_drawn_by_lot(tmp_path: Path) -> None:
    """Whichever piece they began in, and as many of the early ones as of the late ones."""
    count, steps = 4000, 30
    rows = [
        (id_ * 10 + step, f"{id_ + step / 10:.3f}", id_, step * 10)
        for id_ in range(1, count)
        for step in range(steps)
    ]
    rows.sort()
    text = "".join(f"{f},{t},{i},car,0.9,{x},0,{x + 10},20,detected,0.9\n" for f, t, i, x in rows)
    (tmp_path / "tracks.csv").write_text(HEADER + text)
    paths = digest_tracks(tmp_path / "tracks.csv", FACTS).paths
    assert 400 <= len(paths) <= 1200
    for path in paths.values():
        assert path[:, 0].tolist() == [5.0 + 10 * step for step in range(steps)]
    assert 0.4 < np.mean(np.array(list(paths)) < count / 2) < 0.6


def test_intervals_are_joined_evenly_and_keep_their_sums() -> None:
    way = ("line", "A")
    quarters = [
        Interval(at * 900.0, at * 900.0 + 900, None, 0.5, Counter({(way, "car"): 2})) for at in range(700)
    ]
    fewer = joined(quarters)
    assert len(fewer) <= 120
    assert {interval.end_s - interval.start_s for interval in fewer[:-1]} == {7200.0}
    assert sum(interval.counts.total() for interval in fewer) == 1400
    assert fewer[0].coverage == 0.5


def test_the_peak_hour_was_wholly_seen() -> None:
    way, volumes = ("line", "A"), [1, 2, 30, 40, 50, 60, 3, 2, 500, 1, 1, 1]
    quarters = [
        Interval(
            at * 900.0,
            at * 900.0 + 900,
            None,
            0.5 if at == 8 else 1.0,
            Counter({(way, "car"): n, (way, "person"): 9}),
        )
        for at, n in enumerate(volumes)
    ]
    peak = peak_hour(quarters)
    assert peak is not None
    assert (peak.start_s, peak.vehicles, peak.factor) == (1800.0, 180, 180 / 240)
    assert peak_hour(quarters[:7]) is None


def test_gaps_between_what_was_seen() -> None:
    assert unseen_spans([(1.0, 3.0), (3.01, 5.0), (7.0, 9.0)], (0.0, 10.0)) == [
        (0.0, 1.0),
        (5.0, 7.0),
        (9.0, 10.0),
    ]
    assert unseen_spans([(0.0, 10.0)], (0.0, 10.0)) == []
    assert unseen_spans([], (0.0, 10.0)) == [(0.0, 10.0)]


def test_the_axis_has_full_hours() -> None:
    from datetime import UTC, datetime

    ticks, step_s = TimeAxis(datetime(2026, 3, 2, 7, 20, tzinfo=UTC)).ticks(0, 4 * 3600, 5)
    assert (ticks, step_s) == ([2400.0, 6000.0, 9600.0, 13200.0], 3600)
    assert TimeAxis(None).ticks(0, 50, 5) == ([0, 10, 20, 30, 40, 50], 10)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (47.56, "47.6 s"),
        (5.0, "5 s"),
        (725, "12 min 5 s"),
        (3600, "1 h"),
        (86399, "24 h"),
        (200_000, "2 d 8 h"),
    ],
)
def test_lengths_of_time(seconds: float, told: str) -> None:
    assert Language("en").duration(seconds).replace("\N{NARROW NO-BREAK SPACE}", " ") == told


def test_numbers_as_each_language_writes_them() -> None:
    assert Language("en").number(-1234.5, 1) == "\N{MINUS SIGN}1,234.5"
    assert Language("pt-BR").number(1234567.25, 2) == "1.234.567,25"
    assert Language("pt-BR").percent(0.125, 1) == "12,5%"
    assert Language("pt-BR").name_class("motorcycle") == "Motocicletas"
    assert Language("pt-BR").name_class("carroça\x07") == "carroça"

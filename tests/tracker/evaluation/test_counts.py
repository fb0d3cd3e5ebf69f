"""Line crossings are scored as the truth's conventions say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from detectors.errors import UsageError
from tracker.cli.evaluate_counts import evaluate_counts
from tracker.errors import ResultError
from tracker.evaluation.counts import CountEvent, CountScore, CountTruth, read_truth, score_counts
from tracker.evaluation.crossings import CountLine, find_crossings
from tracker.evaluation.results import TrackTable, read_tracks

CALM = settings(deadline=None, derandomize=True, max_examples=60)  # the same on a busy machine
RATE_FPS = 10.0
COUNTS = Path(__file__).resolve().parents[4] / "shared" / "data" / "counts"
HEADER = "frame,time_s,track_id,class,score,x1,y1,x2,y2,origin,confidence\n"
LINE = CountLine("street", (0, 100), (200, 100))  # c > 0 below it: direction A runs down


def table(*rows: tuple[int, int, float, float, str]) -> TrackTable:
    """Make tracks of (frame, id, centre x, centre y, class), boxes of 20x10."""
    numbers = np.array([row[:4] for row in rows], np.float64).reshape(-1, 4)
    half = np.array([10, 5])
    boxes = np.concatenate([numbers[:, 2:] - half, numbers[:, 2:] + half], axis=1).astype(np.float32)
    frames = numbers[:, 0].astype(np.int64)
    names = tuple(row[4] for row in rows)
    return TrackTable.sort(frames, frames / RATE_FPS, numbers[:, 1].astype(np.int64), boxes, names)


def event(frame: int, direction: str = "A", **changes: object) -> CountEvent:
    return replace(CountEvent("street", direction, frame, frame / RATE_FPS, "car"), **changes)


def truth(*events: CountEvent) -> CountTruth:
    return CountTruth("clip", (LINE,), events)


def down(track_id: int = 1, frame: int = 10, x: float = 50, name: str = "car") -> list[tuple]:
    """Return a track that crosses the line downwards between ``frame - 1`` and ``frame``."""
    return [(frame + step, track_id, x, 102.0 + 4 * step, name) for step in range(-3, 3)]


def numbers(score: CountScore) -> tuple[int, int, int, int]:
    return score.hits, score.misses, score.false, score.pardoned


def test_a_hit_and_its_class() -> None:
    score = score_counts(truth(event(10)), table(*down(name="truck")))
    assert numbers(score) == (1, 0, 0, 0)
    assert score.confusion == {("car", "truck"): 1}
    assert score.f1 == score.precision == score.recall == 1.0


def test_a_miss_and_a_false_crossing_are_listed() -> None:
    score = score_counts(truth(event(30)), table(*down(frame=10)))
    assert numbers(score) == (0, 1, 1, 0)
    assert score.missed[0][1].frame == 30
    (clip, crossing) = score.invented[0]
    assert (clip, crossing.frame, crossing.direction) == ("clip", 10, "A")
    assert crossing.time_s == pytest.approx(0.95)


def test_the_other_direction_does_not_match() -> None:
    assert numbers(score_counts(truth(event(10, "B")), table(*down()))) == (0, 1, 1, 0)


@pytest.mark.parametrize(("frame", "hit"), [(20, False), (19, True), (1, True), (-1, False)])
def test_one_second_is_the_window(frame: int, hit: bool) -> None:
    assert score_counts(truth(event(frame)), table(*down(frame=10))).hits == hit


def test_rows_of_persons_are_left_out() -> None:
    assert numbers(score_counts(truth(), table(*down(name="person")))) == (0, 0, 0, 0)
    mixed = [(*row[:4], "person" if row[0] == 9 else "bicycle") for row in down()]
    assert score_counts(truth(event(10)), table(*mixed)).hits == 1


def test_rider_and_cycle_count_once() -> None:
    both = table(*down(1, name="motorbike"), *down(2, name="person"))
    assert numbers(score_counts(truth(event(10, label="motorbike")), both)) == (1, 0, 0, 0)


def test_only_the_first_crossing_of_a_direction_counts() -> None:
    swaying = [(frame, 1, 50.0, 98.0 if frame % 2 else 102.0, "car") for frame in range(9)]
    found = find_crossings([LINE], table(*swaying))
    assert [(c.direction, c.frame) for c in found] == [("B", 1), ("A", 2)]


@pytest.mark.parametrize(("x", "found"), [(-9, 1), (-11, 0), (209, 1), (211, 0)])
def test_the_ends_are_five_percent_tolerant(x: float, found: int) -> None:
    assert len(find_crossings([LINE], table(*down(x=x)))) == found


def test_a_gap_in_the_track_is_bridged_by_a_straight_line() -> None:
    found = find_crossings([LINE], table((0, 1, 50, 80, "car"), (10, 1, 50, 120, "car")))
    assert [c.time_s for c in found] == [pytest.approx(0.5)]


def test_unsure_events_are_neither_missed_nor_false() -> None:
    unsure = event(10, scored=False)
    assert numbers(score_counts(truth(unsure), table(*down()))) == (0, 0, 0, 1)
    assert numbers(score_counts(truth(unsure), table())) == (0, 0, 0, 0)


def test_a_sure_event_goes_before_a_nearer_unsure_one() -> None:
    score = score_counts(truth(event(10, scored=False), event(14)), table(*down(frame=10)))
    assert numbers(score) == (1, 0, 0, 0)


def test_of_two_that_pass_together_each_has_the_one_of_its_class() -> None:
    """Read in the same frame, both are equally near to both crossings; otherwise time alone decides."""
    rows = table(*down(1, 10, 50, "bicycle"), *down(2, 11, 150, "car"))
    both = truth(event(10, label="car"), event(10, label="bicycle"))
    assert set(score_counts(both, rows).confusion) == {("car", "car"), ("bicycle", "bicycle")}
    late = truth(event(10, label="car"), event(11, label="bicycle"))
    assert set(score_counts(late, rows).confusion) == {("car", "bicycle"), ("bicycle", "car")}


def test_matching_is_one_to_one_and_as_complete_as_possible() -> None:
    # The nearest pair (12, 12) would leave the other event without a crossing in its window.
    events = truth(event(12), event(20))
    score = score_counts(events, table(*down(1, frame=6), *down(2, frame=12)))
    assert numbers(score) == (2, 0, 0, 0)


def test_scores_of_clips_add_up() -> None:
    good = score_counts(truth(event(10)), table(*down()))
    bad = score_counts(truth(event(10), event(40)), table(*down(frame=25)))
    assert numbers(good + bad) == (1, 2, 1, 0)
    assert (good + bad).f1 == pytest.approx(2 / (2 + 2 + 1))
    assert len((good + bad).missed) == 2


def test_nothing_to_find_and_nothing_found_is_perfect() -> None:
    assert score_counts(truth(), table()).f1 == 1.0


@st.composite
def worlds(draw: st.DrawFn) -> tuple[CountTruth, TrackTable]:
    """Vehicles that cross a line in either direction, and tracks that follow some of them."""
    frames = draw(st.lists(st.integers(5, 100), max_size=6))
    rows, events = [], []
    for number, frame in enumerate(frames, start=1):
        direction = draw(st.sampled_from("AB"))
        sign = 1 if direction == "A" else -1
        if draw(st.booleans()):
            events.append(event(frame, direction, scored=draw(st.booleans())))
        if draw(st.booleans()):
            late = draw(st.integers(-15, 15))
            rows += [
                (frame + late + s, number, 50.0, 100 + sign * (4.0 * s + 2), "car") for s in range(-3, 3)
            ]
    return truth(*events), table(*rows)


@CALM
@given(worlds(), st.integers(-500, 500), st.integers(-500, 500))
def test_moving_picture_and_lines_changes_nothing(
    world: tuple[CountTruth, TrackTable], dx: int, dy: int
) -> None:
    counts, tracks = world
    (line,) = counts.lines
    moved = replace(line, p1=(line.p1[0] + dx, line.p1[1] + dy), p2=(line.p2[0] + dx, line.p2[1] + dy))
    boxes = tracks.boxes + np.array([dx, dy, dx, dy], np.float32)
    after = score_counts(replace(counts, lines=(moved,)), replace(tracks, boxes=boxes))
    assert numbers(after) == numbers(score_counts(counts, tracks))


@CALM
@given(worlds())
def test_turning_the_line_round_swaps_the_directions(world: tuple[CountTruth, TrackTable]) -> None:
    counts, tracks = world
    turned = tuple(replace(line, p1=line.p2, p2=line.p1) for line in counts.lines)
    swapped = tuple(replace(e, direction="B" if e.direction == "A" else "A") for e in counts.events)
    after = score_counts(replace(counts, lines=turned, events=swapped), tracks)
    assert numbers(after) == numbers(score_counts(counts, tracks))


@CALM
@given(worlds())
def test_rows_in_between_change_nothing(world: tuple[CountTruth, TrackTable]) -> None:
    counts, tracks = world
    same = np.flatnonzero(np.diff(tracks.ids) == 0)
    doubled = TrackTable.sort(
        np.concatenate([tracks.frames * 2, tracks.frames[same] * 2 + 1]),
        np.concatenate([tracks.times_s, (tracks.times_s[same] + tracks.times_s[same + 1]) / 2]),
        np.concatenate([tracks.ids, tracks.ids[same]]),
        np.concatenate([tracks.boxes, (tracks.boxes[same] + tracks.boxes[same + 1]) / 2]),
        tracks.classes + tuple(tracks.classes[i] for i in same),
    )
    assert numbers(score_counts(counts, doubled)) == numbers(score_counts(counts, tracks))


@CALM
@given(worlds())
def test_every_event_and_crossing_is_accounted_for(world: tuple[CountTruth, TrackTable]) -> None:
    counts, tracks = world
    score = score_counts(counts, tracks)
    assert score.hits + score.misses == sum(e.scored for e in counts.events)
    assert score.hits + score.false + score.pardoned == len(find_crossings(counts.lines, tracks))
    assert sum(score.confusion.values()) == score.hits
    assert (len(score.missed), len(score.invented)) == (score.misses, score.false)


def perfect(counts: CountTruth) -> TrackTable:
    """Return one short track an event, straight across its line where it was seen."""
    rows, lines = [], {line.name: line for line in counts.lines}
    for number, seen in enumerate(counts.events, start=1):
        line = lines[seen.line]
        middle, along = np.add(line.p1, line.p2) / 2, np.subtract(line.p2, line.p1)
        across = np.array([-along[1], along[0]]) / np.linalg.norm(along)
        sign = 1 if seen.direction == "A" else -1
        for step in (-1, 0):
            x, y = middle + sign * across * (8 * step + 4)
            rows.append((seen.frame + step, number, x, y, seen.label))
    tracks = table(*rows)
    by_number = np.array([e.time_s for e in counts.events])
    last = np.r_[np.diff(tracks.ids) != 0, True]
    return replace(tracks, times_s=by_number[tracks.ids - 1] - np.where(last, 0.0, 0.05))


@pytest.mark.skipif(not COUNTS.is_dir(), reason=f"REAL DATA ABSENT: no {COUNTS}")
def test_perfect_tracks_of_the_real_counts_score_one() -> None:
    pooled = CountScore()
    for path in sorted(COUNTS.glob("*.json")):
        counts = read_truth(path)
        score = score_counts(counts, perfect(counts))
        assert (score.misses, score.false) == (0, 0), path.name
        assert score.f1 == 1.0
        pooled += score
    assert pooled.hits == 128


def row(frame: int, y: float, name: str = "car") -> str:
    return f"{frame},{frame / RATE_FPS},1,{name},0.9,40.00,{y - 5:.2f},60.00,{y + 5:.2f},detected,0.9\n"


GOOD = {
    "video": "a.mp4",
    "lines": [{"name": "street", "p1": [0, 100], "p2": [200, 100]}],
    "events": [
        {"line": "street", "frame": 10, "time_s": 1.0, "class": "car", "direction": "A", "sure": True}
    ],
}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    counts, tracks = tmp_path / "counts.json", tmp_path / "tracks.csv"
    counts.write_text(json.dumps(GOOD))
    tracks.write_text(HEADER + row(9, 98) + row(10, 102))
    return counts, tracks


def run(*arguments: str):
    app = typer.Typer()
    app.command()(evaluate_counts)
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_the_command_prints_every_clip_and_the_pool(files: tuple[Path, Path]) -> None:
    counts, tracks = files
    pair = ["--truth", counts, "--tracks", tracks]
    result = run(*pair, *pair, "--details")
    assert result.exit_code == 0
    assert result.output.count("a.mp4") == 4  # scores and volumes
    assert "over all" in result.output


def test_the_command_prints_json(files: tuple[Path, Path]) -> None:
    counts, tracks = files
    result = run("--truth", counts, "--tracks", tracks, "--json", "--details")
    content = json.loads(result.output)
    assert content["pooled"]["hits"] == 1
    assert content["clips"][0]["confusion"] == {"car as car": 1}


def test_unequal_numbers_of_files_are_refused(files: tuple[Path, Path]) -> None:
    counts, tracks = files
    with pytest.raises(UsageError, match="1 --truth and 2 --tracks"):
        evaluate_counts([counts], [tracks, tracks])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lines": None}, "no list 'lines'"),
        ({"lines": [{"name": "x", "p1": [0, 0]}]}, r"lines\[0\]: no key 'p2'"),
        ({"lines": [{"name": "x", "p1": [0, 0], "p2": [0]}]}, "two numbers"),
        ({"lines": [{"name": "x", "p1": [0, 0], "p2": [0, 0]}]}, "same point"),
        ({"events": [{"line": "street"}]}, r"events\[0\]: no key 'direction'"),
        ({"events": [{**GOOD["events"][0], "line": "lane"}]}, "no line 'lane'"),
        ({"events": [{**GOOD["events"][0], "direction": "up"}]}, "A or B, not 'up'"),
        ({"events": [{**GOOD["events"][0], "frame": "soon"}]}, r"events\[0\]: "),
        ({"events": ["soon"]}, r"events\[0\]: "),
    ],
)
def test_faults_in_the_counts_are_named(tmp_path: Path, change: dict, words: str) -> None:
    path = tmp_path / "counts.json"
    path.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(ResultError, match=words) as caught:
        read_truth(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_what_is_no_counts_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "counts.json"
    path.write_text(text)
    with pytest.raises(ResultError):
        read_truth(path)
    with pytest.raises(ResultError, match="No such file"):
        read_truth(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: the header has no column frame"),
        ("a,b\n", "line 1: the header has no column frame"),
        (HEADER + row(1, 5) + "2,0.2,1,car\n", "line 3: not a row"),
        (HEADER + row(1, 5).replace("40.00", "wide"), "line 2: not a row"),
        (HEADER + row(1, 5).replace("40.00", "inf"), "not finite"),
    ],
)
def test_faults_in_the_tracks_are_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text(text)
    with pytest.raises(ResultError, match=words):
        read_tracks(path)


def test_a_run_that_saw_nothing_is_a_result(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text(HEADER)
    assert len(read_tracks(path)) == 0
    assert numbers(score_counts(truth(event(3)), read_tracks(path))) == (0, 1, 0, 0)

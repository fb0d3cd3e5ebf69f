"""Pictures of old runs go, everything else stays: numbers, files of others, and what a link points to."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tracker.errors import SinkError
from tracker.sinks._evidence_name import evidence_name
from tracker.sinks._retention import remove_pictures, remove_pictures_of
from tracker.types import Event, Origin

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
MONTH = timedelta(days=30)
CROSSING = Event("crossing", 1.0, 25, 3, "north", "in", 0, 1.0, Origin.DETECTED, np.zeros(4, np.float32))
PICTURES = (
    "annotated.mp4",
    "background.jpg",
    "report.html",
    f"evidence/{evidence_name(CROSSING)}",
    "report/flow.png",
)
NUMBERS = (
    "run.json",
    "tracks.csv",
    "tracks.mot.txt",
    "events.csv",
    "counts.csv",
    "scene.toml",
    "events.parquet",
)
OTHERS = ("notes.txt", "photo.jpg", "evidence/photo.jpg", "evidence/notes.txt", "report/style.css", "my.mp4")


def make_run(folder: Path, days_ago: float, *more: str) -> Path:
    for name in (*PICTURES, *NUMBERS, *more):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("12345")
    end = NOW - timedelta(days=days_ago)
    (folder / "run.json").write_text(json.dumps({"end": end.isoformat(), "completed": True}))
    return folder


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_pictures_of_an_old_run_go_and_all_else_stays(tmp_path: Path) -> None:
    make_run(tmp_path / "old", 31, *OTHERS)
    make_run(tmp_path / "cam1" / "may" / "old", 400)
    make_run(tmp_path / "new", 29)
    removal = remove_pictures(tmp_path, MONTH, NOW)
    assert files(tmp_path / "old") == {*NUMBERS, *OTHERS}
    assert files(tmp_path / "cam1/may/old") == set(NUMBERS)
    assert files(tmp_path / "new") == {*NUMBERS, *PICTURES}
    assert not (tmp_path / "cam1/may/old/evidence").exists()
    assert (len(removal.removed), removal.size_bytes, removal.recent) == (10, 50, 1)
    assert removal.left == removal.failed == []
    assert remove_pictures(tmp_path, MONTH, NOW).removed == []


def test_the_folder_may_be_a_run_itself(tmp_path: Path) -> None:
    remove_pictures(make_run(tmp_path / "run", 31), MONTH, NOW)
    assert files(tmp_path / "run") == set(NUMBERS)


def test_drafts_that_a_killed_run_left_go_too(tmp_path: Path) -> None:
    make_run(tmp_path, 31, "annotated.mp4.part", f"evidence/{evidence_name(CROSSING)}.part", "other.part")
    remove_pictures(tmp_path, MONTH, NOW)
    assert files(tmp_path) == {*NUMBERS, "other.part"}


def test_a_dry_run_says_the_same_and_touches_nothing(tmp_path: Path) -> None:
    make_run(tmp_path / "old", 31, *OTHERS)
    before = files(tmp_path)
    dry = remove_pictures(tmp_path, MONTH, NOW, dry_run=True)
    assert files(tmp_path) == before
    assert dry.removed == remove_pictures(tmp_path, MONTH, NOW).removed


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "{",
        "[]",
        "null",
        '{"end": 3}',
        '{"end": "yesterday"}',
        '{"end": "2020-01-01T00:00:00"}',
        "\xff",
    ],
)
def test_a_run_that_does_not_say_when_it_ended_is_left_alone_and_said(
    content: str | None, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", 400)
    (run / "run.json").unlink()
    if content is not None:
        (run / "run.json").write_bytes(content.encode("latin-1"))
    before = files(tmp_path)
    removal = remove_pictures(tmp_path, MONTH, NOW)
    assert files(tmp_path) == before
    assert [path for path, _ in removal.left] == [run]
    assert removal.removed == []


def test_a_run_that_ends_in_the_future_is_not_old(tmp_path: Path) -> None:
    make_run(tmp_path, -400)
    assert remove_pictures(tmp_path, timedelta(0), NOW).removed == []


def test_no_link_is_followed(tmp_path: Path) -> None:
    """Neither to a run, nor to a picture, nor to the folder of evidence, nor to the time of its end."""
    safe = make_run(tmp_path / "safe", 400)
    runs = tmp_path / "runs"
    linked = make_run(runs / "linked", 400)
    (linked / "annotated.mp4").unlink()
    (linked / "annotated.mp4").symlink_to(safe / "annotated.mp4")
    (linked / "evidence" / evidence_name(CROSSING)).unlink()
    (linked / "evidence").rmdir()
    (linked / "evidence").symlink_to(safe / "evidence")
    (runs / "away").symlink_to(safe)
    told = make_run(runs / "told", 1)
    (told / "run.json").unlink()
    (told / "run.json").symlink_to(safe / "run.json")
    removal = remove_pictures(runs, MONTH, NOW)
    assert files(safe) == {*NUMBERS, *PICTURES}
    assert files(told) == {*NUMBERS, *PICTURES}
    assert (linked / "annotated.mp4").is_symlink()
    left = {path.relative_to(runs) for path, _ in removal.left}
    assert left == {Path(p) for p in ("away", "linked/annotated.mp4", "linked/evidence", "told")}


def test_a_folder_that_bears_a_pictures_name_is_left(tmp_path: Path) -> None:
    run = make_run(tmp_path, 31)
    (run / "background.jpg").unlink()
    (run / "background.jpg").mkdir()
    removal = remove_pictures(tmp_path, MONTH, NOW)
    assert (run / "background.jpg", "it is no plain file") in removal.left


def test_other_folders_are_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.jpg").write_text("x")
    removal = remove_pictures(tmp_path, timedelta(0), NOW)
    assert (removal.removed, removal.left) == ([], [])


def test_a_link_or_nothing_instead_of_the_folder_is_said(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 400)
    (tmp_path / "link").symlink_to(run)
    with pytest.raises(SinkError, match="it is a link"):
        remove_pictures(tmp_path / "link", MONTH, NOW)
    with pytest.raises(SinkError, match="there is no such folder"):
        remove_pictures(tmp_path / "none", MONTH, NOW)
    assert files(run) == {*NUMBERS, *PICTURES}


def test_runs_beside_one_are_found_without_those_further_below(tmp_path: Path) -> None:
    beside, below = make_run(tmp_path / "beside", 31), make_run(tmp_path / "cam" / "below", 31)
    remove_pictures(tmp_path, MONTH, NOW, deep=False)
    assert files(beside) == set(NUMBERS)
    assert files(below) == {*NUMBERS, *PICTURES}


def test_an_older_runs_pictures_make_room_for_a_new_run(tmp_path: Path) -> None:
    run = make_run(tmp_path, 0, *OTHERS)
    assert len(remove_pictures_of(run).removed) == len(PICTURES)
    assert files(run) == {*NUMBERS, *OTHERS}
    assert remove_pictures_of(tmp_path / "none").removed == []


def test_what_cannot_be_removed_is_told_and_the_rest_goes() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        run = make_run(folder, 31)
        for place in (folder, *folder.rglob("*")):
            place.chmod(0o777 if place.is_dir() else 0o666)
        (run / "evidence").chmod(0o555)
        with without_rights():
            removal = remove_pictures(folder, MONTH, NOW)
        assert removal.failed == [(run / "evidence" / evidence_name(CROSSING), "Permission denied")]
        assert files(run) == {*NUMBERS, f"evidence/{evidence_name(CROSSING)}"}
        (run / "evidence").chmod(0o777)


@contextlib.contextmanager
def without_rights() -> Iterator[None]:
    """Be user nobody for a moment: root may remove anything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)

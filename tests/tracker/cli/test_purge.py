"""``track purge``: a run of the tool itself, and what is said about what is removed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Track = Callable[..., Any]


def old(run: Path) -> Path:
    """Let a run have ended long ago."""
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**about, "end": "2020-01-01T00:00:00+00:00"}))
    return run


def test_a_recent_run_is_kept_and_an_old_one_loses_its_video(
    replay: Track, track: Track, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "road"
    assert replay("--out", run).code == 0
    before = sorted(path.name for path in run.iterdir())
    kept = track("purge", tmp_path / "runs", "--older-than", "30")
    assert kept.code == 0
    assert "removed 0 files" in kept.out
    assert "1 run ended less than 30 days ago" in kept.out
    assert sorted(path.name for path in run.iterdir()) == before
    old(run)
    dry = track("purge", tmp_path / "runs", "--older-than", "30", "--dry-run")
    assert f"would remove {run / 'annotated.mp4'}" in dry.out
    assert (run / "annotated.mp4").exists()
    done = track("purge", tmp_path / "runs", "--older-than", "30")
    assert f"removed {run / 'annotated.mp4'}" in done.out
    assert sorted(path.name for path in run.iterdir()) == [name for name in before if name != "annotated.mp4"]


def test_a_run_without_its_end_is_said(track: Track, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "annotated.mp4").write_text("x")
    done = track("purge", tmp_path, "--older-than", "0")
    assert done.code == 0
    assert f"left alone: {tmp_path / 'broken'}" in done.out
    assert (tmp_path / "broken" / "annotated.mp4").exists()


@pytest.mark.parametrize("days", ["-1", "nan", "inf", "1e9"])
def test_days_out_of_range_are_usage_errors(days: str, track: Track, tmp_path: Path) -> None:
    done = track("purge", tmp_path, "--older-than", days)
    assert done.code == 2
    assert "--older-than must lie in" in done.err


def test_the_age_must_be_said(track: Track, tmp_path: Path) -> None:
    assert track("purge", tmp_path).code == 2


def test_a_folder_that_is_not_there_is_one_line(track: Track, tmp_path: Path) -> None:
    done = track("purge", tmp_path / "none", "--older-than", "1")
    assert done.code == 1
    assert "there is no such folder" in done.err

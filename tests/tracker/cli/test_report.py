"""``track report`` on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Track = Callable[..., Any]


@pytest.fixture
def finished(replay: Track, tmp_path: Path) -> Path:
    """Track the tiny video."""
    folder = tmp_path / "run"
    assert replay("--out", folder, "--no-video").code == 0
    return folder


def test_a_real_run_has_a_page(track: Track, finished: Path, tmp_path: Path) -> None:
    page = tmp_path / "pages" / "tráfego.html"
    done = track("report", finished, "--out", page, "--lang", "pt-BR")
    assert (done.code, done.err) == (0, "")
    assert done.out.strip() == str(page)
    assert "Relatório de tráfego" in page.read_text("utf-8")
    assert (page.parent / "tráfego" / "trajectories.png").is_file()


def test_mistakes_are_one_line(track: Track, finished: Path, tmp_path: Path) -> None:
    for arguments, code, told in (
        ([tmp_path / "nowhere"], 1, "is no folder"),
        ([tmp_path], 1, "holds no run.json"),
        ([finished, "--lang", "fr"], 2, "unknown language 'fr'"),
        ([finished, "--out", tmp_path / "page.pdf"], 2, "must end in .html"),
        ([], 2, "run_folder"),
    ):
        done = track("report", *arguments)
        assert done.code == code, arguments
        assert told in done.err
        assert len(done.err.splitlines()) == 1
    (finished / "tracks.csv").write_text("frame,time_s\n1,2\n")
    done = track("report", finished)
    assert done.code == 1
    assert "tracks.csv line 1: the header has no column track_id" in done.err

"""The command line on the tiny video, and what a run that failed may not leave behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Track = Callable[..., Any]


@pytest.fixture
def replay(track: Track, tiny_video: Path, tiny_boxes: Path) -> Track:
    """Return the command line with the tiny video and its boxes given already."""
    return lambda *more: track("--video", tiny_video, "--detector", f"replay:{tiny_boxes}", *more)


@pytest.fixture
def debris() -> Callable[[Path], list[str]]:
    """Return a function that lists the drafts and results below a folder."""

    def listed(folder: Path) -> list[str]:
        results = ("run.json", "tracks.csv", "tracks.mot.txt", "annotated.mp4")
        files = [path for path in folder.rglob("*") if path.suffix == ".part" or path.name in results]
        return sorted(path.name for path in files)

    return listed

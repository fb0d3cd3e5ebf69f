"""``scene.toml``: the scene that a run counted with, in pixels of its video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tracker.scene.model import Scene
from tracker.scene.writing import write_scene
from tracker.sinks._files import LineFile
from tracker.types import FrameResult, RunInfo


@dataclass(frozen=True, slots=True)
class Config:
    """Where to write."""

    path: str = "scene.toml"


class SceneSink:
    """Writes the scene when the run begins."""

    def __init__(self, config: Config) -> None:
        """Nothing is written before ``open``."""
        self._path = Path(config.path)

    def open(self, run: RunInfo) -> None:
        """Write the file.

        Raises:
            SinkError: it cannot be written.
        """
        file = LineFile(self._path)
        file.write(write_scene(run.scene or Scene(size=(run.source.width, run.source.height))))
        file.close()

    def write(self, result: FrameResult) -> None:
        """Do nothing: all was said."""

    def close(self, completed: bool) -> None:
        """Do nothing: all was said."""


def build(config: Config) -> SceneSink:
    """Build the sink."""
    return SceneSink(config)

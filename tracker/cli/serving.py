"""Runs that can be watched in a browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from tracker.cli.complain import complain
from tracker.compose import budget_of
from tracker.config import Settings
from tracker.errors import SourceError
from tracker.live.feed import Camera, Feed
from tracker.pipeline import Pipeline
from tracker.protocols import Sink
from tracker.sinks.recording import RecordingSink

#: A camera that cannot be opened when a run begins is tried again after so many seconds.
RETRY_S = 5.0


class Watched:
    """One run after another of a camera that somebody may watch, and whose scene may be changed there.

    Args:
        connection: the camera's end of the pipe to the server.
        scene_file: where a scene that is drawn in the browser is saved.
    """

    def __init__(self, connection: Connection, scene_file: Path) -> None:
        """Begin before the first run."""
        self._connection, self._scene_file = connection, scene_file
        self._another = threading.Event()
        self._told = ""
        self._pipeline: Pipeline | None = None

    @property
    def wants_another(self) -> bool:
        """Whether the last run was ended so that another one begins."""
        return self._another.is_set()

    def with_scene(self, settings: Settings) -> Settings:
        """Return the settings with the scene as it is now, if there is one."""
        return replace(settings, scene=str(self._scene_file)) if self._scene_file.exists() else settings

    def feed(self, settings: Settings, pipeline: Pipeline, folder: Path, sinks: Sequence[Sink]) -> Feed:
        """Return the sink that shows a run."""
        self._another.clear()
        self._told = ""
        self._pipeline = pipeline
        budget = budget_of(pipeline)
        camera = Camera(
            health=lambda: pipeline.source.health,
            warnings=lambda: tuple(pipeline.source.warnings),
            budget=lambda: 1.0 if budget is None else budget.share,
            restart=self.begin_another,
            folder=str(folder),
            scene_file=str(self._scene_file),
            recorder=next((sink for sink in sinks if isinstance(sink, RecordingSink)), None),
        )
        return Feed(self._connection, camera, settings.blur)

    def wait_for_camera(self, name: str, failure: SourceError) -> None:
        """Wait before a camera that could not be opened is tried again; say it once, it may be off long."""
        if str(failure) != self._told:
            self._told = str(failure)
            complain(f"camera {name}: {failure}; it is tried again every {RETRY_S:g} s")
        time.sleep(RETRY_S)

    def begin_another(self) -> None:
        """Let the run come to its end, as if its source had; called from any thread."""
        pipeline = self._pipeline
        if pipeline is not None:
            self._another.set()
            pipeline.source.__exit__(None, None, None)

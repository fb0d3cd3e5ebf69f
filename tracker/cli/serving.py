"""Runs that can be watched in a browser."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from tracker.compose import budget_of
from tracker.config import Settings
from tracker.live.feed import Camera, Feed
from tracker.live.server import Address, Server, token_for
from tracker.pipeline import Pipeline
from tracker.protocols import Sink
from tracker.sinks.recording import RecordingSink


class Serving:
    """A server, and one run after another that it shows: a context manager.

    Args:
        address: ``[HOST:]PORT``.
        name: of the camera.

    Raises:
        UsageError: that is no address.
        ServeError: the address cannot be had.
    """

    def __init__(self, address: str, name: str) -> None:
        """Listen; nothing is served yet."""
        where = Address.read(address)
        self._server = Server(where, token_for(where))
        self._name = name
        self._connection: Connection | None = None
        self._restart = threading.Event()
        self._scene_file: Path | None = None

    def __enter__(self) -> Self:
        """Start the server and say where it is."""
        self._connection = self._server.start((self._name,))[self._name]
        Console(stderr=True).print(f"watch it at {self._server.url}", highlight=False, soft_wrap=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """End the server."""
        self._server.stop()

    @property
    def wants_another(self) -> bool:
        """Whether the last run was ended because its scene was changed."""
        return self._restart.is_set()

    def with_scene(self, settings: Settings, folder: Path) -> Settings:
        """Return the settings with the scene that is drawn in the browser.

        It is saved where the user's scene is; without one beside the runs' folders, where the next run of
        this camera finds it.
        """
        if self._scene_file is None:
            own = folder.parent / f"{self._name}.scene.toml"
            self._scene_file = Path(settings.scene) if settings.scene else own
        return replace(settings, scene=str(self._scene_file)) if self._scene_file.exists() else settings

    def feed(self, settings: Settings, pipeline: Pipeline, folder: Path, sinks: Sequence[Sink]) -> Feed:
        """Return the sink that shows a run; when its scene is changed it lets the run come to its end."""
        assert self._connection is not None
        self._restart.clear()
        budget = budget_of(pipeline)

        def restart() -> None:
            self._restart.set()
            pipeline.source.__exit__(None, None, None)

        camera = Camera(
            health=lambda: pipeline.source.health,
            warnings=lambda: tuple(pipeline.source.warnings),
            budget=lambda: 1.0 if budget is None else budget.share,
            restart=restart,
            folder=str(folder),
            scene_file=str(self._scene_file) if self._scene_file else None,
            recorder=next((sink for sink in sinks if isinstance(sink, RecordingSink)), None),
        )
        return Feed(self._connection, camera, settings.blur)

"""``track serve``: several cameras, for weeks, behind one page."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tracker.live.cameras import CameraPlan


def serve(
    config: Annotated[Path, typer.Option(help="The cameras: see 'Several cameras' in the README.")],
) -> None:
    """Track several cameras, each in a process of its own, and show them on one page.

    A camera whose process dies is started again; every camera begins a new run at midnight. A SIGTERM or
    Ctrl-C ends all of them, with all files closed.
    """
    from rich.console import Console

    from tracker.cli.complain import complain
    from tracker.live.cameras import read_cameras
    from tracker.live.hub import Hub
    from tracker.live.server import Server, token_for
    from tracker.live.service import Service

    plan = read_cameras(config)
    for camera in plan.cameras:
        _check(camera)
    server = Server(plan.address, token_for(plan.address), plan.broker)
    try:
        hub = Hub()
        with Service(plan.cameras, run_camera, hub, complain):
            names = ", ".join(camera.name for camera in plan.cameras)
            Console(stderr=True).print(f"watch {names} at {server.url}", highlight=False, soft_wrap=True)
            with contextlib.suppress(KeyboardInterrupt):  # to be stopped is how a service ends well
                server.run_here(hub)
    finally:
        server.stop()


def _check(camera: CameraPlan) -> None:
    """See that a camera's settings, scene, database and folder are right, before any camera is started.

    Raises:
        ProjectError: something is not; the camera is named.
    """
    from detectors.errors import ProjectError, UsageError
    from tracker.cli.job import check_asked
    from tracker.cli.places import Outputs
    from tracker.compose.checks import check_settings
    from tracker.sinks._files import check_folder

    try:
        check_settings(camera.settings)
        check_asked(camera.settings, Outputs())
        check_folder(camera.folder)
    except ProjectError as exc:
        raise UsageError(f"camera {camera.name}: {exc}") from exc


def run_camera(camera: CameraPlan, connection: Connection) -> None:
    """Track one camera, in its own process, until a SIGTERM."""
    from detectors.errors import ProjectError
    from tracker.cli.complain import complain

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it reaches the whole group; the service decides
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ["TTY_COMPATIBLE"] = "0"  # several bars of progress would write over one another
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _run(camera, connection)
    except KeyboardInterrupt:
        return
    except ProjectError as exc:
        complain(f"camera {camera.name}: {exc}")
        sys.exit(exc.exit_code)


def _run(camera: CameraPlan, connection: Connection) -> None:
    """Begin one run after another: where the scene was changed, at midnight, when the camera is back."""
    from tracker.cli.job import run_one
    from tracker.cli.places import Outputs, keep_for, next_place
    from tracker.cli.serving import RETRY_S, Watched
    from tracker.compose import build_detector
    from tracker.errors import SourceError

    scene = camera.settings.scene
    watched = Watched(connection, Path(scene) if scene else camera.folder / "scene.toml")
    detector = build_detector(camera.settings)
    threading.Thread(target=_begin_days, args=(watched.begin_another,), daemon=True).start()
    while True:
        folder = camera.folder / time.strftime("%Y%m%d-%H%M%S")
        folder = next_place(folder) if folder.exists() else folder
        if camera.settings.retention_days is not None:
            keep_for(camera.settings.retention_days, [folder])
        settings = watched.with_scene(camera.settings)
        try:
            run_one(settings, detector, folder, Outputs(folder), watched)
        except SourceError as exc:
            watched.wait_for_camera(camera.name, exc)
            continue
        if not watched.wants_another:
            time.sleep(RETRY_S)


def _begin_days(begin_another: Callable[[], None]) -> None:
    """Let another run begin at every midnight of this machine's clock."""
    while True:
        now = datetime.now()
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        # by time stamps: a day in which summer time begins or ends is not 24 hours long
        time.sleep(max(midnight.timestamp() - now.timestamp(), 1.0))
        begin_another()


def _end_with_parent() -> None:
    """Stop where the service is gone without a word."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

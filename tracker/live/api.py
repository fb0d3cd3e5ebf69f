"""What other programs can ask, and what the page asks."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from tracker.live.answers import (
    CameraAnswer,
    CountsAnswer,
    EventAnswer,
    HealthAnswer,
    Problem,
    RecordingOrder,
    TrackAnswer,
    camera_answer,
    counts_answer,
    event_answer,
    track_answer,
)
from tracker.live.drawn import DrawnScene, SceneAnswer, SceneProblem, save, scene_of
from tracker.live.hub import Hub
from tracker.live.known import EVENTS_KEPT, GONE
from tracker.live.messages import Record, Restart
from tracker.live.metrics import metrics_registry

_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "no such camera"}}
_GONE: dict[int | str, dict[str, Any]] = {409: {"model": Problem, "description": "not now"}}
_WRONG: dict[int | str, dict[str, Any]] = {
    409: {"model": SceneProblem, "description": "it cannot be saved now"},
    422: {"model": SceneProblem, "description": "something is wrong with it"},
}
router = APIRouter()


def hub_of(connection: HTTPConnection) -> Hub:
    """Return the hub of the application that is asked."""
    hub: Hub = connection.app.state.hub
    return hub


TheHub = Annotated[Hub, Depends(hub_of)]
OneCamera = Annotated[str | None, Query(description="name of a camera; all without it", max_length=80)]


@router.get("/healthz")
async def health(hub: TheHub) -> HealthAnswer:
    """The server answers, and says which cameras are open."""
    states = {name: hub.view(name).state for name in hub.names()}
    good = all(state == "open" for state in states.values())
    return HealthAnswer(status="ok" if good else "degraded", cameras=states)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(hub: TheHub) -> Response:
    """Numbers for Prometheus. Counters count from the start of the server and never fall."""
    return Response(generate_latest(metrics_registry(hub)), headers={"content-type": CONTENT_TYPE_LATEST})


@router.get("/api/cameras")
async def cameras(hub: TheHub) -> list[CameraAnswer]:
    """All cameras, and how they are doing."""
    return [camera_answer(hub.view(name)) for name in hub.names()]


@router.get("/api/cameras/{name}", responses=_MISSING)
async def camera(hub: TheHub, name: str) -> CameraAnswer:
    """One camera, and how it is doing."""
    return camera_answer(hub.view(name))


@router.post("/api/cameras/{name}/recording", responses=_MISSING | _GONE)
async def record(hub: TheHub, name: str, order: RecordingOrder) -> RecordingOrder:
    """Begin to record annotated pictures, or stop; the camera's own answer says when it is so."""
    if hub.view(name).state == GONE or not hub.send(name, Record(order.on)):
        return _refused(409, f"camera '{name}' does not answer now")  # type: ignore[return-value]
    return order


@router.get("/api/cameras/{name}/scene", responses=_MISSING | _WRONG)
def scene(hub: TheHub, name: str) -> SceneAnswer:
    """Counting lines and zones, in pixels of the camera's pictures."""
    hello = hub.view(name).hello
    return scene_of(hello) if hello is not None else _not_yet(name)  # type: ignore[return-value]


@router.put("/api/cameras/{name}/scene", responses=_MISSING | _WRONG)
def save_scene(hub: TheHub, name: str, drawn: DrawnScene) -> SceneAnswer:
    """Save lines and zones to the camera's scene file, and let it begin again with them.

    Everything else in the file stays. Points lie in the picture; at most 50 lines and 50 zones of at most 64
    points each, with different names of at most 80 characters.
    """
    hello = hub.view(name).hello
    if hello is None:
        return _not_yet(name)  # type: ignore[return-value]
    save(drawn, hello)
    hub.send(name, Restart())
    return scene_of(hello)


@router.get("/api/counts", responses=_MISSING)
async def counts(hub: TheHub, camera: OneCamera = None) -> list[CountsAnswer]:
    """Crossings by line, direction and class: all since the server began, and the last hour by minute."""
    return [counts_answer(hub, name) for name in ([camera] if camera is not None else hub.names())]


@router.get("/api/events", responses=_MISSING)
async def events(
    hub: TheHub,
    camera: OneCamera = None,
    after: Annotated[int | None, Query(ge=0, description="id of the last event that is known")] = None,
    limit: Annotated[int, Query(ge=1, le=EVENTS_KEPT)] = 100,
) -> list[EventAnswer]:
    """What road users did, the oldest first: what came next after an id, or the newest without one.

    The last 1000 of each camera are kept; the files of the run hold all.
    """
    return [event_answer(known) for known in hub.events(camera, after, limit)]


@router.get("/api/tracks", responses=_MISSING)
async def tracks(hub: TheHub, camera: OneCamera = None) -> list[TrackAnswer]:
    """Who is there now."""
    views = [hub.view(name) for name in ([camera] if camera is not None else hub.names())]
    return [
        track_answer(view.name, track)
        for view in views
        if view.status is not None and view.state == "open"
        for track in view.status.tracks
    ]


def _refused(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status)


def _not_yet(name: str) -> JSONResponse:
    return _refused(409, f"camera '{name}' has not begun yet")

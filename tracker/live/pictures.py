"""A camera's pictures: one, a stream for any program, or one after the other for the page.

The page uses the socket, not the stream: browsers open six HTTP connections to a server at most, so that six
cameras in a grid would leave none for anything else. And it asks for each picture when the one before is
shown, so that a slow line makes them fewer and never late.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse

from detectors.errors import ProjectError
from tracker.live.answers import Problem
from tracker.live.api import TheHub
from tracker.live.hub import Hub

_BOUNDARY = "picture"
_FIRST_PICTURE_S = 4.0
#: A page that took so long to show a picture is asleep, and should not keep the camera drawing.
_ASLEEP_S = 30.0
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}},
    503: {"model": Problem, "description": "the camera sends no pictures now"},
}
router = APIRouter(responses={404: {"model": Problem, "description": "no such camera"}})


@router.get("/api/cameras/{name}/picture", response_class=Response, responses=_ANSWERS)
async def picture(hub: TheHub, name: str) -> Response:
    """The newest picture, with boxes and lines."""
    with hub.watching(name) as viewer:
        newest = await viewer.picture(_FIRST_PICTURE_S)
    if newest is None:
        return JSONResponse({"detail": f"camera '{name}' sends no pictures now"}, 503)
    headers = {"x-picture-time": newest.time.isoformat(), "x-picture-index": str(newest.index)}
    return Response(newest.jpeg, media_type="image/jpeg", headers=headers)


@router.get(
    "/api/cameras/{name}/stream",
    response_class=Response,
    responses={200: {"content": {"multipart/x-mixed-replace": {}}}},
)
async def stream(hub: TheHub, name: str) -> Response:
    """Moving pictures (MJPEG), for players and other programs; each picture is the newest."""
    hub.view(name)
    kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
    return StreamingResponse(_parts(hub, name), media_type=kind)


@router.websocket("/api/cameras/{name}/pictures")
async def pictures(socket: WebSocket, hub: TheHub, name: str) -> None:
    """Send a picture for every message that comes: the newest, as soon as there is one that is new."""
    await socket.accept()
    asked = asyncio.Event()
    showing = asyncio.create_task(_show(socket, hub, name, asked))
    try:
        while True:
            await socket.receive_text()
            asked.set()
    except (WebSocketDisconnect, RuntimeError, KeyError):
        showing.cancel()  # it is gone, or sends what the page never does


async def _show(socket: WebSocket, hub: Hub, name: str, asked: asyncio.Event) -> None:
    quiet = contextlib.suppress(TimeoutError, ProjectError, WebSocketDisconnect, RuntimeError)
    with quiet, hub.watching(name) as viewer:
        while True:
            async with asyncio.timeout(_ASLEEP_S):
                await asked.wait()
            asked.clear()
            newest = await viewer.picture()
            if newest is None:
                break
            await socket.send_bytes(newest.jpeg)
    with contextlib.suppress(RuntimeError):
        await socket.close(1001)


async def _parts(hub: Hub, name: str) -> AsyncIterator[bytes]:
    """Yield the parts of a stream; each ends with the next one's boundary, or browsers show it late."""
    with hub.watching(name) as viewer:
        yield f"--{_BOUNDARY}\r\n".encode()
        while (newest := await viewer.picture()) is not None:
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(newest.jpeg)}\r\n\r\n"
            yield head.encode() + newest.jpeg + f"\r\n--{_BOUNDARY}\r\n".encode()

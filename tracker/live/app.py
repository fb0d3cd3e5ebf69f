"""The web application: page, API and sockets behind one guard."""

from __future__ import annotations

from dataclasses import asdict
from importlib import metadata

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse

from detectors.errors import ProjectError, UnknownNameError
from tracker.live import api, board, pages, pictures
from tracker.live.drawn import DrawnError
from tracker.live.guard import Guard
from tracker.live.hub import Hub

_ABOUT = (
    "Live cameras: how they are doing, what they count, and their pictures. "
    "Where the server has a token, send it with every request as 'Authorization: Bearer TOKEN'."
)
_INTERNAL = {"loc", "body", "query", "path"}


def build_app(hub: Hub, token: str | None) -> FastAPI:
    """Return the application that shows what a hub knows.

    Args:
        hub: of the cameras; they may be added later too.
        token: that every request needs; None for none, which is for servers on loopback alone.
    """
    app = FastAPI(
        title="Road tracker",
        version=metadata.version("road-tracker"),
        description=_ABOUT,
        docs_url=None,  # both would load their parts from the network
        redoc_url=None,
    )
    app.state.hub = hub
    app.state.board = board.Board(hub)
    for router in (api.router, pictures.router, board.router, pages.router):
        app.include_router(router)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(ProjectError, _refused)
    app.add_middleware(Guard, token=token)
    return app


async def _malformed(_: Request, exc: Exception) -> JSONResponse:
    """Say in one line what is wrong with a request; never the input itself, which may be no JSON."""
    assert isinstance(exc, RequestValidationError)
    first = exc.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in _INTERNAL)
    return JSONResponse({"detail": f"{place or 'the request'}: {first['msg']}"} | _spot(first["loc"]), 422)


async def _refused(_: Request, exc: Exception) -> JSONResponse:
    """Say a project's error, which is one line already."""
    line = " ".join(str(exc).split()).encode("utf-8", "replace").decode()
    answer: dict[str, object] = {"detail": line}
    status = 404 if isinstance(exc, UnknownNameError) else 422
    if isinstance(exc, DrawnError):
        status = 409 if exc.conflict else 422
        if exc.spot is not None:
            answer |= asdict(exc.spot)
    return JSONResponse(answer, status)


def _spot(where: tuple[int | str, ...]) -> dict[str, object]:
    """Return which line or zone a complaint of pydantic means."""
    match where:
        case ("body", "lines" | "zones" as kind, int(place), str(field), *_):
            return {"kind": kind.removesuffix("s"), "place": place, "field": field}
    return {}

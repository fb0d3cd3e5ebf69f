"""The files of the page: read once from the package, and served by name; there is no path to escape from."""

from __future__ import annotations

import hashlib
import html
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
router = APIRouter(include_in_schema=False)


@cache
def page_text(name: str) -> str:
    """Return a text file of the page."""
    return resources.files("tracker.live").joinpath("page", name).read_text("utf-8")


@cache
def words() -> Mapping[str, Mapping[str, Any]]:
    """Return the words of the page by language."""
    return tomllib.loads(page_text("words.toml"))


@cache
def _files() -> Mapping[str, tuple[bytes, str]]:
    """Return what the page loads: content and type by name."""
    found = {}
    for file in resources.files("tracker.live").joinpath("page").iterdir():
        ending = file.name.rpartition(".")[2]
        if ending in _TYPES:
            found[file.name] = (file.read_bytes(), _TYPES[ending])
    return found


@router.get("/")
def page() -> HTMLResponse:
    """Return the page."""
    return HTMLResponse(page_text("index.html"))


@router.get("/page/{name}")
def page_file(name: str, request: Request) -> Response:
    """Return a file of the page."""
    if name not in _files():
        return JSONResponse({"detail": "there is no such file"}, 404)
    content, kind = _files()[name]
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=kind, headers=headers)


@router.get("/words.json")
def all_words() -> JSONResponse:
    """Return the words of the page in all languages."""
    return JSONResponse(words())


@router.get("/docs")
def documentation(request: Request) -> HTMLResponse:
    """Return a list of what can be asked: FastAPI's own page would load its parts from the network."""
    schema = request.app.openapi()
    rows = "".join(_described(schema))
    return HTMLResponse(
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>API - Road tracker</title>"
        '<link rel="stylesheet" href="/page/page.css"></head><body class="docs"><h1>API</h1>'
        f"<p>{html.escape(schema['info']['description'])} "
        f'<a href="/openapi.json">openapi.json</a></p><dl>{rows}</dl></body></html>'
    )


def _described(schema: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in schema["paths"].items():
        for method, about in methods.items():
            asked = ", ".join(x["name"] for x in about.get("parameters", ()) if x["in"] == "query")
            what = html.escape(about.get("description", about.get("summary", "")))
            yield f"<dt><code>{method.upper()} {html.escape(path)}</code>"
            yield f" {html.escape('?' + asked if asked else '')}</dt><dd>{what}</dd>"

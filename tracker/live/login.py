"""The page on which the token is typed: it stands alone, since nothing else is served without the token."""

from __future__ import annotations

import base64
import hashlib
import html
from functools import cache

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, Response

from tracker.live.pages import page_text, words

LOGIN_PATH = "/token"


def login_page(headers: Headers, wrong: bool) -> Response:
    """Refuse a request for want of the token: people get a page, programs a line.

    Args:
        headers: of the request.
        wrong: a token was given, but not the right one.
    """
    challenge = {"www-authenticate": "Bearer"}
    if "text/html" not in headers.get("accept", ""):
        why = "the token is wrong" if wrong else "a token is needed"
        return JSONResponse({"detail": f"{why}: send 'Authorization: Bearer TOKEN'"}, 401, challenge)
    language = "pt-BR" if headers.get("accept-language", "").lower().startswith("pt") else "en"
    say = {key.partition(".")[2]: text for key, text in words()[language].items() if key.startswith("login.")}
    # a link on another site brought us here: its redirect came without the cookie, a reload has it
    again = '<meta http-equiv="refresh" content="0">' if headers.get("sec-fetch-site") == "cross-site" else ""
    page = page_text("login.html").format(
        lang=language,
        css=page_text("login.css"),
        again=again,
        title=html.escape(say["title"]),
        lead=html.escape(say["wrong" if wrong else "lead"]),
        label=html.escape(say["label"]),
        button=html.escape(say["button"]),
        where=html.escape(say["where"]),
        invalid="true" if wrong else "false",
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{_css_hash()}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return HTMLResponse(page, 401, challenge | {"content-security-policy": policy})


@cache
def _css_hash() -> str:
    return base64.b64encode(hashlib.sha256(page_text("login.css").encode()).digest()).decode()

"""Who may ask the server anything: checked before any route is, so that none can be forgotten.

With a token everything needs it. Without one the server listens on loopback alone, and the danger is the
user's own browser: other sites' pages may not reach it under a name of their own (DNS rebinding), nor change
anything through it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tracker.live.login import LOGIN_PATH, login_page

#: A scene of 50 lines and 50 zones with 64 points each is about half of it.
MOST_BODY = 512 * 1024
_READING = ("GET", "HEAD", "OPTIONS")
_COOKIE_DAYS = 30
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # "no-referrer" would take the origin from our own forms too
    "referrer-policy": "same-origin",
    # other sites may not show our pictures either
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """Lets requests through to an application, or answers them itself."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        """Guard an application.

        Args:
            app: what is guarded.
            token: that everybody needs; None for loopback alone.
        """
        self._app = app
        self._token = None if token is None else token.encode()
        digest = hmac.new(self._token or b"", b"road tracker cookie", hashlib.sha256).hexdigest()
        # named after the token: cookies know no ports, and two servers on one machine must not log each
        # other out; its value is no password either
        self._cookie, self._ticket = f"road_tracker_{digest[:8]}", digest[8:]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as ASGI has it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 1008})  # before it is accepted: HTTP 403
            return
        if refusal is None and scope["method"] not in _READING:
            body = await _body(receive)
            if body is None:
                refusal = _problem(413, f"a request may hold {MOST_BODY} bytes")
            elif self._token is not None and scope["path"] == LOGIN_PATH:
                refusal = self._log_in(scope, body)
            else:
                receive = _replayed(body, receive)
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if self._token is None and not _is_local(headers.get("host", "")):
            return _problem(403, "this server answers to localhost only; other names need a token")
        writes = scope["type"] == "websocket" or scope["method"] not in _READING
        if writes and not _same_origin(headers):
            return _problem(403, "a page of another site may not do this")
        return None if self._token is None else self._unknown(scope, headers)

    def _unknown(self, scope: Scope, headers: Headers) -> Response | None:
        """Answer who has no token; None for those who have."""
        is_page = scope["type"] == "http"
        if is_page and scope["method"] == "GET" and b"token=" in scope["query_string"]:
            return self._asked(scope, headers)
        if self._is_known(headers):
            return None
        if is_page and scope["path"] == LOGIN_PATH and scope["method"] == "POST":
            return None  # its body holds the token
        return login_page(headers, wrong=False)

    def _asked(self, scope: Scope, headers: Headers) -> Response:
        """Take the token from the address, also of who is known: it should not stay there to be seen."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query).get("token", "")
        if not self._is_token(given):
            return login_page(headers, wrong=True)
        rest = urlencode([(key, value) for key, value in query if key != "token"])
        return self._logged_in(scope, scope["path"] + (f"?{rest}" if rest else ""))

    def _log_in(self, scope: Scope, body: bytes) -> Response:
        given = dict(parse_qsl(body[:4096].decode("utf-8", "replace"))).get("token", "")
        headers = Headers(scope=scope)
        return self._logged_in(scope, "/") if self._is_token(given) else login_page(headers, wrong=True)

    def _logged_in(self, scope: Scope, address: str) -> Response:
        # two slashes at the beginning would lead to another server
        answer = RedirectResponse("/" + address.lstrip("/\\"), 303)
        answer.set_cookie(
            self._cookie,
            self._ticket,
            max_age=_COOKIE_DAYS * 86400,
            httponly=True,
            samesite="strict",
            secure=scope.get("scheme") == "https",
        )
        return answer

    def _is_known(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._is_token(given.strip())
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return morsel is not None and secrets.compare_digest(morsel.value.encode(), self._ticket.encode())

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode("utf-8", "replace"), self._token or b"")


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sending


def _problem(status: int, detail: str) -> Response:
    return JSONResponse({"detail": detail}, status)


def _is_local(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname if "@" not in host else None
        return name == "localhost" or (name is not None and ipaddress.ip_address(name).is_loopback)
    except ValueError:
        return False


def _same_origin(headers: Headers) -> bool:
    """Tell whether a browser's request is of our own page; what names no origin is no browser's."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"//{headers.get('host', '')}")
        ports = {"http": 80, "https": 443}
        # the scheme is not compared: behind a proxy that speaks TLS we only ever see http
        port = ports.get(theirs.scheme, 0)
        return theirs.hostname == ours.hostname and (theirs.port or port) == (ours.port or port)
    except ValueError:
        return False


async def _body(receive: Receive) -> bytes | None:
    """Read a body; None where it is too long."""
    body = b""
    while len(body) <= MOST_BODY:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body if len(body) <= MOST_BODY else None
    return None


def _replayed(body: bytes, receive: Receive) -> Receive:
    waiting = [body]

    async def receiving() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return receiving

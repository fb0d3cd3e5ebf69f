"""Who may ask: nobody without the token, and no page of another site."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tracker.live.app import build_app

Live = Any  # conftest.Live: test files do not import one another
TOKEN = "a-token-of-many-letters"
HERE, THERE = "ws://localhost:8000", "ws://road.example:8000"
HTML = {"accept": "text/html"}
ROUTES = (
    *(
        "/",
        "/healthz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/words.json",
        "/page/page.css",
        "/page/page.js",
    ),
    *(
        "/api/cameras",
        "/api/cameras/gate",
        "/api/cameras/gate/scene",
        "/api/counts",
        "/api/events",
        "/api/tracks",
    ),
    *("/api/cameras/gate/picture", "/api/cameras/gate/stream", "/nothing", "/page/nothing"),
)


@pytest.fixture
def client(live: Live) -> TestClient:
    """Somebody on this machine; no token."""
    return TestClient(build_app(live.hub, None), base_url="http://localhost:8000")


@pytest.fixture
def stranger(live: Live) -> TestClient:
    """Somebody without the token of a server that has one."""
    return TestClient(build_app(live.hub, TOKEN), base_url="http://road.example:8000", follow_redirects=False)


@pytest.mark.parametrize("path", ROUTES)
def test_everything_needs_the_token(live: Live, stranger: TestClient, path: str) -> None:
    live.open()
    assert stranger.get(path).status_code == 401
    assert stranger.get(path, headers={"authorization": "Bearer wrong"}).status_code == 401
    assert stranger.get(path, headers={"cookie": "road_tracker_00000000=x"}).status_code == 401
    assert stranger.get(path, params={"token": "wrong"}).status_code == 401


def test_changes_need_the_token(live: Live, stranger: TestClient) -> None:
    camera = live.open()
    assert stranger.post("/api/cameras/gate/recording", json={"on": True}).status_code == 401
    assert stranger.put("/api/cameras/gate/scene", json={"lines": []}).status_code == 401
    assert stranger.request("DELETE", "/", content=b"x").status_code == 401
    assert camera.heard(0.1) is None


@pytest.mark.parametrize("path", ["/ws", "/api/cameras/gate/pictures"])
def test_sockets_need_the_token(live: Live, stranger: TestClient, path: str) -> None:
    live.open()
    for headers in ({}, {"authorization": "Bearer wrong"}):
        with pytest.raises(WebSocketDisconnect), stranger.websocket_connect(THERE + path, headers=headers):
            pass
    with stranger.websocket_connect(THERE + path, headers={"authorization": f"Bearer {TOKEN}"}):
        pass


def test_programs_send_the_token_with_every_request(live: Live, stranger: TestClient) -> None:
    live.open()
    answer = stranger.get("/api/cameras", headers={"authorization": f"bearer {TOKEN}"})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers


def test_the_token_in_the_address_becomes_a_cookie(stranger: TestClient) -> None:
    answer = stranger.get("/", params={"lang": "pt-BR", "token": TOKEN})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?lang=pt-BR"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in answer.headers["set-cookie"]
    assert stranger.get("/").status_code == 200  # the client keeps it
    assert stranger.get("/", params={"token": TOKEN}).status_code == 303  # it should not stay in sight
    with stranger.websocket_connect(THERE + "/ws"):
        pass


def test_no_redirect_leads_to_another_server(stranger: TestClient) -> None:
    answer = stranger.get(f"http://road.example:8000//evil.example/?token={TOKEN}")
    assert answer.headers["location"].startswith("/evil.example/")


def test_people_get_a_page_to_type_the_token(stranger: TestClient) -> None:
    page = stranger.get("/", headers=HTML | {"accept-language": "pt-BR,pt"})
    assert page.status_code == 401
    assert "precisa de um token" in page.text
    assert "unsafe" not in page.headers["content-security-policy"]
    form = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
    wrong = stranger.post("/token", content="token=wrong", headers=form)
    assert wrong.status_code == 401
    assert "not the token" in wrong.text
    right = stranger.post("/token", content=f"token={TOKEN}", headers=form)
    assert (right.status_code, right.headers["location"]) == (303, "/")
    assert stranger.get("/").status_code == 200


def test_the_typed_token_is_not_taken_from_another_site(stranger: TestClient) -> None:
    answer = stranger.post("/token", content=f"token={TOKEN}", headers={"origin": "http://evil.example"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "", "a@localhost"]
)
def test_without_a_token_other_names_are_refused(live: Live, client: TestClient, host: str) -> None:
    live.open()
    for path in ROUTES:
        assert client.get(path, headers={"host": host}).status_code == 403
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(HERE + "/ws", headers={"host": host}):
        pass


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.1:8000", "[::1]", "[::1]:8000"])
def test_without_a_token_this_machine_is_served(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


ELSEWHERE = [
    "http://evil.example",
    "null",
    "http://localhost:9999",
    "https://localhost",
    "http://localhost:x",
]


@pytest.mark.parametrize("origin", ELSEWHERE)
def test_pages_of_other_sites_change_nothing(live: Live, client: TestClient, origin: str) -> None:
    camera = live.open()
    headers = {"origin": origin}
    asked = client.post("/api/cameras/gate/recording", json={"on": True}, headers=headers)
    assert asked.status_code == 403
    assert client.put("/api/cameras/gate/scene", json={"lines": []}, headers=headers).status_code == 403
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(HERE + "/ws", headers=headers):
        pass
    assert camera.heard(0.1) is None
    own = client.post(
        "/api/cameras/gate/recording", json={"on": True}, headers={"origin": "http://localhost:8000"}
    )
    assert own.status_code == 200


def test_bodies_are_bounded(live: Live, client: TestClient) -> None:
    live.open()
    path = "/api/cameras/gate/scene"
    assert client.put(path, content=b"[" * 600_000).status_code == 413
    assert client.put(path, content=iter([b" " * 100_000] * 7)).status_code == 413
    assert client.put(path, content=b"[" * 400_000).status_code in (400, 422)
    assert client.put(path, content=b"\xff\xfe").status_code in (400, 422)

"""The application: what it answers, and that nobody else gets an answer."""

from __future__ import annotations

import threading
import time
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tracker.live.app import build_app
from tracker.live.messages import Happened, Record

Live = Any  # conftest.Live: test files do not import one another
HERE = "ws://localhost:8000"


@pytest.fixture
def client(live: Live) -> TestClient:
    """Somebody on this machine; no token."""
    return TestClient(build_app(live.hub, None), base_url="http://localhost:8000")


def test_health_says_which_cameras_are_open(live: Live, client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "cameras": {}}
    live.open()
    live.plug("ramp")
    assert client.get("/healthz").json() == {
        "status": "degraded",
        "cameras": {"gate": "open", "ramp": "starting"},
    }


def test_cameras(live: Live, client: TestClient) -> None:
    live.open()
    (camera,) = client.get("/api/cameras").json()
    assert camera == client.get("/api/cameras/gate").json()
    assert camera["state"] == "open"
    assert camera["latency_ms"] == {"median": 61.0, "p99": 180.0, "most": 240.0}
    assert camera["dropped"] == {"late": 15, "overtaken": 5}
    assert camera["present"] == 1
    assert client.get("/api/cameras/gaet").status_code == 404
    assert client.get("/api/cameras/gaet").json()["detail"].startswith("unknown camera 'gaet'")


def test_counts_events_and_tracks(live: Live, client: TestClient) -> None:
    camera = live.open()
    camera.send(Happened([live.crossing(), live.crossing(label="bus")]))
    live.until(lambda: live.hub.counts("gate").totals)
    (answer,) = client.get("/api/counts", params={"camera": "gate"}).json()
    assert [(x["label"], x["total"], sum(x["minutes"])) for x in answer["counts"]] == [
        ("bus", 1, 1),
        ("car", 1, 1),
    ]
    assert len(answer["seen"]) == len(answer["counts"][0]["minutes"]) == 60
    first, second = client.get("/api/events").json()
    assert first["speed_kmh"] == 43.2
    assert client.get("/api/events", params={"after": first["id"]}).json() == [second]
    assert client.get("/api/events", params={"limit": 1}).json() == [second]
    assert client.get("/api/events", params={"camera": "gate", "limit": 100000}).status_code == 422
    (track,) = client.get("/api/tracks").json()
    assert track["box"] == [1.0, 2.0, 30.0, 40.0]
    assert client.get("/api/counts", params={"camera": "nobody"}).status_code == 404


def test_metrics_grow(live: Live, client: TestClient) -> None:
    camera = live.open()
    camera.send(Happened([live.crossing('Nor"th')]))
    live.until(lambda: live.hub.counts("gate").totals)
    text = client.get("/metrics").text
    way = 'camera="gate",class="car",direction="in",line="Nor\\"th"'
    assert f"road_tracker_crossings_total{{{way}}} 1.0" in text
    assert 'road_tracker_cnn_runs_total{camera="gate",reason="low_confidence"} 9.0' in text
    assert 'road_tracker_dropped_total{camera="gate",reason="late"} 15.0' in text
    assert 'road_tracker_open{camera="gate"} 1.0' in text
    again = live.open()  # its process was started anew, and its numbers began at 0
    again.send(live.status(cnn_runs={"low_confidence": 2}))
    live.until(lambda: "low_confidence" in client.get("/metrics").text)
    live.until(lambda: '="low_confidence"} 20.0' in client.get("/metrics").text)


def test_recording_is_asked_of_the_camera(live: Live, client: TestClient) -> None:
    camera = live.open()
    assert client.post("/api/cameras/gate/recording", json={"on": True}).json() == {"on": True}
    assert camera.heard() == Record(True)
    assert client.post("/api/cameras/gate/recording", json={}).status_code == 422
    camera.die()
    live.until(lambda: live.hub.view("gate").state == "gone")
    answer = client.post("/api/cameras/gate/recording", json={"on": True})
    assert answer.status_code == 409
    assert "does not answer" in answer.json()["detail"]


def test_one_picture(live: Live, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = live.open()
    threading.Timer(0.1, camera.picture, (4,)).start()
    answer = client.get("/api/cameras/gate/picture")
    assert answer.content == live.jpeg(4)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-picture-index"] == "4"
    monkeypatch.setattr("tracker.live.pictures._FIRST_PICTURE_S", 0.05)
    monkeypatch.setattr("tracker.live.hub._FRESH_S", -1.0)
    assert client.get("/api/cameras/gate/picture").status_code == 503


def test_the_stream_is_framed_as_browsers_expect(live: Live, client: TestClient) -> None:
    camera = live.open()

    def film() -> None:
        for number in range(3):
            camera.picture(number)
            time.sleep(0.15)
        live.hub.close()

    threading.Timer(0.1, film).start()
    answer = client.get("/api/cameras/gate/stream")
    assert answer.headers["content-type"] == "multipart/x-mixed-replace; boundary=picture"
    head, *parts, tail = answer.content.split(b"--picture\r\n")
    assert head == tail == b""
    assert len(parts) == 3
    for number, part in enumerate(parts):
        fields, _, content = part.partition(b"\r\n\r\n")
        assert content == live.jpeg(number) + b"\r\n"
        assert f"Content-Length: {len(content) - 2}".encode() in fields


def test_a_viewer_that_goes_is_noticed(live: Live, address: str) -> None:
    camera = live.open()
    with httpx.stream("GET", f"{address}/api/cameras/gate/stream") as answer:
        chunks = answer.iter_bytes()
        next(chunks)
        camera.picture(1)
        assert b"image/jpeg" in next(chunks)
        assert live.hub.view("gate").viewers == 1
    live.until(lambda: live.hub.view("gate").viewers == 0)  # though no picture came that could fail


def test_pictures_for_the_page_come_when_asked_for(live: Live, client: TestClient) -> None:
    camera = live.open()
    with client.websocket_connect(HERE + "/api/cameras/gate/pictures") as socket:
        for number in range(3):
            socket.send_text("next")
            camera.picture(number)
            assert socket.receive_bytes() == live.jpeg(number)
        assert live.hub.view("gate").viewers == 1
    live.until(lambda: live.hub.view("gate").viewers == 0)


def test_pictures_of_nobody_end(client: TestClient) -> None:
    with (
        client.websocket_connect(HERE + "/api/cameras/nobody/pictures") as socket,
        pytest.raises(WebSocketDisconnect),
    ):
        socket.receive_bytes()


def test_the_board_is_sent_at_once_and_every_second(live: Live, client: TestClient) -> None:
    camera = live.open()
    with client.websocket_connect(HERE + "/ws") as socket:
        first = socket.receive_json()
        assert [x["name"] for x in first["cameras"]] == ["gate"]
        began_s = time.monotonic()
        camera.send(Happened([live.crossing()]))
        second = socket.receive_json()
        assert 0.5 < time.monotonic() - began_s < 2
        assert second["counts"][0]["counts"][0]["total"] == 1
        assert second["events"][0]["name"] == "North"
        camera.die()  # a change of state does not wait for the second to end
        live.until(lambda: live.hub.view("gate").state == "gone")
        assert socket.receive_json()["cameras"][0]["state"] == "gone"


def test_what_can_be_asked_is_described(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    assert "/api/cameras/{name}/scene" in schema["paths"]
    for path, methods in schema["paths"].items():
        for about in methods.values():
            assert about["description"], path
    assert {"CameraAnswer", "CountsAnswer", "EventAnswer", "SceneAnswer"} <= set(
        schema["components"]["schemas"]
    )
    assert "/api/events" in client.get("/docs").text


def test_the_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    for file in resources.files("tracker.live").joinpath("page").iterdir():
        text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, file.name
        assert "https://" not in text, file.name


def test_files_of_the_page_are_kept_by_browsers(client: TestClient) -> None:
    first = client.get("/page/page.js")
    assert first.headers["content-type"].startswith("text/javascript")
    assert client.get("/page/page.js", headers={"if-none-match": first.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    "path",
    ["/page/../app.py", "/page/%2e%2e/app.py", "/page/..%2fapp.py", "/page/words.toml", "/page//etc/passwd"],
)
def test_no_path_leads_out_of_the_page(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (404, 405)


def test_words_are_the_same_in_both_languages_and_in_reports(client: TestClient) -> None:
    words = client.get("/words.json").json()
    report = tomllib.loads(Path("tracker/report/words.toml").read_text("utf-8"))
    assert set(words["en"]) == set(words["pt-BR"])
    for language in ("en", "pt-BR"):
        for kind in ("class", "classes", "reasons"):
            assert words[language][kind] == report[language][kind]


def test_every_text_that_the_page_says_is_there(client: TestClient) -> None:
    import re

    words = client.get("/words.json").json()["en"]
    folder = resources.files("tracker.live").joinpath("page")
    code = "".join(x.read_text("utf-8") for x in folder.iterdir() if x.name.endswith(".js"))
    said = set(re.findall(r"""(?:say|count|button|field)\("([a-z_.0-9]+)\"""", code))
    assert len(said) > 60
    assert said <= set(words)

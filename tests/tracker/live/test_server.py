"""Where a page is served, and to whom."""

from __future__ import annotations

import socket

import pytest

from detectors.errors import UsageError
from tracker.errors import ServeError
from tracker.live.server import TOKEN, Address, Server, token_for


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback", "url"),
    [
        ("8000", "127.0.0.1", 8000, True, "http://127.0.0.1:8000/"),
        ("0.0.0.0:80", "0.0.0.0", 80, False, "http://0.0.0.0:80/"),
        ("localhost:0", "localhost", 0, True, "http://localhost:0/"),
        ("[::1]:8000", "::1", 8000, True, "http://[::1]:8000/"),
        ("127.8.8.8:9", "127.8.8.8", 9, True, "http://127.8.8.8:9/"),
        ("road-cam.local:8000", "road-cam.local", 8000, False, "http://road-cam.local:8000/"),
    ],
)
def test_addresses(text, host, port, loopback, url):
    address = Address.read(text)
    assert (address.host, address.port, address.is_loopback, address.url) == (host, port, loopback, url)


@pytest.mark.parametrize("text", ["", ":", ":8000", "host", "host:", "8000x", "-1", "70000", "1.5", "[]:1"])
def test_no_addresses(text):
    with pytest.raises(UsageError, match=r"\[HOST:\]PORT"):
        Address.read(text)


def test_whoever_can_come_from_elsewhere_needs_a_token(monkeypatch):
    monkeypatch.delenv(TOKEN, raising=False)
    assert token_for(Address("127.0.0.1", 1)) is None
    first, second = (token_for(Address("0.0.0.0", 1)) for _ in range(2))
    assert first is not None
    assert len(first) >= 24
    assert first != second
    monkeypatch.setenv(TOKEN, "0123456789abcdef")
    assert token_for(Address("127.0.0.1", 1)) == "0123456789abcdef"
    monkeypatch.setenv(TOKEN, "short")
    with pytest.raises(UsageError, match="16 characters"):
        token_for(Address("0.0.0.0", 1))


def test_a_port_that_is_taken_is_said_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=f"cannot serve at http://127.0.0.1:{port}/: .*; choose another"):
            Server(Address("127.0.0.1", port), None)


def test_a_host_that_is_not_here_is_said_in_one_line():
    with pytest.raises(ServeError, match="cannot serve"):
        Server(Address("192.0.2.1", 8000), "0123456789abcdef")

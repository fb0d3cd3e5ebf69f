"""What the page needs to update itself, sent once a second, and at once where something important changed."""

from __future__ import annotations

import asyncio
import contextlib
import time

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from tracker.live.answers import board_answer
from tracker.live.api import TheHub
from tracker.live.hub import Hub
from tracker.live.waiting import Waiter

_EVERY_S = 1.0
#: Many changes at once are one message.
_REST_S = 0.2
_EVENTS_SHOWN = 30
router = APIRouter()


class Board:
    """The page's data as text, made once for all who look at it."""

    def __init__(self, hub: Hub) -> None:
        """Begin with nothing."""
        self._hub = hub
        self._text, self._made_s, self._changes = "", float("-inf"), -1

    def text(self) -> str:
        """Return the data, a fifth of a second old at most and with the last important change."""
        changes = self._hub.changes
        if changes != self._changes or time.monotonic() - self._made_s >= _REST_S:
            self._text = board_answer(self._hub, _EVENTS_SHOWN).model_dump_json()
            self._made_s, self._changes = time.monotonic(), changes
        return self._text


@router.websocket("/ws")
async def updates(socket: WebSocket, hub: TheHub) -> None:
    """Send everything that the page shows, as in ``BoardAnswer``."""
    board: Board = socket.app.state.board
    await socket.accept()
    with hub.waiting() as waiter:
        sending = asyncio.create_task(_send(socket, board, waiter, hub))
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while not sending.done():
                await socket.receive()
        sending.cancel()


async def _send(socket: WebSocket, board: Board, waiter: Waiter, hub: Hub) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while not hub.closed:
            await socket.send_text(board.text())
            await asyncio.sleep(_REST_S)
            await waiter.wait(_EVERY_S - _REST_S)
        await socket.close(1001)

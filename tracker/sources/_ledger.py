"""What became of every picture that a source sent: nothing gets lost without an entry."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Final

from tracker.types import SourceHealth

LATE: Final = "late"
NO_KEY: Final = "no_key_picture"
DAMAGED: Final = "damaged"
OVERTAKEN: Final = "overtaken"
#: Reasons for which a picture never gets a place in the order of decoded ones.
BEFORE_DECODING = (LATE, NO_KEY, DAMAGED)


class Ledger:
    """Kept by the threads of a source; read by anybody at any moment."""

    def __init__(self) -> None:
        """Begin with an open source that sent nothing."""
        self._lock = threading.Lock()
        self._state, self._since, self._why = "open", datetime.now(UTC), ""
        self._received = self._handed_on = self._losses = 0
        self._dropped: Counter[str] = Counter()
        self._arrival_s: float | None = None

    def receive(self, arrival_s: float | None = None, number: int = 1) -> None:
        """Enter pictures that came, the last one at a moment of the monotonic clock."""
        with self._lock:
            self._received += number
            self._arrival_s = arrival_s if arrival_s is not None else self._arrival_s

    def drop(self, reason: str, number: int = 1) -> None:
        """Enter pictures that nobody will process."""
        with self._lock:
            self._dropped[reason] += number

    def hand_on(self) -> None:
        """Enter a picture that is processed."""
        with self._lock:
            self._handed_on += 1

    def lose(self, why: str) -> None:
        """Enter that the line is lost."""
        with self._lock:
            self._losses += 1
            self._why = why
            self._enter("lost")

    def find(self) -> None:
        """Enter that it is there again."""
        with self._lock:
            self._enter("open")

    def end(self) -> None:
        """Enter that nothing more will come."""
        with self._lock:
            self._enter("ended")

    def skipped(self) -> int:
        """Return how many pictures were dropped before they were decoded."""
        with self._lock:
            return sum(self._dropped[reason] for reason in BEFORE_DECODING)

    def health(self) -> SourceHealth:
        """Return all of it."""
        with self._lock:
            silent_s = None if self._arrival_s is None else max(time.monotonic() - self._arrival_s, 0.0)
            dropped = {reason: number for reason, number in self._dropped.items() if number}
            return SourceHealth(
                self._state,
                self._since,
                self._received,
                self._handed_on,
                dropped,
                self._losses,
                silent_s,
                self._why,
            )

    def _enter(self, state: str) -> None:
        if state != self._state:
            self._state, self._since = state, datetime.now(UTC)

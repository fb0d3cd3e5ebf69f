"""What the picture of an event is called: the same for whoever asks, safe in any folder, never twice."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata

from tracker.types import Event

#: Folder of the pictures in the folder of a run.
EVIDENCE = "evidence"
_WORD_LENGTH = 24
_DIGEST_LENGTH = 10
#: What ``evidence_name`` makes: whoever removes pictures touches nothing else.
EVIDENCE_NAME = re.compile(r"\d{6,16}\.\d{3}s(_[a-z0-9-]{1,24}){2}_\d{1,20}_[0-9a-f]{10}\.jpg")
_LONGEST_S = 10**15


def evidence_name(event: Event) -> str:
    """Return the file name of an event's picture, such as ``000083.480s_north_in_17_0c1f9a33be.jpg``.

    It follows from the event alone: when (seconds of the video), line, direction, track, and a digest that
    keeps lines apart whose names look alike. It has at most 110 characters, all of them a-z, 0-9 and
    ``. _ -``, whatever the line is called, and no folder in it.
    """
    moment_s = event.time_s if math.isfinite(event.time_s) else 0.0
    clock = f"{min(abs(max(moment_s, 0.0)), _LONGEST_S):010.3f}"  # abs: -0.0 would show its sign
    words = f"{_word(event.name)}_{_word(event.direction)}_{event.track_id % 10**20}"
    return f"{clock}s_{words}_{_digest(event)}.jpg"


def _word(text: str) -> str:
    """Return what is left of a text in lower-case ASCII; ``x`` where nothing is."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:_WORD_LENGTH].strip("-") or "x"


def _digest(event: Event) -> str:
    # plain numbers: NumPy's look different, and mean the same
    moment = (int(event.track_id), int(event.frame_index), float(event.time_s))
    who = (event.kind, event.name, event.direction, *moment)
    # repr: no two different lists of parts look the same, and lone surrogates are escaped
    return hashlib.sha256(ascii(who).encode()).hexdigest()[:_DIGEST_LENGTH]

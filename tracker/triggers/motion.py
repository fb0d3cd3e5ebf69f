"""The CNN where something moves that no track explains: who is new need not wait for the interval.

What moves outside all boxes on two frames asks for a look (``tracker/triggers/_background.py``). Where a look
found nothing, the place is left alone for a while.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracker.triggers._background import Background, BackgroundConfig, Watching
from tracker.types import Reason


@dataclass(frozen=True, slots=True)
class Config(BackgroundConfig):
    """Settings: see ``BackgroundConfig``."""


def build(config: Config) -> Watching[Config]:
    """Build the trigger: first frame, unexplained motion, longest interval."""
    return Watching(config, Reason.UNEXPLAINED_MOTION, Background)

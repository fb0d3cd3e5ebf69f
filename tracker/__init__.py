"""From pixels to tracks: what drove by, when and where.

>>> from tracker import open_pipeline
>>> with open_pipeline("road.mp4") as pipeline:      # doctest: +SKIP
...     for result in pipeline.run():
...         print(result.frame.time_s, [(t.id, t.box) for t in result.tracks])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracker.compose import open_pipeline

__all__ = ["open_pipeline"]

_HOME = {"open_pipeline": "tracker.compose"}


def __getattr__(name: str) -> Any:
    """Import a door only when somebody walks through it: ``track --help`` must answer at once."""
    from detectors.registry import lazy_attribute

    return lazy_attribute(__name__, _HOME, name)

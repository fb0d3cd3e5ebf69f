"""``evidence/``: for every crossing of a line one small picture of the vehicle.

An event is reported up to about a second after it happened. So the last two seconds of every shown track
are kept as small pictures, one every 0.2 s, and the one is written that was taken nearest to the event and
shows the vehicle whole, uncovered and inside the picture. The file's name follows from the event
(``evidence_name``). A crossing of a track of which there is no view (it was never shown, or memory was
short) has no picture.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tracker.errors import SinkError
from tracker.sinks._blur import Blur, hide
from tracker.sinks._evidence_name import EVIDENCE, evidence_name
from tracker.sinks._files import writing
from tracker.sinks._jpeg import write_jpeg
from tracker.sinks._views import Views
from tracker.types import FrameResult, RunInfo


@dataclass(frozen=True, slots=True)
class Config:
    """The folder to write to, whether people and plates are hidden, and how large things may become.

    ``margin`` around the vehicle is a share of its longer side; pictures have at most ``side_px`` pixels on
    their longer side and JPEG's ``quality``; all that wait in memory have at most ``memory_mb`` megabytes.
    """

    path: str = EVIDENCE
    blur: bool = False
    margin: float = 0.2
    side_px: int = 640
    quality: int = 88
    memory_mb: float = 128.0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: one is out of its range.
        """
        if not 0 <= self.margin <= 2:
            raise ValueError(f"margin must lie in [0, 2], not {self.margin}")
        if not 16 <= self.side_px <= 8192:
            raise ValueError(f"side_px must lie in [16, 8192], not {self.side_px}")
        if not 1 <= self.quality <= 100:
            raise ValueError(f"quality must lie in [1, 100], not {self.quality}")
        if not 1 <= self.memory_mb < float("inf"):
            raise ValueError(f"memory_mb must be at least 1 and finite, not {self.memory_mb}")


class EvidenceSink:
    """Keeps views of live tracks, and writes one when an event comes."""

    def __init__(self, config: Config) -> None:
        """Nothing is written before ``open``."""
        self._config = config
        self._folder = Path(config.path)
        self._views = _no_views(config)
        self._blur: Blur | None = None
        self._is_open = False

    def open(self, run: RunInfo) -> None:
        """Make the folder.

        Raises:
            SinkError: it cannot be made.
        """
        _make(self._folder)
        self._blur = Blur(run.class_names) if self._config.blur else None
        self._is_open = True

    def write(self, result: FrameResult) -> None:
        """Look at the live tracks; write a picture for every crossing that is reported.

        Raises:
            SinkError: the disk is full or gone.
        """
        if not self._is_open:
            return
        places = self._blur.places(result) if self._blur is not None else []
        shown = [track for track in result.tracks if track.shown]
        self._views.add(result.frame, shown, places)
        for event in result.events:
            if event.kind == "crossing" and (view := self._views.best(event)) is not None:
                write_jpeg(
                    self._folder / evidence_name(event), hide(view.image, view.places), self._config.quality
                )

    def close(self, completed: bool) -> None:
        """Let go of the views: every picture is written already. A second time does nothing."""
        self._is_open = False
        self._views = _no_views(self._config)


def _no_views(config: Config) -> Views:
    return Views(config.margin, config.side_px, round(config.memory_mb * 1e6))


def _make(folder: Path) -> None:
    """Make the folder and see that files can be written in it.

    Raises:
        SinkError: it cannot be made or written.
    """
    try:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()  # a nameless file leaves nothing behind
    except SinkError as exc:
        if folder.is_file():
            raise SinkError(f"cannot write {folder}: it is a file, not a folder") from exc
        raise


def build(config: Config) -> EvidenceSink:
    """Build the sink."""
    return EvidenceSink(config)

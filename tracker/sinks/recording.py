"""Annotated video of a camera in parts of some minutes, each valid on its own, even after a power cut.

The parts are fragmented MP4: what was written of one can be played, whatever happens to the rest. A tracker
that is busy is never kept waiting: then pictures are left out. Old parts are removed, the oldest first, where
they are too many or too old.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from tracker.errors import SinkError
from tracker.parts import new_part, remove_old_parts, sync
from tracker.sinks._blur import Blur, Place, hide
from tracker.sinks._draw import Annotator, Image
from tracker.sinks._encode import Encoder, check_codec
from tracker.sinks._files import sink_error, writing
from tracker.types import FrameResult, RunInfo

#: So many pictures may wait to be encoded: a second of them, and no more than fit into so many bytes.
_WAITING, _WAITING_BYTES = 30, 64_000_000


@dataclass(frozen=True, slots=True)
class Config:
    """Where to write, how, and how long it is kept.

    Attributes:
        path: folder of the parts.
        codec: of the video.
        trail_s: length of the trails, in seconds.
        blur: hide people and plates.
        part_s: length of a part, in seconds.
        start: record from the beginning; otherwise when somebody switches it on.
        keep_days: parts that began longer ago are removed.
        keep_gb: the oldest are removed where all together have more gigabytes (10^9 bytes).
    """

    path: str = "recording"
    codec: Literal["h264", "vp9", "av1"] = "h264"
    trail_s: float = 1.5
    blur: bool = False
    part_s: float = 600.0
    start: bool = True
    keep_days: float | None = None
    keep_gb: float | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: a time or a size is negative, endless or nothing.
        """
        if not 0 <= self.trail_s < float("inf"):
            raise ValueError(f"trail_s must be at least 0 and finite, not {self.trail_s}")
        if not 1 <= self.part_s <= 86_400:
            raise ValueError(f"part_s must lie in [1, 86400], not {self.part_s}")
        for name, value in (("keep_days", self.keep_days), ("keep_gb", self.keep_gb)):
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0 and finite, not {value}")


@dataclass(frozen=True, slots=True, eq=False)
class _Drawable:
    result: FrameResult
    places: tuple[Place, ...]


class RecordingSink:
    """Draws and encodes behind the tracking.

    Attributes:
        on: it records; may be switched by any thread at any moment.
        skipped: pictures that were left out because the encoder could not keep up.
    """

    def __init__(self, config: Config) -> None:
        """Nothing is written before ``open``."""
        self._config = config
        self.on = config.start
        self.skipped = 0
        self._queue: queue.Queue[_Drawable | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        self._blur: Blur | None = None
        self._annotator: Annotator | None = None
        self._recorded = False

    def open(self, run: RunInfo) -> None:
        """See that the folder can be written, and start the thread.

        Raises:
            SinkError: it cannot, or the codec is missing.
        """
        check_codec(self._config.codec)
        folder = Path(self._config.path)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        frame_bytes = max(3 * run.source.width * run.source.height, 1)
        self._queue = queue.Queue(max(2, min(_WAITING, _WAITING_BYTES // frame_bytes)))
        self._blur = Blur(run.class_names) if self._config.blur else None
        self._annotator = Annotator(run.class_names, self._config.trail_s, run.scene)
        parts = _Parts(self._config, run.source.rate_fps)
        self._thread = threading.Thread(target=self._work, args=(parts,), name="recording", daemon=True)
        self._thread.start()

    def write(self, result: FrameResult) -> None:
        """Take a frame, if it is recording and there is room for it.

        Raises:
            SinkError: a picture before could not be written.
        """
        if self._failure is not None:
            self._tell()
        if self._thread is None or self._annotator is None:
            return
        # who is known is followed on every frame
        places = tuple(self._blur.places(result)) if self._blur is not None else ()
        recording, self._recorded = self._recorded, self.on
        if not self.on:
            self._annotator.count(result.events)
            if recording:
                self._queue.put(None)  # the part ends
            return
        try:
            self._queue.put_nowait(_Drawable(result, places))
        except queue.Full:
            self._annotator.count(result.events)
            self.skipped += 1

    def close(self, completed: bool) -> None:
        """Finish the last part, also when the run was broken off; a second time does nothing.

        Raises:
            SinkError: it could not be written.
        """
        if self._thread is None:
            return
        thread, self._thread = self._thread, None
        self._queue.put(None)
        self._queue.put(None)  # a second one ends the thread
        thread.join()
        if self._failure is not None:
            self._tell()

    def _tell(self) -> None:
        failure, self._failure = self._failure, None
        self.on = False
        assert failure is not None
        if isinstance(failure, SinkError):
            raise failure
        raise sink_error(Path(self._config.path), failure) from failure

    def _work(self, parts: _Parts) -> None:
        """Draw and encode until None comes twice in a row (in the thread)."""
        assert self._annotator is not None
        ended = False
        while True:
            drawable = self._queue.get()
            if drawable is None and ended:
                return
            ended = drawable is None
            if self._failure is not None:
                continue
            try:
                if drawable is None:
                    parts.end()
                else:
                    parts.add(self._annotator.draw(_hidden(drawable)), drawable.result)
            except Exception as exc:
                # whatever it was is raised where the run can be stopped: at the next write, or at close
                self._failure = exc
                parts.abandon()


def _hidden(drawable: _Drawable) -> FrameResult:
    """Return the result with a picture on which people and plates are hidden."""
    result = drawable.result
    if not drawable.places:
        return result
    return replace(result, frame=replace(result.frame, image=hide(result.frame.image, drawable.places)))


class _Parts:
    """Writes parts one after another, and removes old ones."""

    def __init__(self, config: Config, rate_fps: float | None) -> None:
        self._config, self._rate_fps = config, rate_fps
        self._folder = Path(config.path)
        self._encoder: Encoder | None = None
        self._path: Path | None = None
        self._begin_s = 0.0

    def add(self, image: Image, result: FrameResult) -> None:
        """Append a picture; begin another part where it is time."""
        time_s = result.frame.time_s
        if self._encoder is not None and (
            time_s - self._begin_s >= self._config.part_s or result.frame.gap_s
        ):
            self.end()
        if self._encoder is None:
            self._begin(result)
        assert self._encoder is not None
        self._encoder.add(image, time_s)

    def end(self) -> None:
        """Finish the part that is being written, if there is one."""
        encoder, self._encoder = self._encoder, None
        if encoder is not None and self._path is not None:
            encoder.close()
            with writing(self._path):
                sync(self._path)

    def abandon(self) -> None:
        """Let go of the part that is being written: what there is of it can be played."""
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            encoder.abandon()

    def _begin(self, result: FrameResult) -> None:
        begin, config = result.frame.wall_time or datetime.now(UTC), self._config
        with writing(self._folder):
            remove_old_parts(self._folder, begin, config.keep_days, config.keep_gb)
        self._path, self._begin_s = new_part(self._folder, "annotated", begin), result.frame.time_s
        self._encoder = Encoder(self._path, config.codec, self._rate_fps, fragmented=True)


def build(config: Config) -> RecordingSink:
    """Build the sink."""
    return RecordingSink(config)
